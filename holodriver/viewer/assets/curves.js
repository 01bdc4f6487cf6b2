// Curves of PSNR and SSIM over the focal planes, and tables of the scores.

const SVG = "http://www.w3.org/2000/svg";
const SCORES = [
  { id: "psnr", name: "PSNR", unit: " dB", digits: 1 },
  { id: "ssim", name: "SSIM", unit: "", digits: 3 },
];
const NAMED_AT_MOST = 4; // largest number of curves with names beside them
const MARGIN = { left: 34, right: 12, top: 22, bottom: 24 };

function svgPart(parent, tag, attributes, text) {
  const part = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
  if (text !== undefined) part.textContent = text;
  parent.append(part);
  return part;
}

// Two to five round numbers between low and high.
function roundValues(low, high) {
  const span = high - low || 1;
  const rough = 10 ** Math.floor(Math.log10(span));
  const step = [0.1, 0.2, 0.5, 1, 2, 5].map((factor) => factor * rough).find((size) => span / size <= 4.5) ?? rough;
  const values = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9; at += step) values.push(at);
  return { values, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

// The plane in which a curve is farthest from all other curves, and the side on which its name has room.
function roomiest(curve, others) {
  const edge = Math.ceil(curve.length / 5);
  let best = { at: Math.floor(curve.length / 2), room: -1, above: true };
  for (let at = edge; at < curve.length - edge; at += 1) {
    const away = others.map((other) => other[at] - curve[at]).filter(Number.isFinite);
    const nearest = away.sort((a, b) => Math.abs(a) - Math.abs(b))[0] ?? Infinity;
    if (Math.abs(nearest) > best.room) best = { at, room: Math.abs(nearest), above: nearest > 0 };
  }
  return best;
}

class Curves {
  constructor(focused) {
    this.scored = page.methods.map((method, index) => ({ method, index })).filter(({ method }) => method.scores);
    element("scores").hidden = !this.scored.length;
    document.querySelector("main").classList.toggle("alone", !this.scored.length);
    this.state = null;
    element("encoded").addEventListener("change", () => this.show(this.state));
    for (const { id } of SCORES) {
      const svg = element(id);
      svg.addEventListener("click", (event) => {
        const bounds = svg.getBoundingClientRect();
        const along = (event.clientX - bounds.left - MARGIN.left) / (bounds.width - MARGIN.left - MARGIN.right);
        focused(nearestPlane(clamp(along, 0, 1) * this.span() + page.planes[0].t));
      });
      new ResizeObserver(() => this.state && this.curve(svg, id)).observe(svg);
    }
  }

  span() {
    return page.planes[planeCount - 1].t - page.planes[0].t || 1;
  }

  // state: { first, second, plane }; second is null if only A is shown
  show(state) {
    if (!this.scored.length || !state) return;
    this.state = state;
    this.key = element("encoded").checked ? "_srgb" : "";
    this.means();
    for (const { id } of SCORES) this.curve(element(id), id);
    if (this.told !== this.key) this.values();
    this.told = this.key;
  }

  role(index) {
    if (index === this.state.first) return "first";
    return index === this.state.second ? "second" : "rest";
  }

  means() {
    const rows = this.scored.map(({ method, index }) => {
      const role = this.role(index);
      const mark = role === "rest" ? "" : role === "first" ? "A" : "B";
      return { mark, role, cells: [method.name, ...SCORES.map(({ id, digits }) =>
        shown(method.means[id + this.key], digits))] };
    });
    const table = element("means");
    table.replaceChildren();
    table.createCaption().textContent = `Mean over ${planeCount} focal planes, against ${page.methods[0].name}`;
    headings(table, ["", "PSNR dB", "SSIM"]);
    const body = table.createTBody();
    for (const { mark, role, cells } of rows) {
      const row = body.insertRow();
      const name = document.createElement("th");
      name.scope = "row";
      if (mark) {
        const span = document.createElement("span");
        span.className = `mark ${role === "first" ? "a" : "b"}`;
        span.textContent = mark;
        name.append(span, " ");
      }
      name.append(cells[0]);
      row.append(name);
      for (const cell of cells.slice(1)) row.insertCell().textContent = cell;
    }
  }

  curve(svg, id) {
    const { unit, digits, name } = SCORES.find((score) => score.id === id);
    const width = svg.clientWidth || 320;
    const height = svg.clientHeight || 168;
    const all = this.scored.flatMap(({ method }) => method.scores[id + this.key]).filter((value) => value !== null);
    if (!all.length) return;
    const pad = (Math.max(...all) - Math.min(...all)) * 0.08 || 0.5;
    const [low, high] = [Math.min(...all) - pad, Math.max(...all) + pad];
    const x = (plane) => MARGIN.left +
      ((page.planes[plane].t - page.planes[0].t) / this.span()) * (width - MARGIN.left - MARGIN.right);
    const y = (value) => MARGIN.top + ((high - value) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const ticks = roundValues(low, high);
    for (const value of ticks.values) {
      svgPart(svg, "line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) });
      svgPart(svg, "text", { class: "axis", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" },
        value.toFixed(ticks.digits));
    }
    svgPart(svg, "text", { class: "axis", x: MARGIN.left, y: height - 6 }, "near");
    svgPart(svg, "text", { class: "axis", x: width - MARGIN.right, y: height - 6, "text-anchor": "end" }, "far");
    const { plane } = this.state;
    svgPart(svg, "line", { class: "now", x1: x(plane), x2: x(plane), y1: MARGIN.top - 6, y2: height - MARGIN.bottom });
    const order = { rest: 0, first: 1, second: 2 };
    const drawn = [...this.scored].sort((a, b) => order[this.role(a.index)] - order[this.role(b.index)]);
    const said = [];
    const texts = [];
    for (const { method, index } of drawn) {
      const values = method.scores[id + this.key];
      const role = this.role(index);
      const points = values.map((value, at) => (value === null ? null : `${x(at).toFixed(1)},${y(value).toFixed(1)}`));
      const line = svgPart(svg, "polyline", { class: role, points: points.filter(Boolean).join(" ") });
      svgPart(line, "title", {}, method.name);
      if (role === "rest" && this.scored.length <= NAMED_AT_MOST) {
        const others = this.scored.filter((other) => other.index !== index)
          .map((other) => other.method.scores[id + this.key].map(y));
        const { at, above } = roomiest(values.map(y), others);
        svgPart(svg, "text", { class: role, x: x(at), y: y(values[at]) + (above ? -6 : 14), "text-anchor": "middle" },
          method.name);
      }
      if (role === "rest" || values[plane] === null) continue;
      svgPart(svg, "circle", { class: role, cx: x(plane), cy: y(values[plane]), r: 4 });
      texts.push({ role, at: y(values[plane]) - 11, value: values[plane].toFixed(digits) });
      said.push(`${role === "first" ? "A" : "B"}, ${method.name}, ${values[plane].toFixed(digits)}${unit}`);
    }
    const leftSide = x(plane) > width - 60;
    texts.sort((a, b) => a.at - b.at).forEach((text, index) => {
      const apart = index && text.at - texts[index - 1].at < 15 ? texts[index - 1].at + 15 : text.at;
      text.at = apart;
      svgPart(svg, "text", { class: text.role, x: x(plane) + (leftSide ? -5 : 5), y: apart + 4,
        "text-anchor": leftSide ? "end" : "start" }, text.value);
    });
    const told = said.length ? said.join("; ") : "the shown pictures have no score";
    svg.setAttribute("aria-label", `${name} of each focal plane from near to far; in this plane: ${told}`);
  }

  values() {
    const table = element("values");
    table.replaceChildren();
    headings(table, ["plane", ...this.scored.flatMap(({ method }) => SCORES.map(({ name }) => `${name} ${method.name}`))]);
    const body = table.createTBody();
    page.planes.forEach((plane, at) => {
      const row = body.insertRow();
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = `${at + 1}`;
      row.append(name);
      for (const { method } of this.scored) {
        for (const { id, digits } of SCORES) {
          row.insertCell().textContent = shown(method.scores[id + this.key][at], digits + (id === "psnr" ? 1 : 0));
        }
      }
    });
  }
}

const shown = (value, digits) => (value === null ? "exact" : value.toFixed(digits));

function headings(table, names) {
  const row = table.createTHead().insertRow();
  for (const name of names) {
    const cell = document.createElement(name ? "th" : "td");
    if (name) cell.scope = "col";
    cell.textContent = name;
    row.append(cell);
  }
}
