// Draws the network's picture on a canvas that is never remounted. New values are moved to, not jumped to; nothing runs
// between two messages, so that a page at rest takes no time from training. Points, clicks and keys find a unit.

const MOVE_MS = 350;
const pictures = new WeakMap(); // parentElement -> picture

const scaleOf = () => (parseFloat(getComputedStyle(document.documentElement).fontSize) || 15) / 15;
const tallerOf = () => (innerWidth < 640 ? 1.25 : Math.min(2, Math.max(1, innerHeight / 768)));
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function styleOf(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: value("text-color"),
    muted: value("gray-text-color") || value("text-color"),
    background: value("background-color"),
    border: value("border-color"),
    accent: value("primary-color"),
    font: value("font") || "sans-serif",
  };
}

// ---------------------------------------------------------------------------------------- values that move

// What moves: name -> number, of units and outputs how much they are lit, of edges their share
function valuesOf(message) {
  const values = new Map();
  message.columns.forEach(({ units }, layer) => units.forEach(({ unit, lit }) => values.set(`u${layer}:${unit}`, lit)));
  message.outputs.forEach(({ p, lit }, at) => values.set(`p${at}`, p).set(`o${at}`, lit));
  message.edges.forEach((edges, gap) => edges.forEach((edge) => values.set(nameOf(message, gap, edge), edge[2])));
  return values;
}

const unitAt = (message, layer, place) => message.columns[layer]?.units[place]?.unit ?? place;
const nameOf = (message, gap, [from, to]) =>
  `e${gap}:${gap ? unitAt(message, gap - 1, from) : `pixel${from}`}:${unitAt(message, gap, to)}`;

function now(picture, name) {
  const to = picture.to.get(name) ?? 0;
  const from = picture.from.get(name) ?? 0;
  return from + (to - from) * picture.moved;
}

// ---------------------------------------------------------------------------------------- drawing

function draw(picture) {
  picture.queued = false;
  const { canvas, frame, message, decoded } = picture;
  const width = frame.clientWidth;
  if (picture.gone || !message || !decoded || !width) return;
  const scale = scaleOf();
  const height = Math.round(message.height * tallerOf());
  const dots = Math.min(2, devicePixelRatio || 1);
  if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(height * dots)) {
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round(height * dots);
    canvas.style.height = `${height}px`;
    frame.style.height = `${height}px`;
  }
  const elapsed = (performance.now() - picture.began) / MOVE_MS;
  const share = still() ? 1 : Math.min(1, elapsed);
  picture.moved = share * share * (3 - 2 * share);
  const pen = canvas.getContext("2d");
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.clearRect(0, 0, width, height);
  picture.layout = layoutOf(message, width, height, 15 * scale);
  picture.style = styleOf(frame);
  const scene = { pen, picture, message, decoded, layout: picture.layout, style: picture.style, em: 15 * scale };
  drawImage(scene);
  drawEdges(scene);
  drawCaption(scene);
  message.columns.forEach((column, layer) => drawColumn(scene, column, layer));
  drawOutputs(scene);
  frame.dataset.drawn = Number(frame.dataset.drawn ?? 0) + 1;
  if (share < 1) queue(picture);
}

function queue(picture) {
  if (picture.queued || picture.gone) return;
  picture.queued = true;
  requestAnimationFrame(() => draw(picture));
}

function endsOf({ layout, message }, gap, [from, to]) {
  const start = gap ? layout.columns[gap - 1].tiles[from] : pixelAt(layout.image, from);
  const end = gap < message.columns.length ? layout.columns[gap].tiles[to] : layout.rows[to];
  const radius = layout.em * 0.5;
  return {
    x0: gap ? start.x + start.w : start.x,
    y0: gap ? mid(start) : start.y,
    x1: end.x - (gap < message.columns.length ? 0 : -radius * 0.2),
    y1: mid(end),
  };
}

