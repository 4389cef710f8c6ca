// Draws the network's picture: image, edges, units and outputs, on their way from the last values to the new ones.

const MOVE_MS = 350;
const REST_MS = 130; // between two drawings of a movement while a network trains: they take time from it

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
  picture.style ??= styleOf(frame);
  const scene = { pen, picture, message, decoded, layout: picture.layout, style: picture.style, em: 15 * scale };
  drawImage(scene);
  drawEdges(scene);
  drawCaption(scene);
  message.columns.forEach((column, layer) => drawColumn(scene, column, layer));
  drawOutputs(scene);
  frame.dataset.drawn = Number(frame.dataset.drawn ?? 0) + 1;
  if (share < 1) queue(picture, message.live ? REST_MS : 0);
}

function queue(picture, after = 0) {
  if (picture.queued || picture.gone) return;
  picture.queued = true;
  const next = () => requestAnimationFrame(() => draw(picture));
  if (after) setTimeout(next, after);
  else next();
}

function endsOf({ layout, message }, gap, [from, to]) {
  const start = gap ? layout.columns[gap - 1].tiles[from] : pixelAt(layout, from);
  const end = gap < message.columns.length ? layout.columns[gap].tiles[to] : layout.rows[to];
  const radius = layout.em * 0.5;
  return {
    x0: gap ? start.x + start.w : start.x,
    y0: gap ? mid(start) : start.y,
    x1: end.x - (gap < message.columns.length ? 0 : -radius * 0.2),
    y1: mid(end),
  };
}

// An edge belongs to what is pointed at when it is that, or leads into or out of it
function belongs({ picture }, gap, [from, to]) {
  const at = picture.pointed;
  if (!at) return true;
  if (at.from !== undefined) return at.layer === gap && at.place === to && at.from === from;
  return (at.layer === gap && at.place === to) || (at.layer === gap - 1 && at.place === from);
}

const isEdge = (at, gap, [from, to]) => at && at.layer === gap && at.place === to && at.from === from;
const isUnit = (at, layer, place) => at && at.layer === layer && at.place === place && at.from === undefined;

// Of a stage, the edges at work are bright and the others calm
const calm = ({ stage, columns }, gap) => (stage && stage.at <= columns.length && !(stage.edges && stage.at === gap) ? 0.35 : 1);

function curve(pen, { x0, y0, x1, y1 }) {
  const bend = (x1 - x0) * 0.5;
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
}

function drawEdges(scene) {
  const { pen, picture, message, em } = scene;
  const { positive, negative } = message.colours;
  pen.lineCap = "round";
  if (message.dark) pen.globalCompositeOperation = "lighter"; // they shine
  message.edges.forEach((edges, gap) => {
    const share = calm(message, gap);
    for (const edge of edges) {
      const value = now(picture, nameOf(message, gap, edge));
      const strength = Math.abs(value);
      if (strength < 0.01) continue;
      const own = belongs(scene, gap, edge);
      curve(pen, endsOf(scene, gap, edge));
      pen.strokeStyle = value > 0 ? positive : negative;
      pen.lineWidth = Math.max(0.5, strength * em * (gap ? 0.3 : 0.15));
      pen.globalAlpha = share * (own ? 1 : 0.12) * (gap ? Math.min(0.9, 0.14 + strength * 0.72) : 0.08 + strength * 0.5);
      pen.stroke();
    }
  });
  pen.globalCompositeOperation = "source-over";
  pen.globalAlpha = 1;
  for (const at of [message.chosen, picture.pointed]) drawMarked(scene, at);
}

// The chosen edge, or the one that is pointed at, in the colour of what is chosen
function drawMarked(scene, at) {
  const { pen, message, style } = scene;
  const edge = at?.from === undefined ? null : message.edges[at.layer]?.find((each) => isEdge(at, at.layer, each));
  if (!edge) return;
  const ends = endsOf(scene, at.layer, edge);
  for (const [colour, width] of [[style.background, 4.5], [style.accent, 2]]) {
    curve(pen, ends);
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke();
  }
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
  const [rows, across] = message.shape;
  message.inputs?.forEach((words, at) => {
    const cell = { x: image.x, y: image.y + (at * image.h) / rows, w: image.w / across, h: image.h / rows };
    drawWords(scene, words, cell.x + cell.w / 2, mid(cell));
  });
  if (message.stage?.at === -1) drawUnder(scene, image.x, image.x + image.w, image.y - em * 0.4);
  const field = pointed && message.columns[pointed.layer]?.units[pointed.place]?.field;
  if (field) drawField(scene, field);
}

