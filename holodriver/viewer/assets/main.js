// The state of the page (A, B, focus, mode), and all controls that change it.

const SWEEP_MS = 110; // time for each plane
const THEMES = ["light", "dark"];

const stage = new Stage();
const curves = new Curves((plane) => focusOn(plane));
const last = page.methods.length - 1;
let depthMap = null;
let sweep = null;

const modeInputs = [...document.querySelectorAll("input[name=mode]")];

function focusOn(plane, { from = null } = {}) {
  if (from !== "sweep") stopSweep();
  stage.plane = clamp(plane, 0, planeCount - 1);
  update();
}

function setMode(mode) {
  stage.mode = page.methods.length < 2 ? "one" : mode;
  update();
}

function choose(first, second) {
  stage.first = clamp(first, 0, last);
  stage.second = clamp(second, 0, last);
  stage.pictures.keep([...new Set([stage.first, ...(stage.mode === "one" ? [] : [stage.second])])], stage.plane);
  update();
}

function wipeTo(split) {
  stage.split = clamp(split, 0, 1);
  update();
}

function update() {
  const { first, second, plane, mode, split } = stage;
  const [a, b] = [page.methods[first], page.methods[second]];
  const two = mode !== "one";
  element("first").value = String(first);
  element("second").value = String(second);
  modeInputs.forEach((input) => { input.checked = input.value === mode; });
  const slider = element("focus");
  slider.value = String(plane);
  const { t } = page.planes[plane];
  const dioptres = dioptresText(plane);
  slider.setAttribute("aria-valuetext",
    `plane ${plane + 1} of ${planeCount}, normalised depth ${t.toFixed(2)}${dioptres ? `, ${dioptres.replace("D", "dioptres")}` : ""}`);
  element("where-plane").textContent = `plane ${plane + 1} of ${planeCount}`;
  element("where-depth").textContent = `depth ${t.toFixed(3)}${dioptres ? ` · ${dioptres}` : ""}`;
  for (const id of ["line", "wipe"]) {
    element(id).hidden = mode !== "wipe";
    element(id).style.left = `${split * 100}%`;
  }
  element("wipe").setAttribute("aria-valuenow", String(Math.round(split * 100)));
  element("wipe").setAttribute("aria-valuetext", `${a.name} left of ${Math.round(split * 100)} %, ${b.name} right of it`);
  element("name-a").textContent = mode === "difference" ? `|${a.name} − ${b.name}| × 4` : a.name;
  element("name-b").textContent = b.name;
  element("name-b").hidden = mode !== "wipe";
  const said = { one: a.name, wipe: `${a.name} left of the wipe, ${b.name} right of it`, difference: `difference of ${a.name} and ${b.name}` };
  element("view").setAttribute("aria-label", `${said[mode]}; focus on plane ${plane + 1} of ${planeCount}`);
  curves.show({ first, second: two ? second : null, plane });
  stage.draw();
}

function clicked({ x, y }) {
  const pixel = stage.pixelAt(x, y);
  if (!pixel || !depthMap) return;
  const plane = nearestPlane(depthMap[pixel.row * page.width + pixel.column]);
  const reticle = element("reticle");
  reticle.style.left = `${x}px`;
  reticle.style.top = `${y}px`;
  reticle.classList.remove("shown");
  void reticle.offsetWidth; // restarts the animation
  reticle.classList.add("shown");
  focusOn(plane);
  element("live").textContent = `Focus on plane ${plane + 1}`;
}

function hovered(point) {
  const pixel = point && stage.pixelAt(point.x, point.y);
  const readout = element("readout");
  if (!pixel) {
    readout.textContent = "";
    return;
  }
  const deep = depthMap ? ` · depth ${depthMap[pixel.row * page.width + pixel.column].toFixed(2)}` : "";
  const names = ["A", "B"];
  const levels = stage.levels(pixel.column, pixel.row)
    .map((level, index) => (level ? ` · ${names[index]} ${level.join(" ")}` : "")).join("");
  readout.textContent = `pixel ${pixel.column}, ${pixel.row}${deep}${levels}`;
}

