// Marks pixels of a small picture on an enlarged one: with the mouse, a finger, a pen, or the keys.
// Part of a module: the widget adds an export, the studio joins it with its own files.

const MASK_ZOOM = 12; // pixels of the drawing per pixel of the picture, enough for stripes

function makeElement(tag, className, parent, attributes = {}, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  parent.append(made);
  return made;
}

// Paints height * width * 3 bytes; the canvas has one pixel for each of the picture's.
function paintRgb(canvas, rgb) {
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < canvas.width * canvas.height; i++)
    image.data.set([rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], 255], 4 * i);
  pen.putImageData(image, 0, 0);
}

// All pixels on the straight line between two, so that a quick stroke has no gaps.
function lineOfCells([x0, y0], [x1, y1]) {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
  return Array.from({ length: steps + 1 }, (_, k) => [
    Math.round(x0 + ((x1 - x0) * k) / steps),
    Math.round(y0 + ((y1 - y0) * k) / steps),
  ]);
}

// onChange is called when a stroke ends: `mask` is then a Uint8Array of height * width, 1 where it is painted.
function maskPainter(host, { height, width, label, onChange }) {
  let mask = new Uint8Array(height * width);
  let cursor = [Math.floor(width / 2), Math.floor(height / 2)];
  let stroke = null; // while the button is down: { last: [x, y], value: 1 or 0 }
  let keyed = false; // whether the cursor was moved by keys, and is to be seen

  const root = makeElement("div", "mask-painter", host);
  const stage = makeElement("div", "mask-painter-stage", root, {
    tabindex: "0",
    role: "application",
    "aria-label": `${label}. Arrow keys move the brush, with Shift in bigger steps; the space bar paints, the ` +
      "Delete key erases, Escape clears.",
    // JupyterLab would take the arrow keys for moving between cells.
    "data-lm-suppress-shortcuts": "true",
  });
  stage.style.aspectRatio = `${width} / ${height}`;
  const picture = makeElement("canvas", "mask-painter-picture", stage, { width, height, "aria-hidden": "true" });
  const marks = makeElement("canvas", "", stage, {
    width: width * MASK_ZOOM, height: height * MASK_ZOOM, "aria-hidden": "true",
  });
  const tools = makeElement("div", "mask-painter-tools", root);
  const sized = makeElement("label", "", tools, {}, "Brush ");
  const brush = makeElement("select", "mask-painter-brush", sized);
  for (const n of [1, 2, 3, 5, 8]) if (n <= Math.max(height, width)) makeElement("option", "", brush, { value: n }, `${n} px`);
  brush.value = String([3, 2, 1].find((n) => n <= Math.max(height, width)));
  const erasing = makeElement("label", "", tools);
  const erase = makeElement("input", "mask-painter-erase", erasing, { type: "checkbox" });
  erasing.append(" Erase");
  const button = (words, name) => makeElement("button", name, tools, { type: "button" }, words);
  const clear = button("Clear", "mask-painter-clear");
  const invert = button("Invert", "mask-painter-invert");
  const words = makeElement("div", "mask-painter-words", root, { "aria-live": "polite" });

  function draw() {
    const pen = marks.getContext("2d");
    const zoom = MASK_ZOOM;
    const on = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] === 1;
    pen.clearRect(0, 0, marks.width, marks.height);
    pen.beginPath();
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) if (on(x, y)) pen.rect(x * zoom, y * zoom, zoom, zoom);
    pen.save();
    pen.clip();
    pen.fillStyle = "rgba(0, 0, 0, 0.45)";
    pen.fillRect(0, 0, marks.width, marks.height);
    pen.strokeStyle = "rgba(255, 255, 255, 0.8)"; // stripes: seen on every colour, and by colour-blind eyes
    pen.lineWidth = zoom / 4;
    pen.beginPath();
    for (let d = 0; d < marks.width + marks.height; d += zoom) {
      pen.moveTo(d, 0);
      pen.lineTo(d - marks.height, marks.height);
    }
    pen.stroke();
    pen.restore();
    if (!keyed) return;
    const [left, top] = corner(cursor);
    for (const [colour, line] of [["#000", 5], ["#fff", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = line;
      pen.strokeRect(left * zoom, top * zoom, size() * zoom, size() * zoom);
    }
  }

  const size = () => Number(brush.value);
  const corner = ([x, y]) => [x - Math.floor((size() - 1) / 2), y - Math.floor((size() - 1) / 2)];
  const painted = () => mask.reduce((sum, value) => sum + value, 0);
  function say() {
    const count = painted();
    words.textContent = count ? `${count} of ${height * width} pixels are painted.` : "Nothing is painted yet.";
  }

  function dab(cell, value) {
    const [left, top] = corner(cell);
    for (let y = Math.max(top, 0); y < Math.min(top + size(), height); y++)
      for (let x = Math.max(left, 0); x < Math.min(left + size(), width); x++) mask[y * width + x] = value;
  }
  function finish(next = mask) {
    mask = next;
    draw();
    say();
    onChange(mask);
  }

  function cellOf(event) {
    const box = stage.getBoundingClientRect();
    const at = (value, length, cells) => Math.min(cells - 1, Math.max(0, Math.floor((value / length) * cells)));
    return [at(event.clientX - box.left, box.width, width), at(event.clientY - box.top, box.height, height)];
  }
  function move(event) {
    const cell = cellOf(event);
    for (const place of lineOfCells(stroke.last ?? cell, cell)) dab(place, stroke.value);
    stroke.last = cursor = cell;
    draw();
  }
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    keyed = false;
    stroke = { last: null, value: erase.checked || event.shiftKey ? 0 : 1 };
    stage.setPointerCapture(event.pointerId);
    stage.focus({ preventScroll: true });
    move(event);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => stroke && move(event));
  for (const end of ["pointerup", "pointercancel"])
    stage.addEventListener(end, () => {
      if (!stroke) return;
      stroke = null;
      finish();
    });

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const value = { " ": 1, Delete: 0, Backspace: 0 }[event.key];
    if (!direction && value === undefined && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    keyed = true;
    if (event.key === "Escape") return finish(new Uint8Array(height * width));
    if (direction) {
      const step = event.shiftKey ? 4 : 1;
      cursor = [
        Math.min(width - 1, Math.max(0, cursor[0] + step * direction[0])),
        Math.min(height - 1, Math.max(0, cursor[1] + step * direction[1])),
      ];
      words.textContent = `Brush at column ${cursor[0] + 1}, row ${cursor[1] + 1}.`;
      return draw();
    }
    dab(cursor, value);
    finish();
  });
  stage.addEventListener("blur", () => {
    keyed = false;
    draw();
  });
  brush.addEventListener("change", draw);
  clear.addEventListener("click", () => finish(new Uint8Array(height * width)));
  invert.addEventListener("click", () => finish(mask.map((value) => 1 - value)));

  const painter = {
    root,
    get mask() {
      return mask;
    },
    setMask(next) {
      mask = Uint8Array.from(next);
      draw();
      say();
    },
    // rgb: a Uint8Array of height * width * 3, or an empty one for a plain ground.
    setPicture(rgb) {
      if (rgb.length) paintRgb(picture, rgb);
      else picture.getContext("2d").clearRect(0, 0, width, height);
    },
  };
  painter.setMask(mask);
  return painter;
}

// The widget's face: `cells` and `pixels` are bytes that Python and the browser share.
function renderMaskPainter({ model, el }) {
  const bytes = (name) => {
    const view = model.get(name);
    return new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  };
  const painter = maskPainter(el, {
    height: model.get("height"),
    width: model.get("width"),
    label: model.get("label"),
    onChange(mask) {
      model.set("cells", new DataView(mask.slice().buffer));
      model.save_changes();
    },
  });
  const fromPython = { cells: () => painter.setMask(bytes("cells")), pixels: () => painter.setPicture(bytes("pixels")) };
  for (const [name, show] of Object.entries(fromPython)) {
    model.on(`change:${name}`, show);
    show();
  }
  return () => Object.entries(fromPython).forEach(([name, show]) => model.off(`change:${name}`, show));
}
