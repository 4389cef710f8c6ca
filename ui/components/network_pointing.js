// What the pointer or the keys are at in the network's picture: a unit {layer, place}, or with `from` the edge from that
// place (of the first layer: a pixel) into it; what is said of it, and its opening.

const NEAR = 7; // px from an edge's curve, within which it is pointed at
const COUNT = 14; // straight parts that a curve is taken for

function hit(picture, x, y) {
  const { layout } = picture;
  if (!layout) return null;
  for (const [layer, { tiles }] of [...layout.columns, { tiles: layout.rows }].entries()) {
    const place = tiles.findIndex((box) => x >= box.x - 2 && x <= box.x + box.w + 2 && y >= box.y - 2 && y <= box.y + box.h + 2);
    if (place >= 0) return { layer, place };
  }
  return edgeNear(picture, x, y);
}

function edgeNear({ layout, message }, x, y) {
  let best = { distance: NEAR };
  message.edges.forEach((edges, gap) => {
    for (const edge of edges) {
      const ends = endsOf({ layout, message }, gap, edge);
      if (x < ends.x0 - NEAR || x > ends.x1 + NEAR) continue;
      const distance = distanceTo(ends, x, y) - 2 * Math.abs(edge[2]); // of two that cross, the stronger one
      if (distance < best.distance) best = { distance, at: { layer: gap, place: edge[1], from: edge[0] } };
    }
  });
  return best.at ?? null;
}

function distanceTo(ends, x, y) {
  let nearest = Infinity;
  let before = onCurve(ends, 0);
  for (let i = 1; i <= COUNT; i++) {
    const after = onCurve(ends, i / COUNT);
    const [dx, dy] = [after.x - before.x, after.y - before.y];
    const share = Math.max(0, Math.min(1, ((x - before.x) * dx + (y - before.y) * dy) / (dx * dx + dy * dy || 1)));
    nearest = Math.min(nearest, Math.hypot(x - before.x - share * dx, y - before.y - share * dy));
    before = after;
  }
  return nearest;
}

// A place on the curve that `curve` draws
function onCurve({ x0, y0, x1, y1 }, t) {
  const half = x0 + (x1 - x0) * 0.5;
  const s = 1 - t;
  const [a, b] = [s * s * (s + 3 * t), t * t * (3 * s + t)];
  return { x: s * s * s * x0 + 3 * s * t * half + t * t * t * x1, y: a * y0 + b * y1 };
}

// ---------------------------------------------------------------------------------------- what is said

const itemAt = ({ columns, outputs }, { layer, place }) => columns[layer]?.units[place] ?? outputs[place];

function sourceIn(message, layer, source) {
  if (layer) return message.columns[layer - 1].units[source].said.toLowerCase();
  if (message.columns[0]?.units[0].field) return "the framed part of the image";
  const [rows, across] = message.shape;
  return across > 1 ? `pixel (${Math.floor(source / across)}, ${source % across})` : `input ${source}`;
}

// Of an edge what it carries; of a unit its values, and the strongest edges that lead into it
function wordsOn(message, at) {
  const item = itemAt(message, at);
  const name = item.said ?? `output ${item.name}`;
  const edges = message.edges[at.layer].filter((edge) => edge[1] === at.place && (at.from ?? edge[0]) === edge[0]);
  const carried = message.carried[at.layer];
  if (at.from !== undefined) {
    const lines = edges.map((edge) => `${carried.replace(/, (to|from)$/, "")}: ${edge[3]}`);
    return [`From ${sourceIn(message, at.layer, at.from)} to ${name.toLowerCase()}`, ...lines, message.edge].join("\n");
  }
  const lines = edges.map((edge) => `${sourceIn(message, at.layer, edge[0])}: ${edge[3]}`);
  return [item.tip, ...(lines.length ? [carried, ...lines] : []), ...(item.opens ? [item.opens] : [])].join("\n");
}

function point(picture, at, spoken = false) {
  const before = picture.pointed;
  if (["layer", "place", "from"].every((part) => at?.[part] === before?.[part])) return;
  picture.pointed = at;
  showTip(picture);
  if (spoken && at) picture.said.textContent = picture.tip.textContent;
  picture.canvas.style.cursor = at && opens(picture.message, at) ? "pointer" : "";
  queue(picture);
}

function showTip({ tip, pointed, layout, frame, message }) {
  tip.hidden = !pointed || !layout;
  if (tip.hidden) return;
  tip.textContent = wordsOn(message, pointed);
  let box = (layout.columns[pointed.layer]?.tiles ?? layout.rows)[pointed.place];
  if (pointed.from !== undefined) {
    const { x, y } = onCurve(endsOf({ layout, message }, pointed.layer, [pointed.from, pointed.place]), 0.5);
    box = { x, y, w: 0, h: 0 };
  }
  const right = box.x + box.w / 2 < frame.clientWidth / 2;
  const x = right ? box.x + box.w + 10 : box.x - 10 - tip.offsetWidth;
  const y = Math.min(frame.clientHeight - tip.offsetHeight, Math.max(0, mid(box) - tip.offsetHeight / 2));
  Object.assign(tip.style, { left: `${Math.max(0, Math.min(frame.clientWidth - tip.offsetWidth, x))}px`, top: `${y}px` });
}

// ---------------------------------------------------------------------------------------- opening, and keys

const opens = (message, at) => (at.from === undefined ? itemAt(message, at).opens : message.edge);

function open({ pointed, message, trigger }) {
  if (!pointed || !opens(message, pointed)) return;
  const { layer, from } = pointed;
  const numberOf = (at, place) => message.columns[at]?.units[place].unit ?? place;
  const source = from === undefined ? {} : { source: layer ? numberOf(layer - 1, from) : from };
  trigger("click", { layer, unit: numberOf(layer, pointed.place), ...source });
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The arrows go from unit to unit, E through the edges into one, Enter opens what they are at
function onKey(picture, event) {
  if (event.altKey || event.ctrlKey || event.metaKey || !picture.message) return;
  if (event.key === "Enter") open(picture);
  else if (event.key === "Escape") point(picture, null);
  else if (event.key in STEPS) point(picture, stepped(picture, STEPS[event.key]), true);
  else if (event.key.toLowerCase() === "e" && picture.pointed) point(picture, nextEdge(picture), true);
  else return;
  event.preventDefault();
  event.stopPropagation(); // the page's own keys are others
}

function stepped({ message, pointed }, [across, down]) {
  const counts = [...message.columns.map(({ units }) => units.length), message.outputs.length];
  const layer = Math.min(counts.length - 1, Math.max(0, (pointed?.layer ?? 0) + (pointed ? across : 0)));
  const beside = across && pointed;
  const place = beside ? Math.round((pointed.place / counts[pointed.layer]) * counts[layer]) : (pointed?.place ?? 0) + (pointed ? down : 0);
  return { layer, place: Math.min(counts[layer] - 1, Math.max(0, place)) };
}

function nextEdge({ message, pointed: { layer, place, from } }) {
  const sources = message.edges[layer].filter((edge) => edge[1] === place).map((edge) => edge[0]);
  return sources.length ? { layer, place, from: sources[(sources.indexOf(from) + 1) % sources.length] } : { layer, place };
}
