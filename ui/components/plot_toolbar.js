// Where a chart's toolbar stands: in the margin above or below the plot, where it covers neither curves nor words.

const TAKEN = ".nsewdrag, .infolayer .legend, .infolayer .gtitle, .infolayer [class*=title] text, .infolayer .annotation";

function placeToolbar(box, scale) {
  const bar = box.querySelector(".modebar");
  if (!bar) return;
  const origin = box.getBoundingClientRect();
  const rect = (node) => {
    const { left, right, top, bottom } = node.getBoundingClientRect();
    return [left - origin.left, right - origin.left, top - origin.top, bottom - origin.top].map((px) => px / scale);
  };
  const [left, right, top, bottom] = rect(bar);
  const [width, height] = [right - left, bottom - top];
  const taken = [...box.querySelectorAll(TAKEN)].map(rect).filter(([x0, x1, y0, y1]) => x1 > x0 && y1 > y0);
  const legend = box.querySelector(".infolayer .legend");
  const [end, foot] = [origin.width / scale - width - 4, origin.height / scale - height - 2];
  const places = [[end, 2], ...(legend ? [[rect(legend)[0] - width - 10, 2]] : []), [end, foot], [4, foot]];
  const isFree = ([x, y]) => x >= 0 && taken.every(([x0, x1, y0, y1]) => x >= x1 || x + width <= x0 || y >= y1 || y + height <= y0);
  const [x, y] = places.find(isFree) ?? [end, foot];
  Object.assign(bar.style, { left: `${x}px`, top: `${y}px`, right: "auto" });
}
