// The stage shows A only, A and B with a wipe, or their difference, at one focus and any zoom.

const LARGEST_PIXEL = 32; // largest side of one picture pixel, CSS pixels
const CRISP_FROM = 3; // smallest side of a picture pixel, device pixels, that is drawn with sharp edges
const DIFFERENCE_DOUBLINGS = 2; // number of times that a difference is doubled: it is shown four times as bright

class Stage {
  constructor() {
    this.box = element("stage");
    this.canvas = element("view");
    this.context = this.canvas.getContext("2d");
    this.mode = "one";
    this.first = 0;
    this.second = 0;
    this.plane = 0;
    this.split = 0.5; // position of the wipe, share of the stage's width
    this.zoom = 1; // 1 shows the whole picture
    this.x = this.y = 0.5; // point in the middle of the stage, share of the picture's width and height
    this.pictures = new Pictures(() => this.draw());
    this.waiting = false;
    this.box.style.aspectRatio = `${page.width} / ${page.height}`;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  geometry() {
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    const fit = Math.min(width / page.width, height / page.height) || 1;
    const scale = fit * this.zoom;
    return {
      width, height, fit, scale,
      left: width / 2 - this.x * page.width * scale,
      top: height / 2 - this.y * page.height * scale,
    };
  }

  // The picture's pixel at a point of the stage (CSS pixels); null outside the picture.
  pixelAt(x, y) {
    const { left, top, scale } = this.geometry();
    const column = Math.floor((x - left) / scale);
    const row = Math.floor((y - top) / scale);
    return column >= 0 && row >= 0 && column < page.width && row < page.height ? { column, row } : null;
  }

  // Zoom by a factor; the point (x, y) of the stage keeps its place in the picture.
  zoomAt(factor, x, y) {
    const before = this.geometry();
    const u = (x - before.left) / before.scale / page.width;
    const v = (y - before.top) / before.scale / page.height;
    this.zoom = clamp(this.zoom * factor, 1, Math.max(1, LARGEST_PIXEL / before.fit));
    const { width, height, scale } = this.geometry();
    this.x = u - (x - width / 2) / (page.width * scale);
    this.y = v - (y - height / 2) / (page.height * scale);
    this.settle();
  }

  zoomBy(factor) {
    const { width, height } = this.geometry();
    this.zoomAt(factor, width / 2, height / 2);
  }

  fit() {
    this.zoom = 1;
    this.settle();
  }

  pan(dx, dy) {
    const { scale } = this.geometry();
    this.x -= dx / (page.width * scale);
    this.y -= dy / (page.height * scale);
    this.settle();
  }

  // Move the picture back into view if needed, and draw it.
  settle() {
    const { width, height, scale } = this.geometry();
    const hold = (at, size, room) => (size <= room ? 0.5 : clamp(at, room / 2 / size, 1 - room / 2 / size));
    this.x = hold(this.x, page.width * scale, width);
    this.y = hold(this.y, page.height * scale, height);
    this.box.classList.toggle("zoomed", this.zoom > 1.001);
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    const { width, height, left, top, scale } = this.geometry();
    if (!width) return;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const first = this.pictures.get(this.first, this.plane);
    const second = this.mode === "one" ? first : this.pictures.get(this.second, this.plane);
    if (!first || !second) return; // keep the old picture until `ready` draws again
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = "source-over";
    context.fillStyle = getComputedStyle(this.box).backgroundColor;
    context.fillRect(0, 0, w, h);
    context.imageSmoothingEnabled = scale * ratio < CRISP_FROM || this.zoom <= 1.001;
    context.imageSmoothingQuality = "high";
    const place = [left * ratio, top * ratio, page.width * scale * ratio, page.height * scale * ratio];
    context.drawImage(first, ...place);
    if (this.mode === "wipe") {
      context.save();
      context.beginPath();
      context.rect(Math.round(this.split * w), 0, w, h);
      context.clip();
      context.drawImage(second, ...place);
      context.restore();
    } else if (this.mode === "difference") {
      context.save();
      context.beginPath();
      context.rect(...place);
      context.clip();
      context.globalCompositeOperation = "difference";
      context.drawImage(second, ...place);
      context.globalCompositeOperation = "lighter";
      for (let times = 0; times < DIFFERENCE_DOUBLINGS; times += 1) context.drawImage(canvas, 0, 0);
      context.restore();
    }
    this.box.dataset.drawn = `${this.mode} ${this.first} ${this.second} ${this.plane}`;
    element("zoom-fit").textContent = this.zoom > 1.001 ? `${(scale * ratio * 100).toFixed(0)} %` : "fit";
  }

  // sRGB levels of A and B at a pixel; null for a picture that is not decoded.
  levels(column, row) {
    const read = (method) => {
      const bitmap = this.pictures.get(method, this.plane);
      if (!bitmap) return null;
      this.probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      this.probe.drawImage(bitmap, column, row, 1, 1, 0, 0, 1, 1);
      return [...this.probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    return this.mode === "one" ? [read(this.first)] : [read(this.first), read(this.second)];
  }
}
