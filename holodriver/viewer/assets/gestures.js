// Mouse, pen and fingers on the stage: click to focus, drag to pan or wipe, pinch and wheel to zoom.

const STILL_PX = 6; // a press that moves less is a click
const WHEEL_STEP = 0.0022; // change of the zoom's logarithm for each pixel of the wheel

function listenToStage(stage, { clicked, wiped, hovered }) {
  const { box, canvas } = stage;
  const fingers = new Map(); // pointer → position
  let moved = 0;
  let pinch = null;

  const place = (event) => {
    const bounds = canvas.getBoundingClientRect();
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  };
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y) || 1, x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };

  const handle = element("wipe");
  for (const target of [canvas, handle]) { // a pinch may begin with a finger on the handle
    target.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      target.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, place(event));
      if (fingers.size === 1) moved = 0;
      if (fingers.size === 2) pinch = spread();
      box.classList.add("dragging");
    });

    target.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      const now = place(event);
      if (!before) {
        hovered(target === canvas ? now : null);
        return;
      }
      fingers.set(event.pointerId, now);
      if (fingers.size === 2) {
        const after = spread();
        stage.zoomAt(after.distance / pinch.distance, after.x, after.y);
        stage.pan(after.x - pinch.x, after.y - pinch.y);
        pinch = after;
        moved = Infinity;
        return;
      }
      moved += Math.hypot(now.x - before.x, now.y - before.y);
      if (target === handle) wiped(now.x / canvas.clientWidth);
      else if (moved < STILL_PX) return;
      else if (stage.zoom > 1.001) stage.pan(now.x - before.x, now.y - before.y);
      else if (stage.mode === "wipe") wiped(now.x / canvas.clientWidth);
    });

    const up = (event) => {
      if (!fingers.delete(event.pointerId)) return;
      if (!fingers.size) box.classList.remove("dragging");
      const still = event.type === "pointerup" && !fingers.size && moved < STILL_PX;
      if (still && target === canvas) clicked(place(event));
    };
    target.addEventListener("pointerup", up);
    target.addEventListener("pointercancel", up);
  }
  canvas.addEventListener("pointerleave", () => hovered(null));

  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && stage.zoom <= 1.001) return; // the page scrolls
    event.preventDefault();
    const { x, y } = place(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    stage.zoomAt(Math.exp(-event.deltaY * lines * WHEEL_STEP * (event.ctrlKey ? 3 : 1)), x, y);
  }, { passive: false });

  canvas.addEventListener("dblclick", (event) => {
    const { x, y } = place(event);
    stage.zoomAt(2, x, y);
  });

  handle.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1 };
    if (event.key in steps) wiped(stage.split + steps[event.key]);
    else if (event.key === "Home") wiped(0);
    else if (event.key === "End") wiped(1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