// An edge belongs to what is pointed at when it leads into or out of it
function belongs({ picture }, gap, [from, to]) {
  const at = picture.pointed;
  if (!at) return true;
  return (at.layer === gap && at.place === to) || (at.layer === gap - 1 && at.place === from);
}

function drawEdges(scene) {
  const { pen, picture, message, em } = scene;
  const { positive, negative } = message.colours;
  pen.lineCap = "round";
  if (message.dark) pen.globalCompositeOperation = "lighter"; // they shine
  message.edges.forEach((edges, gap) => {
    for (const edge of edges) {
      const value = now(picture, nameOf(message, gap, edge));
      const strength = Math.abs(value);
      if (strength < 0.01) continue;
      const own = belongs(scene, gap, edge);
      const { x0, y0, x1, y1 } = endsOf(scene, gap, edge);
      const bend = (x1 - x0) * 0.5;
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
      pen.strokeStyle = value > 0 ? positive : negative;
      pen.lineWidth = Math.max(0.5, strength * em * (gap ? 0.3 : 0.15));
      pen.globalAlpha = (own ? 1 : 0.12) * (gap ? Math.min(0.9, 0.14 + strength * 0.72) : 0.08 + strength * 0.5);
      pen.stroke();
    }
  });
  pen.globalCompositeOperation = "source-over";
  pen.globalAlpha = 1;
}

function rounded(pen, { x, y, w, h }, radius) {
  pen.beginPath();
  pen.roundRect(x, y, w, h, radius);
}

function text(scene, words, x, y, { size = 0.8, colour = scene.style.muted, align = "center", weight = 400 } = {}) {
  const { pen, em, style } = scene;
  pen.font = `${weight} ${em * size}px ${style.font}`;
  pen.fillStyle = colour;
  pen.textAlign = align;
  pen.textBaseline = "middle";
  pen.fillText(words, x, y);
}

function widthOf(scene, words, size = 0.8, weight = 400) {
  scene.pen.font = `${weight} ${scene.em * size}px ${scene.style.font}`;
  return scene.pen.measureText(words).width;
}

function drawImage(scene) {
  const { pen, layout, decoded, message, picture, em, style } = scene;
  const { image } = layout;
  pen.save();
  rounded(pen, image, em * 0.35);
  pen.clip();
  pen.imageSmoothingEnabled = false;
  pen.globalAlpha = 1;
  pen.drawImage(decoded.image, image.x, image.y, image.w, image.h);
  pen.restore();
  rounded(pen, image, em * 0.35);
  pen.strokeStyle = style.border;
  pen.lineWidth = 1;
  pen.stroke();
  const { pointed } = picture;
  const field = pointed && message.columns[pointed.layer]?.units[pointed.place]?.field;
  if (field) drawField(scene, field);
}

function drawField({ pen, layout, style, em }, [top, bottom, left, right]) {
  const cell = layout.image.w / 28;
  pen.strokeStyle = style.accent;
  pen.lineWidth = Math.max(1.5, em * 0.13);
  pen.strokeRect(layout.image.x + left * cell, layout.image.y + top * cell, (right - left) * cell, (bottom - top) * cell);
}

