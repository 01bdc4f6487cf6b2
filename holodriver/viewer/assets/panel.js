// The panel section: a part of each colour's panel frame, and the frame's spectrum in the plane of the slit.

class Panel {
  constructor() {
    this.holograms = page.methods.filter((method) => method.panel);
    element("panel").hidden = !this.holograms.length;
    if (!this.holograms.length) return;
    this.colour = 0;
    this.large = false;
    const chooser = element("panel-of");
    this.holograms.forEach((method, index) => chooser.add(new Option(method.name, String(index))));
    chooser.parentElement.hidden = this.holograms.length < 2;
    chooser.addEventListener("change", () => this.show());
    this.colours();
    element("magnify").addEventListener("click", () => {
      this.large = !this.large;
      this.size();
    });
    new ResizeObserver(() => this.spectrum()).observe(element("spectrum"));
    this.show();
  }

  get method() {
    return this.holograms[Number(element("panel-of").value) || 0];
  }

  colours() {
    const box = element("colours");
    this.method.panel.colours.forEach((colour, index) => {
      const label = document.createElement("label");
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", name: "colour", value: String(index), checked: index === this.colour });
      input.addEventListener("change", () => {
        this.colour = index;
        this.show();
      });
      const text = document.createElement("span");
      text.textContent = `${colour.wavelength_nm} nm`;
      label.append(input, text);
      box.append(label);
    });
  }

  show() {
    const { panel, name } = this.method;
    const colour = panel.colours[Math.min(this.colour, panel.colours.length - 1)];
    const [left, top, width, height] = panel.part;
    const [full, tall] = [panel.effective[1], panel.effective[0]];
    const whole = width === full && height === tall;
    element("panel-note").textContent =
      `Panel frame for the ${colour.wavelength_nm} nm laser, ` +
      `${panel.native[1]} × ${panel.native[0]} pixels, gain ${colour.gain}.${panel.note ? ` ${sentence(panel.note)}` : ""}`;
    const image = element("frame");
    image.src = colour.frame;
    image.alt = `Panel frame of ${name} at ${colour.wavelength_nm} nm: fine grating lines that carry the picture`;
    element("frame-box").style.setProperty("--part", `${width} / ${height}`);
    element("frame-box").style.setProperty("--part-width", String(width));
    const binned = panel.binning > 1 ? `, each of ${panel.binning} × ${panel.binning} panel pixels` : "";
    element("frame-text").textContent = whole
      ? `The whole frame, ${width} × ${height} pixels${binned}`
      : `A part of ${width} × ${height} pixels${binned}, from pixel ${left}, ${top} of ${full} × ${tall}`;
    this.size();
    this.spectrum();
  }

  size() {
    element("frame-box").classList.toggle("large", this.large);
    element("magnify").setAttribute("aria-pressed", String(this.large));
    element("magnify").textContent = this.large ? "Whole" : "Magnify";
  }

  spectrum() {
    const { panel } = this.method;
    const colour = panel.colours[Math.min(this.colour, panel.colours.length - 1)];
    const svg = element("spectrum");
    const width = svg.clientWidth || 480;
    const height = (width * panel.native[0]) / panel.native[1];
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.aspectRatio = `${width} / ${height}`;
    svgPart(svg, "image", { href: colour.spectrum, width, height, preserveAspectRatio: "none" });
    const x = (frequency) => (0.5 + frequency / 2 / panel.reach) * width;
    const y = (frequency) => (0.5 + frequency / 2 / panel.reach) * height;
    const upright = panel.axis === "y"; // the carrier's axis
    const [along, across] = panel.slit;
    const at = (carrier) => (upright ? [x(0), y(carrier)] : [x(carrier), y(0)]);
    const [w, h] = upright ? [x(across) - x(-across), y(along) - y(-along)] : [x(along) - x(-along), y(across) - y(-across)];
    const [cx, cy] = at(panel.carrier);
    svgPart(svg, "rect", { class: "slit", x: cx - w / 2, y: cy - h / 2, width: w, height: h });
    svgPart(svg, "text", { x: cx - w / 2 + 6, y: cy - h / 2 + 15 }, "slit");
    for (const [carrier, name] of [[0, "zeroth order"], [panel.carrier, "carrier"], [-panel.carrier, "conjugate"]]) {
      const [px, py] = at(carrier);
      svgPart(svg, "circle", { class: "place", cx: px, cy: py, r: 5 });
      svgPart(svg, "text", { x: px + 10, y: py + 4 }, name);
    }
    const [low, high] = colour.range_db;
    svg.setAttribute("aria-label",
      `Spectrum of the frame at ${colour.wavelength_nm} nm: bright at the zeroth order, at the carrier inside the slit, ` +
      "and at the conjugate outside it");
    element("spectrum-text").textContent =
      `Spectrum of the frame in the plane of the slit, from −${panel.reach} to ${panel.reach} of the sampling frequency, ` +
      `on a logarithmic scale from ${signed(low)} to ${signed(high)} dB relative to the zeroth order of a white panel. ` +
      `The slit passes ${signed3(panel.carrier)} ± ${along.toFixed(3)} along ${panel.axis}.`;
  }
}

const signed3 = (value) => value.toFixed(3).replace("-", "−");
const signed = (value) => value.toFixed(0).replace("-", "−");
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