// Numbers upon a picture, readable on any colour
function drawWords(scene, words, x, y) {
  const { pen, em, style } = scene;
  const w = widthOf(scene, words, 0.74) + em * 0.5;
  pen.globalAlpha = 0.82;
  pen.fillStyle = style.background;
  rounded(pen, { x: x - w / 2, y: y - em * 0.55, w, h: em * 1.1 }, em * 0.3);
  pen.fill();
  pen.globalAlpha = 1;
  text(scene, words, x, y + 0.5, { size: 0.74, colour: style.text });
}

// A line under (or over) what is at work
function drawUnder({ pen, style, em }, from, to, y) {
  pen.fillStyle = style.accent;
  rounded(pen, { x: from, y, w: to - from, h: em * 0.14 }, em * 0.07);
  pen.fill();
}

// A soft light around a tile or an output, drawn once for each colour and size: blurring at every step costs a lot
const glows = new Map();
function glow({ pen, em }, box, radius, colour, strength) {
  const [w, h, room] = [Math.round(box.w), Math.round(box.h), Math.ceil(em * 1.4)];
  const name = `${colour} ${w} ${h} ${Math.round(radius)} ${room}`;
  if (!glows.has(name)) {
    if (glows.size > 60) glows.clear();
    const sprite = Object.assign(document.createElement("canvas"), { width: w + 2 * room, height: h + 2 * room });
    const brush = sprite.getContext("2d");
    Object.assign(brush, { shadowColor: colour, shadowBlur: em * 1.1, fillStyle: colour });
    brush.beginPath();
    brush.roundRect(room, room, w, h, radius);
    brush.fill();
    glows.set(name, sprite);
  }
  pen.globalAlpha = Math.min(1, strength);
  pen.drawImage(glows.get(name), box.x - room, box.y - room, box.w + 2 * room, box.h + 2 * room);
  pen.globalAlpha = 1;
}

function drawField({ pen, layout, style, em }, [top, bottom, left, right]) {
  const cell = layout.image.w / 28; // of images alone are there maps
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
  for (let at = 0; at < layer; at++) row += message.columns[at].rows;
  const title = column.titles.find((words) => widthOf(scene, words, 0.8, 600) < room - em) ?? column.titles.at(-1);
  drawTitle(scene, title, middle, "center", layer);
  tiles.forEach((tile, place) => {
    const lit = now(picture, `u${layer}:${column.units[place].unit}`);
    const strength = Math.abs(lit);
    const pointed = isUnit(picture.pointed, layer, place);
    const chosen = isUnit(message.chosen, layer, place);
    const radius = Math.min(em * 0.3, tile.w * 0.2);
    const colour = lit >= 0 ? message.colours.positive : message.colours.negative;
    if (strength > 0.04) glow(scene, tile, radius, colour, strength);
    rounded(pen, tile, radius);
    pen.fillStyle = style.background;
    pen.fill();
    pen.save();
    rounded(pen, tile, radius);
    pen.clip();
    pen.imageSmoothingEnabled = tile.w < 2 * column.columns; // else its pixels are to be seen
    pen.imageSmoothingQuality = "high";
    pen.globalAlpha = pointed ? 1 : 0.3 + 0.7 * Math.sqrt(strength);
    pen.drawImage(decoded.tiles, place * column.columns, row, column.columns, column.rows, tile.x, tile.y, tile.w, tile.h);
    pen.restore();
    rounded(pen, tile, radius);
    pen.strokeStyle = chosen ? style.accent : pointed ? style.text : strength > 0.02 ? colour : style.border;
    pen.globalAlpha = pointed || chosen ? 1 : 0.35 + 0.65 * strength;
    pen.lineWidth = pointed || chosen ? 2.2 : 0.8 + 1.4 * strength;
    pen.stroke();
    pen.globalAlpha = 1;
    const words = column.units[place].words;
    if (words && tile.w > em * 2.6) drawWords(scene, words, tile.x + tile.w / 2, mid(tile));
  });
}