function startSweep() {
  let step = stage.plane === planeCount - 1 ? -1 : 1;
  sweep = setInterval(() => {
    if (stage.plane + step < 0 || stage.plane + step >= planeCount) step = -step;
    focusOn(stage.plane + step, { from: "sweep" });
  }, SWEEP_MS);
  element("play").setAttribute("aria-pressed", "true");
}

function stopSweep() {
  clearInterval(sweep);
  sweep = null;
  element("play").setAttribute("aria-pressed", "false");
}

const toggleSweep = () => (sweep === null ? startSweep() : stopSweep());

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("select, textarea, input, details, [role=region], #wipe")) return;
  const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (event.shiftKey && event.key in arrows && stage.zoom > 1.001) {
    stage.pan(...arrows[event.key].map((direction) => direction * 60));
  } else if (event.key === "ArrowLeft") focusOn(stage.plane - 1);
  else if (event.key === "ArrowRight") focusOn(stage.plane + 1);
  else if (event.key === "Home") focusOn(0);
  else if (event.key === "End") focusOn(planeCount - 1);
  else if (event.key === "p" || event.key === "P") toggleSweep();
  else if (event.key === "x" || event.key === "X") choose(stage.second, stage.first);
  else if (event.key === "1") setMode("one");
  else if (event.key === "2") setMode("wipe");
  else if (event.key === "3") setMode("difference");
  else if (event.key === "+" || event.key === "=") stage.zoomBy(1.5);
  else if (event.key === "-" || event.key === "−") stage.zoomBy(1 / 1.5);
  else if (event.key === "0") stage.fit();
  else return;
  event.preventDefault();
}

function chooseTheme() {
  const root = document.documentElement;
  const preferred = matchMedia("(prefers-color-scheme: dark)").matches;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : preferred);
  const button = element("theme");
  const tell = () => button.setAttribute("aria-pressed", String(dark()));
  button.addEventListener("click", () => {
    root.dataset.theme = THEMES[dark() ? 0 : 1];
    tell();
    stage.draw();
  });
  tell();
}

function begin() {
  describe();
  chooseTheme();
  for (const id of ["first", "second"]) {
    page.methods.forEach((method, index) => element(id).add(new Option(method.name, String(index))));
  }
  const several = page.methods.length > 1;
  for (const item of [element("first").parentElement, element("swap"), element("modes"), element("second").parentElement]) {
    item.hidden = !several;
  }
  const slider = element("focus");
  slider.max = String(planeCount - 1);
  element("ticks").style.setProperty("--step", `${100 / Math.max(1, planeCount - 1)}%`);
  element("near").textContent = `near${dioptresText(0) ? ` · ${dioptresText(0)}` : ""}`;
  element("far").textContent = `${dioptresText(planeCount - 1) ? `${dioptresText(planeCount - 1)} · ` : ""}far`;
  slider.addEventListener("input", () => focusOn(Number(slider.value)));
  element("first").addEventListener("change", (event) => choose(Number(event.target.value), stage.second));
  element("second").addEventListener("change", (event) => choose(stage.first, Number(event.target.value)));
  element("swap").addEventListener("click", () => choose(stage.second, stage.first));
  modeInputs.forEach((input) => input.addEventListener("change", () => setMode(input.value)));
  element("zoom-in").addEventListener("click", () => stage.zoomBy(1.5));
  element("zoom-out").addEventListener("click", () => stage.zoomBy(1 / 1.5));
  element("zoom-fit").addEventListener("click", () => stage.fit());
  element("play").addEventListener("click", toggleSweep);
  document.addEventListener("keydown", pressed);
  listenToStage(stage, { clicked, wiped: wipeTo, hovered });
  new Panel();
  stage.plane = Math.floor((planeCount - 1) / 2);
  stage.mode = several ? "wipe" : "one";
  choose(0, Math.min(1, last));
  readDepth().then((map) => {
    depthMap = map;
    element("hint").textContent = map ? "Click or tap the picture to focus on that place." : "";
    document.body.dataset.ready = "true";
  });
}

begin();
