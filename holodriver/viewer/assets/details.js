// Texts about the pictures: notes, metadata of the files, and the table of keys.

const KEYS = [
  [["←", "→"], "focus nearer, farther; with Shift: move the picture when zoomed"],
  [["Home", "End"], "focus on the near, the far plane"],
  [["P"], "sweep the focus between near and far"],
  [["X"], "swap A and B"],
  [["1", "2", "3"], "show A only, wipe, difference"],
  [["+", "−", "0"], "zoom in, out, fit"],
  [["click, tap"], "focus on this place"],
  [["drag"], "move the wipe, or the picture when zoomed"],
  [["double click, pinch, Ctrl + wheel"], "zoom"],
];

function describe() {
  const [width, height] = page.full;
  const ends = [dioptresText(0), dioptresText(planeCount - 1)];
  const said = [`${planeCount} focal planes`, `${width} × ${height} pixels`, ...(ends[0] ? [`${ends[0]} to ${ends[1]}`] : [])];
  for (const text of said) element("subtitle").append(Object.assign(document.createElement("span"), { textContent: text }));
  const notes = [...page.notes];
  if (page.width !== width) notes.push(`Pictures are shown at ${page.width} × ${page.height} pixels; scores were computed at full size.`);
  if (page.quality !== "lossless") notes.push(`Pictures are compressed (WebP, quality ${page.quality}) to keep this page small.`);
  const box = element("notes");
  for (const note of notes) paragraph(box, note);
  for (const method of page.methods) {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = `${method.name} (${method.seen})`;
    details.append(summary);
    for (const note of method.notes) paragraph(details, sentence(note), "quiet");
    const table = document.createElement("table");
    table.className = "facts";
    const body = table.createTBody();
    for (const [field, value] of method.facts) {
      const row = body.insertRow();
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = field;
      row.append(name);
      row.insertCell().textContent = value;
    }
    details.append(table);
    element("facts").append(details);
  }
  for (const [keys, text] of KEYS) {
    const row = element("keys").insertRow();
    const name = document.createElement("th");
    name.scope = "row";
    keys.forEach((key, index) => {
      if (index) name.append(" ");
      const part = document.createElement("kbd");
      part.textContent = key;
      name.append(part);
    });
    row.append(name);
    row.insertCell().textContent = text;
  }
  element("made").textContent = `Made by ${page.made_by}. This page is complete: it loads nothing from a network and sends nothing.`;
}

function paragraph(parent, text, name = "") {
  const p = document.createElement("p");
  p.className = name;
  p.textContent = text;
  parent.append(p);
}