function drawOutputs(scene) {
  const { layout, message, em, style } = scene;
  const { outputs } = layout;
  const title = layout.narrow && !message.stage ? "Outputs" : message.title;
  drawTitle(scene, title, outputs.x + outputs.w, "right", message.columns.length);
  layout.rows.forEach((row, at) => drawOutput(scene, row, at, em, style));
}

// What stands over a layer; the one at work has a line under it
function drawTitle(scene, title, x, align, layer) {
  const { layout, message, style, em } = scene;
  const atWork = message.stage && (message.stage.at === layer || message.stage.at > message.columns.length);
  const width = widthOf(scene, title, 0.8, atWork ? 600 : 400);
  text(scene, title, x, layout.top * 0.42, { align, colour: atWork ? style.text : style.muted, weight: atWork ? 600 : 400 });
  const from = align === "right" ? x - width : x - width / 2;
  if (atWork) drawUnder(scene, from, from + width, layout.top * 0.42 + em * 0.6);
}

function drawOutput(scene, row, at, em, style) {
  const { pen, layout, message, picture } = scene;
  const output = message.outputs[at];
  const lit = now(picture, `o${at}`);
  const best = at === message.answer;
  const own = picture.pointed?.layer === message.columns.length && picture.pointed.place === at;
  const dim = picture.pointed && !own;
  const chosen = isUnit(message.chosen, message.columns.length, at);
  const radius = Math.min(em * 0.72, row.h * 0.46);
  const y = mid(row);
  const x = row.x + radius + em * 0.25;
  if (best && output.p > 0) glow(scene, { x: x - radius, y: y - radius, w: 2 * radius, h: 2 * radius }, radius, output.colour, 1);
  pen.globalAlpha = dim ? 0.6 : 1;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = style.background;
  pen.fill();
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = output.colour;
  pen.globalAlpha *= 0.1 + 0.9 * Math.min(1, now(picture, `p${at}`));
  pen.fill();
  pen.globalAlpha = dim ? 0.6 : 1;
  pen.strokeStyle = chosen ? style.accent : output.colour;
  pen.lineWidth = chosen ? 2.4 : 1.4;
  pen.stroke();
  const name = output.name.length > 2 ? String(at) : output.name;
  const filled = now(picture, `p${at}`) > 0.5;
  text(scene, name, x, y + 0.5, { size: 0.82, weight: best ? 650 : 450, colour: filled ? style.background : style.text });
  const from = x + radius + em * 0.4;
  const { words } = output;
  const label = widthOf(scene, message.signed ? "−0.00e−000" : "over 99.9 %", 0.76, 650) + em * 0.3;
  const room = Math.max(0, row.x + row.w - from - label);
  if (!layout.narrow && room > em) {
    const bar = { x: from, y: y - Math.min(em * 0.32, row.h * 0.25), h: Math.min(em * 0.64, row.h * 0.5) };
    pen.fillStyle = style.border;
    pen.globalAlpha = 0.5;
    rounded(pen, { ...bar, w: room }, bar.h / 2);
    pen.fill();
    pen.globalAlpha = dim ? 0.6 : 1;
    pen.fillStyle = message.signed ? (lit >= 0 ? message.colours.positive : message.colours.negative) : output.colour;
    const share = Math.min(1, Math.abs(lit));
    if (share > 0.005) {
      rounded(pen, { ...bar, w: Math.max(bar.h * 0.6, room * share) }, bar.h / 2);
      pen.fill();
    }
  }
  text(scene, words, row.x + row.w, y + 0.5, { size: layout.narrow ? 0.66 : 0.76, align: "right", weight: best ? 650 : 400, colour: best ? style.text : style.muted });
  pen.globalAlpha = 1;
}
