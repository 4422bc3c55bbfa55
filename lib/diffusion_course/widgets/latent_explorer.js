// The browser's half of the latent explorer: draws the map, moves the point, asks Python for pictures.

const LOST_AFTER = 3000; // ms without an answer until a request counts as lost (kernel interrupted or restarted)
const MARGIN = { left: 46, right: 8, top: 8, bottom: 38 };

// At most one request is on its way, and while it is, only the latest position is remembered: however fast the
// point moves and however slow the decoder is, no stale request ever queues up.
class LatestOnly {
  constructor(send) {
    this.send = send;
    this.flying = null;
    this.waiting = null;
  }
  ask(place, since) {
    if (this.flying && performance.now() - this.flying.sent < LOST_AFTER) {
      this.waiting = { place, since };
      return;
    }
    const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.flying = { id, since, sent: performance.now() };
    this.waiting = null;
    this.send(id, place);
  }
  // Returns when the answered move began, or null where the answer is to somebody else's question.
  answered(id) {
    if (!this.flying || this.flying.id !== id) return null;
    const { since } = this.flying;
    const next = this.waiting;
    this.flying = this.waiting = null;
    if (next) this.ask(next.place, next.since);
    return since;
  }
}

// Matplotlib's marker letters, so that a class has the same sign here and in the figures. Corners in units of r.
const turned = (corners, quarter) =>
  corners.map(([u, v]) => [[u, v], [-v, u], [-u, -v], [v, -u]][quarter]);
const UP = [[0, -1.15], [1.05, 0.85], [-1.05, 0.85]];
const PLUS = [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2],
  [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]];
const CORNERS = {
  s: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  "^": UP,
  ">": turned(UP, 1),
  v: turned(UP, 2),
  "<": turned(UP, 3),
  D: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
  P: PLUS,
  X: PLUS.map(([u, v]) => [(u - v) * Math.SQRT1_2, (u + v) * Math.SQRT1_2]),
  "*": Array.from({ length: 10 }, (_, k) => {
    const r = k % 2 ? 0.55 : 1.4;
    return [r * Math.sin((k * Math.PI) / 5), -r * Math.cos((k * Math.PI) / 5)];
  }),
};

function marker(pen, letter, x, y, r) {
  pen.beginPath();
  if (letter in CORNERS) for (const [u, v] of CORNERS[letter]) pen.lineTo(x + r * u, y + r * v);
  else pen.arc(x, y, r, 0, 2 * Math.PI);
  pen.fill();
}

function ticks(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push([k * step, (k * step).toFixed(digits)]);
  return found;
}

