"""Puts many 28x28 tiles (first-layer filters, digit images) side by side into one picture with a colour table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.explain import pictures
from nn_core.export.png import png_uri
from nn_core.machine.memory import Array
from ui.charts import theme

SMALL_SIDE = 14  # more than MANY tiles are shown at half size, as they are no larger on the screen
MANY = 512
STRIP = 5  # rows of pixels under a filter for its outgoing weights; the first of them is empty
CLEAR = 255  # the row of every colour table that is transparent: between the tiles, and after the last one
_EDGE = 254  # the row of an image wall's colour table for the first colour of frames; the others go down from it


@dataclass(frozen=True, eq=False, repr=False)
class Wall:
    """Tiles side by side: `index` (height, width) uint8 points into the colour `table` uint8 (256, 3)."""

    index: Array
    table: Array
    n: int
    columns: int
    rows: int

    def __repr__(self) -> str:
        return f"Wall({self.n} tiles in {self.rows} rows of {self.columns})"

    @property
    def tile_aspect(self) -> float:
        """The height of a tile, with the gap around it, over its width."""
        height, width = self.index.shape
        return (height / self.rows) / (width / self.columns)

    @property
    def rgb(self) -> Array:
        """The picture, uint8 (height, width, 3)."""
        return self.table[self.index]

    @property
    def uri(self) -> str:
        """The picture as a PNG in a data: address."""
        return png_uri(self.index, self.table, clear=CLEAR)


def grid(n: int, columns: int | None, aspect: float, tile_aspect: float = 1.0) -> tuple[int, int]:
    """Columns and rows for n tiles: as given, or such that the tiles are largest in a place of width / height = aspect.

    `tile_aspect` is a tile's height over its width. A grid that leaves few empty places is preferred to one with
    slightly larger tiles.
    """

    def size(columns: int) -> float:
        rows = math.ceil(n / columns)
        return min(aspect / columns, 1 / (rows * tile_aspect)) * n / (rows * columns)

    columns = min(n, columns) if columns else max(range(1, n + 1), key=size)
    return columns, math.ceil(n / columns)


def weight_limits(weights: Array, shared: bool) -> Array:
    """The weight of full colour for each filter of (side * side, n), as (n,): its own largest, or one for all.

    The shared one is the 99.8th percentile of all magnitudes, so that a single large weight does not pale the others.
    """
    magnitudes = np.abs(np.nan_to_num(weights))
    if not shared:
        return magnitudes.max(axis=0)
    at = np.percentile(magnitudes, 99.8) or magnitudes.max()
    return np.full(weights.shape[1], float(at))


def weight_wall(
    weights: Array,
    *,
    outgoing: Array | None = None,
    order: Array | None = None,
    shared_scale: bool = True,
    columns: int | None = None,
    aspect: float = 2.5,
    dark: bool = False,
    limit: float | None = None,
) -> Wall:
    """Filters (side * side, n), one tile a column, on the signed scale; `order` lists the columns to show.

    `outgoing` (n, n_out) becomes a strip under each tile, unless there are more than MANY of them. `limit` is the
    weight of full colour, where a shared scale is not to go by these weights alone.
    """
    order = np.arange(weights.shape[1]) if order is None else order
    limits = weight_limits(weights, shared_scale)[order]
    if shared_scale and limit is not None:
        limits[:] = limit
    tiles = pictures(weights)[order]
    if len(order) > MANY:
        tiles = tiles.reshape(len(order), SMALL_SIDE, 2, SMALL_SIDE, 2).mean(axis=(2, 4))
    index = theme.signed_index(tiles, limits[:, None, None])
    if outgoing is not None and len(order) <= MANY:
        index = np.concatenate([index, _strips(outgoing, shared_scale)[order]], axis=1)
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: theme.N_SIGNED] = theme.signed_colours(dark)
    table[CLEAR] = theme.rgb(theme.palette(dark).rule)
    return _lay(index, table, columns, aspect)


def _strips(outgoing: Array, shared_scale: bool) -> Array:
    """Weights (n, n_out) as strips uint8 (n, STRIP, 28), from the first output at the left to the last at the right.

    Of more than 28 outputs, neighbours share a pixel, which shows the largest of them in magnitude.
    """
    n, n_out = outgoing.shape
    if n_out > SIDE:
        starts = np.arange(SIDE) * n_out // SIDE
        high, low = np.maximum.reduceat(outgoing, starts, axis=1), np.minimum.reduceat(outgoing, starts, axis=1)
        cells = np.where(high >= -low, high, low)
    else:
        cells = outgoing[:, np.arange(SIDE) * n_out // SIDE]
    strips = np.full((n, STRIP, SIDE), CLEAR, dtype=np.uint8)
    strips[:, 1:] = theme.signed_index(cells, weight_limits(outgoing.T, shared_scale)[:, None])[:, None]
    return strips


def image_tiles(
    images: Array, *, columns: int | None = None, aspect: float = 2.5, borders: Sequence[str | None] | None = None
) -> Wall:
    """Images uint8 (n, 28, 28) in grey, white ink on black; `borders` gives a tile a frame in #rrggbb, or None.

    Grey is kept to the two hundred levels that fit into the colour table beside the frames.
    """
    n = len(images)
    colours = sorted({colour for colour in borders or () if colour})[:50]
    table = np.zeros((256, 3), dtype=np.uint8)
    table[:200] = np.linspace(0, 255, 200).round().astype(np.uint8)[:, None]
    tiles = np.rint(images * (199 / 255)).astype(np.uint8)
    if borders is None:
        return _lay(tiles, table, columns, aspect)
    framed = np.full((n, SIDE + 4, SIDE + 4), CLEAR, dtype=np.uint8)
    for at, colour in enumerate(colours):
        table[_EDGE - at] = theme.rgb(colour)
    for tile, border in zip(framed, borders, strict=True):
        if border in colours:
            tile[:] = _EDGE - colours.index(border)
    framed[:, 2:-2, 2:-2] = tiles
    return _lay(framed, table, columns, aspect)


def _lay(tiles: Array, table: Array, columns: int | None, aspect: float, gap: int = 2) -> Wall:
    """Tiles (n, height, width) in rows, each with half a gap around it, so that their centres are evenly spaced."""
    n, height, width = tiles.shape
    columns, rows = grid(n, columns, aspect, (height + gap) / (width + gap))
    cells = np.full((rows * columns, height + gap, width + gap), CLEAR, dtype=np.uint8)
    cells[:n, gap // 2 : gap // 2 + height, gap // 2 : gap // 2 + width] = tiles
    in_rows = cells.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    index = np.ascontiguousarray(in_rows.reshape(rows * (height + gap), columns * (width + gap)))
    return Wall(index, table, n, columns, rows)
