// Where the parts of the network's picture lie: the image at the left, a block of tiles for each hidden layer, and the
// outputs at the right. All in px of the canvas; `em` is the size of the page's type.

const mid = (box) => box.y + box.h / 2;

const AIR = 0.55; // of a tile's width, between two columns of tiles: edges are seen there

// The tiles of a layer: as large as they can be in a place of this width and height, in columns filled from above, every
// other one half a tile lower.
function blockOf(n, width, height, most) {
  let best = { size: 0 };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const size = Math.min(most, width / (columns + AIR * (columns - 1)), height / (rows + (columns > 1 ? 0.5 : 0)) - 4);
    if (size > best.size + 0.5) best = { size, columns, rows };
  }
  return best.size ? best : { size: 4, columns: 1, rows: n };
}

function layoutOf(message, width, height, em) {
  const narrow = width < 560;
  const top = em * (narrow ? 1.5 : 1.6);
  const bottom = em * 0.3;
  const inner = height - top - bottom;
  const n = message.columns.length;
  const outputs = { w: em * (narrow ? 5.6 : 9.6) };
  outputs.x = width - outputs.w;
  const side = Math.min(inner - em * 1.6, Math.max(em * 4.2, width * (narrow ? 0.2 : 0.15)));
  const [rows0, columns0] = message.shape; // other inputs than an image stand in a column
  const w = columns0 > 1 ? side : Math.min(side, em * 4.5);
  const h = columns0 > 1 ? side : Math.min(inner - em * 1.6, rows0 * em * 3);
  const image = { x: 1, y: top + (inner - h) / 2 - em * 0.4, w, h };
  const from = image.x + image.w;
  const pitch = (outputs.x - from) / (n + 0.55 + (n ? 0 : 0.45));
  const gap = Math.min(pitch * 0.5, narrow ? em * 1.6 : em * 7);
  const span = n ? (outputs.x - from - gap * (n + 1)) / n : 0;
  const columns = message.columns.map((column, at) => {
    const k = column.units.length;
    const block = blockOf(k, span, inner, narrow ? em * 2.2 : Math.max(em * 2.8, inner / (k < 5 ? 3.4 : 5.2)));
    const down = block.size + 4;
    const used = Math.ceil(k / Math.max(1, block.rows));
    const air = used > 1 ? Math.min(1.1, Math.max(AIR, ((span * 0.8) / block.size - used) / (used - 1))) : AIR; // where there is room
    const across = block.size * (1 + air);
    const lower = used > 1 ? 0.5 : 0;
    const middle = from + gap * (at + 1) + span * (at + 0.5);
    const x0 = middle - (used * across - block.size * air) / 2;
    const y0 = top + (inner - (Math.min(block.rows, k) + lower) * down) / 2;
    const tiles = column.units.map((_, i) => {
      const c = Math.floor(i / block.rows);
      return { x: x0 + c * across, y: y0 + ((i % block.rows) + (c % 2) * lower) * down + 2, w: block.size, h: block.size };
    });
    return { middle, tiles, room: span + gap };
  });
  const step = inner / message.outputs.length;
  const rows = message.outputs.map((_, i) => ({ x: outputs.x, y: top + i * step, w: outputs.w, h: step }));
  return { image, columns, outputs, rows, top, narrow, em, shape: message.shape };
}

// The middle of a pixel, or at the right of another input, whose number stands in its middle
function pixelAt({ image, shape: [down, across] }, pixel) {
  const x = across > 1 ? ((pixel % across) + 0.5) / across : 1;
  return { x: image.x + x * image.w, y: image.y + ((Math.floor(pixel / across) + 0.5) / down) * image.h };
}