// Axes and point are SVG and not canvas: `currentColor` follows JupyterLab's theme by itself.
function svg(tag, parent, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function element(tag, className, parent, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

// The pen of a canvas with as many pixels as the screen has, in CSS pixels; null while the canvas is hidden.
function sharpPen(canvas, width, height) {
  if (!width || !height) return null;
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale); // this also wipes the canvas
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return pen;
}

function render({ model, el }) {
  const scene = model.get("scene");
  const [xMin, xMax, yMin, yMax] = scene.limits;
  const bytes = (name) => {
    const view = model.get(name);
    return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  };
  const points = new Float32Array(bytes("points"));
  const labels = new Uint8Array(bytes("labels"));
  let place = [model.get("answer").x, model.get("answer").y];

  const root = element("div", "latent-explorer", el);
  const left = element("div", "latent-explorer-left", root);
  const stage = element("div", "latent-explorer-stage", left, {
    tabindex: "0",
    role: "application",
    "aria-roledescription": "two-dimensional slider",
    "aria-label": "Latent map. Arrow keys move the point, with Shift in bigger steps; Home returns to the start.",
    // JupyterLab would take the arrow keys for moving between cells.
    "data-lm-suppress-shortcuts": "true",
  });
  const cloud = element("canvas", "", stage, { "aria-hidden": "true" });
  const drawing = svg("svg", stage, { "aria-hidden": "true" });
  const axes = svg("g", drawing, {});
  const line = svg("line", drawing, { stroke: "currentColor", "stroke-width": 2 });
  // White inside black: seen on every colour, in a light and in a dark theme.
  const rings = [5, 2.5].map((width, i) =>
    svg("circle", drawing, { r: 9, fill: "none", stroke: ["#000", "#fff"][i], "stroke-width": width }),
  );
  const legend = element("ul", "latent-explorer-legend", left, { "aria-label": "Classes" });
  for (const { name, colour, marker: letter } of scene.classes) {
    const item = element("li", "", legend);
    const swatch = element("canvas", "", item, { width: 24, height: 24, "aria-hidden": "true" });
    const pen = swatch.getContext("2d");
    pen.fillStyle = colour;
    marker(pen, letter, 12, 12, 8);
    item.append(name);
  }
  const right = element("div", "latent-explorer-right", root);
  const picture = element("canvas", "latent-explorer-picture", right, {
    width: scene.width,
    height: scene.height,
    role: "img",
  });
  picture.style.aspectRatio = `${scene.width} / ${scene.height}`;
  const coordinates = element("div", "latent-explorer-coordinates", right);
  const words = element("div", "latent-explorer-words", right);
  const status = element("div", "latent-explorer-status", right, { role: "status" });
  const spoken = element("div", "latent-explorer-spoken", right, { "aria-live": "polite" });

  const toX = (x, width) => MARGIN.left + ((x - xMin) / (xMax - xMin)) * (width - MARGIN.left - MARGIN.right);
  const toY = (y, height) => MARGIN.top + ((yMax - y) / (yMax - yMin)) * (height - MARGIN.top - MARGIN.bottom);
  const set = (node, attributes) => {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  };

  function drawMap() {
    const { clientWidth: width, clientHeight: height } = stage;
    const pen = sharpPen(cloud, width, height);
    if (!pen) return;
    pen.globalAlpha = 0.85;
    pen.beginPath();
    pen.rect(MARGIN.left, MARGIN.top, width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom);
    pen.clip();
    const r = Math.max(1.4, width / 190);
    for (let i = 0; i < labels.length; i++) {
      const { colour, marker: letter } = scene.classes[labels[i]];
      pen.fillStyle = colour;
      marker(pen, letter, toX(points[2 * i], width), toY(points[2 * i + 1], height), r);
    }
    drawAxes(width, height);
    drawPoint();
  }

  function drawAxes(width, height) {
    axes.replaceChildren();
    const [bottom, inner] = [height - MARGIN.bottom, width - MARGIN.left - MARGIN.right];
    const text = (x, y, words, more) => svg("text", axes, { x, y, fill: "currentColor", ...more }, words);
    const tick = (x1, y1, x2, y2) => svg("line", axes, { x1, y1, x2, y2, stroke: "currentColor" });
    const box = { x: MARGIN.left, y: MARGIN.top, width: inner, height: bottom - MARGIN.top };
    svg("rect", axes, { ...box, fill: "none", stroke: "currentColor", opacity: 0.5 });
    for (const [value, words] of ticks(xMin, xMax)) {
      const x = toX(value, width);
      tick(x, bottom, x, bottom + 4);
      text(x, bottom + 16, words, { "text-anchor": "middle" });
    }
    for (const [value, words] of ticks(yMin, yMax)) {
      const y = toY(value, height);
      tick(MARGIN.left - 4, y, MARGIN.left, y);
      text(MARGIN.left - 7, y + 4, words, { "text-anchor": "end" });
    }
    text(MARGIN.left + inner / 2, height - 5, "latent 1", { "text-anchor": "middle" });
    const middle = (MARGIN.top + bottom) / 2;
    text(12, middle, "latent 2", { "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` });
  }

  function drawPoint() {
    const { clientWidth: width, clientHeight: height } = stage;
    const [x, y] = [toX(place[0], width), toY(place[1], height)];
    for (const ring of rings) set(ring, { cx: x, cy: y });
    const answer = model.get("answer");
    // The line belongs to the answer's place: while the point is ahead of the answer, it would point elsewhere.
    const current = answer.x === place[0] && answer.y === place[1];
    const [x2, y2] = [toX(answer.near[0], width), toY(answer.near[1], height)];
    set(line, { x1: x, y1: y, x2, y2, "stroke-dasharray": answer.far ? "4 3" : "none" });
    line.style.visibility = current ? "visible" : "hidden";
    const number = (value) => value.toFixed(2).replace("-", "\u2212");
    coordinates.textContent = `z = (${number(place[0])}, ${number(place[1])})`;
  }

  let speaking;
  let slow;
  function drawAnswer() {
    const answer = model.get("answer");
    status.textContent = answer.error ? `The decoder failed here. ${answer.error}` : "";
    words.textContent = answer.text;
    picture.setAttribute("aria-label", `Decoded picture. ${answer.text}`);
    root.classList.toggle("latent-explorer-far", answer.far);
    const image = new ImageData(scene.width, scene.height);
    new Uint8Array(bytes("pixels")).forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
    picture.getContext("2d").putImageData(image, 0, 0);
    drawPoint();
    clearTimeout(speaking); // a reader hears where the point came to rest, not every step on the way
    speaking = setTimeout(() => {
      spoken.textContent = `${coordinates.textContent}. ${answer.text}`;
    }, 400);
  }

  const exchange = new LatestOnly((id, [x, y]) => {
    clearTimeout(slow);
    slow = setTimeout(() => {
      status.textContent = "Python has not answered yet. A busy kernel answers later; after a restart, run this cell again.";
    }, 1000);
    model.set("request", { id, x, y });
    model.save_changes();
  });

  function onAnswer() {
    const answer = model.get("answer");
    const mine = exchange.flying && exchange.flying.id === answer.id;
    if (mine) clearTimeout(slow);
    const since = exchange.answered(answer.id);
    // Ours: the point may be further on already. Python's or another view's: follow it.
    if (!mine) place = [answer.x, answer.y];
    drawAnswer();
    if (mine) {
      const report = () =>
        root.dispatchEvent(
          new CustomEvent("latent-explorer:painted", {
            bubbles: true,
            detail: { x: answer.x, y: answer.y, milliseconds: performance.now() - since },
          }),
        );
      requestAnimationFrame(() => setTimeout(report, 0)); // after the frame that shows the pixels
    }
  }

  function moveTo(x, y, since) {
    place = [Math.min(xMax, Math.max(xMin, x)), Math.min(yMax, Math.max(yMin, y))];
    drawPoint();
    exchange.ask(place, since);
  }

  let dragging = false;
  function drag(event) {
    const box = stage.getBoundingClientRect();
    const u = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    const v = (event.clientY - box.top - MARGIN.top) / (box.height - MARGIN.top - MARGIN.bottom);
    moveTo(xMin + u * (xMax - xMin), yMax - v * (yMax - yMin), event.timeStamp);
  }
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragging = true;
    stage.setPointerCapture(event.pointerId);
    stage.focus({ preventScroll: true });
    drag(event);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => dragging && drag(event));
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => (dragging = false));
  stage.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !(direction || event.key === "Home")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Home") return moveTo(...scene.start, event.timeStamp);
    const step = event.shiftKey ? 0.05 : 0.01;
    const [dx, dy] = direction;
    moveTo(place[0] + dx * step * (xMax - xMin), place[1] + dy * step * (yMax - yMin), event.timeStamp);
  });

  const sizes = new ResizeObserver(drawMap);
  sizes.observe(stage);
  model.on("change:answer", onAnswer);
  drawAnswer();
  return () => {
    sizes.disconnect();
    clearTimeout(speaking);
    clearTimeout(slow);
    model.off("change:answer", onAnswer);
  };
}

export default { render };
