// Arrow keys inside a chart whose cells, tiles or bars can be clicked: a frame walks from one to the next, what it is on
// is spoken, and Enter or Space clicks it.

const MOVES = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -Infinity], End: [0, Infinity] };

// The first trace of cells or bars, its rows and columns, and which of them is the point (row, column).
function cellsOf({ box, sent }) {
  const data = sent?.clickable ? (box._fullData ?? []) : [];
  const curve = data.findIndex(({ type, visible }) => visible === true && (type === "heatmap" || type === "bar"));
  if (curve < 0) return null;
  const trace = data[curve];
  const isGrid = trace.type === "heatmap";
  const n = isGrid ? 0 : trace.x.length;
  const lies = trace.orientation === "h";
  const [rows, columns] = isGrid ? [trace.z.length, trace.z[0].length] : lies ? [n, 1] : [1, n];
  const at = (values, [row, column]) => (isGrid ? values?.[row]?.[column] : values?.[lies ? row : column]);
  return { curve, trace, isGrid, rows, columns, at, number: ([row, column]) => (lies ? row : column) };
}

const axisOf = ({ box }, trace, letter) => box._fullLayout[`${letter}axis${(trace[`${letter}axis`] ?? letter).slice(1)}`];

// Whether a higher row stands higher.
const goesUp = (chart, trace) => {
  const [low, high] = axisOf(chart, trace, "y").range;
  return low < high;
};

function wordsOf(cells, cell) {
  const { trace, at, isGrid, number } = cells;
  const told = at(trace.hovertext, cell) ?? (isGrid ? at(trace.text, cell) : null);
  if (told) return String(told).replace(/<[^>]*>/g, " ");
  if (isGrid) return `row ${cell[0]}, column ${cell[1]}: ${Number(at(trace.z, cell)).toPrecision(3)}`;
  return `${trace.x[number(cell)]}: ${trace.y[number(cell)]}`;
}

function showCursor(chart) {
  const cells = cellsOf(chart);
  const { box, mark } = chart;
  box.tabIndex = cells ? 0 : -1;
  box.setAttribute("role", cells ? "application" : "figure");
  box.setAttribute("aria-label", `${chart.sent.label}${cells ? ". Arrow keys move a frame, Enter opens what it is on." : ""}`);
  mark.hidden = !cells || !chart.cursor || document.activeElement !== box;
  if (mark.hidden) return;
  const { trace, rows, columns } = cells;
  const [row, column] = (chart.cursor = [Math.min(chart.cursor[0], rows - 1), Math.min(chart.cursor[1], columns - 1)]);
  const [x, y] = [axisOf(chart, trace, "x"), axisOf(chart, trace, "y")];
  const [width, height] = [x._length / columns, y._length / rows];
  const backwards = (axis) => axis.range[0] > axis.range[1];
  const left = x._offset + width * (backwards(x) ? columns - 1 - column : column);
  const top = y._offset + height * (backwards(y) ? row : rows - 1 - row);
  Object.assign(mark.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  chart.said.textContent = wordsOf(cells, [row, column]);
}

function walk(chart, event) {
  const cells = cellsOf(chart);
  if (!cells || event.ctrlKey || event.metaKey || event.altKey || event.target !== chart.box) return;
  const { rows, columns, trace, at, curve, isGrid, number } = cells;
  if (event.key in MOVES) {
    const [down, right] = MOVES[event.key];
    const clamp = (value, n) => Math.max(0, Math.min(n - 1, value));
    const before = chart.cursor ?? [0, 0];
    const next = [clamp(before[0] + down * (goesUp(chart, trace) ? -1 : 1), rows), clamp(before[1] + right, columns)];
    if (!isGrid || at(trace.z, next) != null) chart.cursor = next; // there is no tile in a gap
  } else if ((event.key === "Enter" || event.key === " ") && chart.cursor) {
    const [row, column] = chart.cursor;
    const customdata = at(trace.customdata, chart.cursor) ?? null;
    const value = isGrid ? { x: trace.x?.[column] ?? column, y: trace.y?.[row] ?? row, z: at(trace.z, chart.cursor) } : { x: trace.x[number(chart.cursor)], y: trace.y[number(chart.cursor)], z: null };
    const point = isGrid ? [row, column] : number(chart.cursor);
    chart.trigger("click", { curve, name: trace.name ?? null, point, ...value, customdata, shift: event.shiftKey });
  } else if (event.key !== "Escape") return;
  else chart.cursor = null;
  showCursor(chart);
  event.preventDefault();
  event.stopPropagation();
}

function listenToKeys(chart) {
  chart.mark = document.createElement("div");
  chart.mark.className = "cursor";
  chart.mark.hidden = true;
  chart.said = document.createElement("div");
  chart.said.className = "said";
  chart.said.setAttribute("aria-live", "polite");
  chart.frame.append(chart.said);
  chart.box.addEventListener("keydown", (event) => walk(chart, event));
  chart.box.addEventListener("focus", () => {
    chart.cursor ??= chart.box.matches(":focus-visible") ? [0, 0] : null;
    showCursor(chart);
  });
  chart.box.addEventListener("blur", () => (chart.mark.hidden = true));
}
