// The page's data, and its pictures: those of A and B are decoded to bitmaps, the others stay encoded as text.

const page = JSON.parse(document.getElementById("data").textContent);
const KEPT_AT_MOST = 2; // largest number of methods with decoded pictures: a phone has little memory

const element = (id) => document.getElementById(id);
const planeCount = page.planes.length;

function blobOf(uri) {
  const comma = uri.indexOf(",");
  const bytes = Uint8Array.from(atob(uri.slice(comma + 1)), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: uri.slice(5, uri.indexOf(";")) });
}

class Pictures {
  constructor(ready) {
    this.ready = ready; // called after each picture that is decoded
    this.decoded = new Map(); // method → bitmap of each plane; null while it is decoded
  }

  // The bitmap of a plane; null if it is not decoded yet, in which case `ready` is called later.
  get(method, plane) {
    const bitmaps = this.decoded.get(method) ?? this.open(method);
    if (bitmaps[plane] === undefined) this.decode(bitmaps, method, plane);
    return bitmaps[plane] ?? null;
  }

  open(method) {
    const bitmaps = [];
    this.decoded.set(method, bitmaps);
    return bitmaps;
  }

  async decode(bitmaps, method, plane) {
    bitmaps[plane] = null;
    const bitmap = await createImageBitmap(blobOf(page.methods[method].pictures[plane]));
    if (this.decoded.get(method) !== bitmaps) return bitmap.close(); // no longer needed
    bitmaps[plane] = bitmap;
    this.ready();
  }

  // Decode all planes of these methods, those nearest to `plane` first, and free the bitmaps of other methods.
  async keep(methods, plane) {
    for (const [method, bitmaps] of this.decoded) {
      if (methods.includes(method) || this.decoded.size <= KEPT_AT_MOST) continue;
      this.decoded.delete(method);
      bitmaps.forEach((bitmap) => bitmap?.close());
    }
    const order = page.planes.map((_, index) => index).sort((a, b) => Math.abs(a - plane) - Math.abs(b - plane));
    for (const index of order) {
      for (const method of methods) {
        const bitmaps = this.decoded.get(method) ?? this.open(method);
        if (bitmaps[index] === undefined) await this.decode(bitmaps, method, index);
      }
    }
  }
}

// Normalised depth of every pixel; null if the page has no depth.
async function readDepth() {
  if (!page.depth) return null;
  const bitmap = await createImageBitmap(blobOf(page.depth), { colorSpaceConversion: "none" });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return Float32Array.from({ length: data.length / 4 }, (_, index) => data[4 * index] / 255);
}

function nearestPlane(t) {
  let best = 0;
  page.planes.forEach((plane, index) => {
    if (Math.abs(plane.t - t) < Math.abs(page.planes[best].t - t)) best = index;
  });
  return best;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Text such as "1.42 D"; empty if the display is not known.
function dioptresText(plane) {
  const { dioptres } = page.planes[plane];
  return dioptres === null ? "" : `${dioptres.toFixed(2)} D`;
}