// What stands under the image, in as many lines as it needs, readable upon edges
function drawCaption(scene) {
  const { pen, layout, message, em, style } = scene;
  const { image } = layout;
  const lines = [""];
  for (const word of message.caption.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (widthOf(scene, longer, 0.76) <= image.w + em) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  lines.forEach((line, at) => {
    const y = image.y + image.h + em * (0.8 + at);
    widthOf(scene, line, 0.76); // sets the font
    Object.assign(pen, { strokeStyle: style.background, lineWidth: 4, textAlign: "left", textBaseline: "middle" });
    pen.strokeText(line, image.x, y);
    text(scene, line, image.x, y, { size: 0.76, align: "left" });
  });
}

function drawColumn(scene, column, layer) {
  const { pen, layout, decoded, message, picture, em, style } = scene;
  const { tiles, middle, room } = layout.columns[layer];
  let row = 0;
  for (let at = 0; at < layer; at++) row += message.columns[at].side;
  const title = column.titles.find((words) => widthOf(scene, words) < room) ?? column.titles.at(-1);
  text(scene, title, middle, layout.top * 0.42);
  tiles.forEach((tile, place) => {
    const lit = now(picture, `u${layer}:${column.units[place].unit}`);
    const strength = Math.abs(lit);
    const pointed = picture.pointed?.layer === layer && picture.pointed.place === place;
    const radius = Math.min(em * 0.3, tile.w * 0.2);
    const colour = lit >= 0 ? message.colours.positive : message.colours.negative;
    pen.save();
    if (strength > 0.04) {
      pen.shadowColor = colour;
      pen.shadowBlur = em * 0.95 * strength * (devicePixelRatio > 1 ? 1.6 : 1);
    }
    rounded(pen, tile, radius);
    pen.fillStyle = style.background;
    pen.fill();
    pen.restore();
    pen.save();
    rounded(pen, tile, radius);
    pen.clip();
    pen.imageSmoothingEnabled = tile.w < 2 * column.side; // else its pixels are to be seen
    pen.imageSmoothingQuality = "high";
    pen.globalAlpha = pointed ? 1 : 0.3 + 0.7 * Math.sqrt(strength);
    pen.drawImage(decoded.tiles, place * column.side, row, column.side, column.side, tile.x, tile.y, tile.w, tile.h);
    pen.restore();
    rounded(pen, tile, radius);
    pen.strokeStyle = pointed ? style.text : strength > 0.02 ? colour : style.border;
    pen.globalAlpha = pointed ? 1 : 0.35 + 0.65 * strength;
    pen.lineWidth = pointed ? 2 : 0.8 + 1.4 * strength;
    pen.stroke();
    pen.globalAlpha = 1;
  });
}

function drawOutputs(scene) {
  const { layout, message, em, style } = scene;
  const { outputs } = layout;
  const title = layout.narrow ? "Outputs" : message.backward ? "Gradient of the outputs" : "Probabilities";
  text(scene, title, outputs.x + outputs.w, layout.top * 0.42, { align: "right" });
  layout.rows.forEach((row, at) => drawOutput(scene, row, at, em, style));
}

function drawOutput(scene, row, at, em, style) {
  const { pen, layout, message, picture } = scene;
  const output = message.outputs[at];
  const lit = now(picture, `o${at}`);
  const best = at === message.answer;
  const dim = picture.pointed && !(picture.pointed.layer === message.columns.length && picture.pointed.place === at);
  const radius = Math.min(em * 0.72, row.h * 0.46);
  const y = mid(row);
  const x = row.x + radius + em * 0.25;
  pen.globalAlpha = dim ? 0.6 : 1;
  pen.save();
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  if (best) {
    pen.shadowColor = output.colour;
    pen.shadowBlur = em * 0.9;
  }
  pen.fillStyle = style.background;
  pen.fill();
  pen.restore();
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = output.colour;
  pen.globalAlpha *= 0.1 + 0.9 * Math.min(1, now(picture, `p${at}`));
  pen.fill();
  pen.globalAlpha = dim ? 0.6 : 1;
  pen.strokeStyle = output.colour;
  pen.lineWidth = 1.4;
  pen.stroke();
  const name = output.name.length > 2 ? String(at) : output.name;
  const filled = now(picture, `p${at}`) > 0.5;
  text(scene, name, x, y + 0.5, { size: 0.82, weight: best ? 650 : 450, colour: filled ? style.background : style.text });
  const from = x + radius + em * 0.4;
  const words = message.backward ? output.value : output.p < 0.001 ? "" : output.said; // the tip says how little
  const label = widthOf(scene, message.backward ? "−0.00e−000" : "over 99.9 %", 0.76, 650) + em * 0.3;
  const room = Math.max(0, row.x + row.w - from - label);
  if (!layout.narrow && room > em) {
    const bar = { x: from, y: y - Math.min(em * 0.32, row.h * 0.25), h: Math.min(em * 0.64, row.h * 0.5) };
    pen.fillStyle = style.border;
    pen.globalAlpha = 0.5;
    rounded(pen, { ...bar, w: room }, bar.h / 2);
    pen.fill();
    pen.globalAlpha = dim ? 0.6 : 1;
    pen.fillStyle = message.backward ? (lit >= 0 ? message.colours.positive : message.colours.negative) : output.colour;
    const share = Math.min(1, Math.abs(lit));
    if (share > 0.005) {
      rounded(pen, { ...bar, w: Math.max(bar.h * 0.6, room * share) }, bar.h / 2);
      pen.fill();
    }
  }
  text(scene, words, row.x + row.w, y + 0.5, { size: 0.76, align: "right", weight: best ? 650 : 400, colour: best ? style.text : style.muted });
  pen.globalAlpha = 1;
}

// ---------------------------------------------------------------------------------------- pointing

function hit(picture, x, y) {
  const { layout, message } = picture;
  if (!layout) return null;
  for (const [layer, { tiles }] of [...layout.columns, { tiles: layout.rows }].entries()) {
    const place = tiles.findIndex((box) => x >= box.x - 2 && x <= box.x + box.w + 2 && y >= box.y - 2 && y <= box.y + box.h + 2);
    if (place >= 0 && (layer <= message.columns.length)) return { layer, place };
  }
  return null;
}

// What is said of a unit: its values, and the strongest edges that lead into it
function wordsOn({ message }, { layer, place }) {
  const into = message.edges[layer].filter((edge) => edge[1] === place);
  const seen = message.columns[layer]?.units[place].field; // a channel's: framed in the image
  const from = ([source]) =>
    !layer && seen ? "the framed part of the image" : layer ? message.columns[layer - 1].units[source].said.toLowerCase() : `pixel (${Math.floor(source / 28)}, ${source % 28})`;
  const lines = into.map((edge) => `${from(edge)}: ${edge[3]}`);
  const output = layer === message.columns.length ? message.outputs[place] : null;
  const unit = output ? null : message.columns[layer].units[place];
  const head = output
    ? `Output ${output.name}: ${output.said}, ${message.backward ? "gradient" : "logit"} ${output.value}`
    : `${unit.said}: activation ${unit.value}, gradient ${unit.gradient}`;
  const carried = message.backward ? "weight x delta, to" : "weight x activation, from";
  return [head, ...(lines.length ? [carried, ...lines] : []), ...(unit ? ["Click to open it."] : [])].join("\n");
}

function point(picture, at, spoken = false) {
  const same = at?.layer === picture.pointed?.layer && at?.place === picture.pointed?.place;
  if (same && Boolean(at) === Boolean(picture.pointed)) return;
  picture.pointed = at;
  showTip(picture);
  if (spoken && at) picture.said.textContent = picture.tip.textContent;
  picture.canvas.style.cursor = at && at.layer < picture.message.columns.length ? "pointer" : "";
  queue(picture);
}

function showTip({ tip, pointed, layout, frame, message, ...rest }) {
  tip.hidden = !pointed || !layout;
  if (tip.hidden) return;
  tip.textContent = wordsOn({ message, ...rest }, pointed);
  const box = (layout.columns[pointed.layer]?.tiles ?? layout.rows)[pointed.place];
  const right = box.x + box.w / 2 < frame.clientWidth / 2;
  const x = right ? box.x + box.w + 10 : box.x - 10 - tip.offsetWidth;
  const y = Math.min(frame.clientHeight - tip.offsetHeight, Math.max(0, mid(box) - tip.offsetHeight / 2));
  Object.assign(tip.style, { left: `${Math.max(0, Math.min(frame.clientWidth - tip.offsetWidth, x))}px`, top: `${y}px` });
}

function open(picture) {
  const { pointed, message } = picture;
  if (pointed && pointed.layer < message.columns.length) {
    picture.trigger("click", { layer: pointed.layer, unit: message.columns[pointed.layer].units[pointed.place].unit });
  }
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function onKey(picture, event) {
  const { message, pointed } = picture;
  const counts = [...message.columns.map(({ units }) => units.length), message.outputs.length];
  if (event.key === "Enter") open(picture);
  else if (event.key === "Escape") point(picture, null);
  else if (event.key in STEPS && !event.altKey && !event.ctrlKey && !event.metaKey) {
    const [across, down] = STEPS[event.key];
    const layer = Math.min(counts.length - 1, Math.max(0, (pointed?.layer ?? 0) + (pointed ? across : 0)));
    const place = across && pointed ? Math.round((pointed.place / counts[pointed.layer]) * counts[layer]) : (pointed?.place ?? 0) + (pointed ? down : 0);
    point(picture, { layer, place: Math.min(counts[layer] - 1, Math.max(0, place)) }, true);
  } else return;
  event.preventDefault();
  event.stopPropagation(); // the page's own keys are others
}

// ---------------------------------------------------------------------------------------- mounting

function mount(parentElement) {
  const frame = document.createElement("div");
  frame.className = "glassnet-network";
  frame.tabIndex = 0;
  frame.setAttribute("role", "figure");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  const [tip, said] = ["tip", "said"].map((name) => Object.assign(document.createElement("div"), { className: name }));
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  said.setAttribute("aria-live", "polite");
  frame.append(canvas, tip, said);
  parentElement.appendChild(frame);
  const picture = { frame, canvas, tip, said, from: new Map(), to: new Map(), moved: 1, began: 0, pointed: null };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return hit(picture, event.clientX - box.x, event.clientY - box.y);
  };
  canvas.addEventListener("pointermove", (event) => point(picture, place(event)));
  canvas.addEventListener("pointerleave", () => point(picture, null));
  canvas.addEventListener("click", (event) => {
    point(picture, place(event));
    open(picture);
  });
  frame.addEventListener("keydown", (event) => onKey(picture, event));
  frame.addEventListener("blur", () => point(picture, null));
  picture.resized = () => queue(picture);
  picture.observer = new ResizeObserver(picture.resized);
  picture.observer.observe(frame);
  window.addEventListener("resize", picture.resized);
  pictures.set(parentElement, picture);
  return picture;
}

function unmount(parentElement) {
  const picture = pictures.get(parentElement);
  if (!picture) return;
  pictures.delete(parentElement);
  picture.gone = true;
  picture.observer.disconnect();
  window.removeEventListener("resize", picture.resized);
  picture.frame.remove();
}

async function decode(uri) {
  if (!uri) return null;
  const image = new Image();
  image.src = uri;
  await image.decode();
  return image;
}

async function take(picture, message) {
  const [image, tiles] = await Promise.all([decode(message.image), decode(message.tiles)]);
  if (picture.gone || picture.newest !== message) return;
  const from = valuesOf(message);
  for (const name of from.keys()) from.set(name, picture.message ? now(picture, name) : 0);
  Object.assign(picture, { from, to: valuesOf(message), message, decoded: { image, tiles }, began: performance.now() });
  const { pointed } = picture;
  const places = pointed && (message.columns[pointed.layer]?.units ?? message.outputs);
  if (pointed && (pointed.layer > message.columns.length || pointed.place >= places.length)) picture.pointed = null;
  picture.frame.setAttribute("aria-label", message.label);
  picture.frame.dataset.told = Number(picture.frame.dataset.told ?? 0) + 1; // messages
  draw(picture);
  showTip(picture);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const sent = new TextDecoder().decode(data);
  const picture = pictures.get(parentElement) ?? mount(parentElement);
  picture.trigger = setTriggerValue;
  const seen = sent + JSON.stringify(styleOf(picture.frame));
  if (picture.seen !== seen) {
    picture.seen = seen;
    const message = JSON.parse(sent);
    picture.newest = message;
    if (!picture.frame.style.height) picture.frame.style.height = `${message.height * tallerOf()}px`;
    take(picture, message).catch((error) => console.error("network_picture", error));
  }
  return () => unmount(parentElement);
}
