"""From a drawing to an MNIST image: the steps by which the digits of MNIST were normalised, with every stage kept.

The ink is cropped, its longer side becomes 20 pixels (aspect kept, anti-aliased), and the result is put on 28x28 pixels
so that its centre of mass lies on the middle (LeCun, Bottou, Bengio & Haffner 1998, section III.A): 14.5 in edge
coordinates, the centre of pixel 14, where MNIST has it on average. All sums are whole numbers, so MNIST images enlarged
by a whole factor come back exactly, and where on the canvas a digit is drawn makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

BOX = 20  # pixels of the ink's longer side
SIDE = 28  # pixels of the image's sides
MAX_SIDE = 4096  # pixels a canvas may have on a side

FULL = 0.9  # a larger share of the canvas under ink is called full
SMALL = 0.2  # a longer side below this share of the canvas' longer side is called very small
FAINT = 64  # grey level that at least one pixel must reach, lest the ink be called hardly visible

# A component of the ink is a speck when it has less than SPECK_INK of the largest component's ink and is further than
# SPECK_GAP of the main ink's longer side away from it. Measured with a 784-128-10 network: 163 of 10,000 test images
# change, and the accuracy does not fall (95.92 %, then 95.94 %); a stray dot of 12 px on 280 costs 0.3 points instead
# of 2.8, one of 20 px 0.9 instead of 4. `python -m benchmarks.sketch_roundtrip` measures it again.
SPECK_INK = 0.15
SPECK_GAP = 0.1
SPECK_GRID = 512  # components are looked for on at most so many cells a side


@dataclass(frozen=True, eq=False)
class Sketch:
    """A canvas made into an MNIST image. `stages` holds the pictures on the way, uint8 2-D, all read-only:
    "drawn" (H, W), "cropped" (the ink's bounding box; 1x1 when there is none), "20x20" and "28x28" (the image itself).
    `message` is "" or one sentence on what may make the reading unsure.
    """

    image: Gray  # (28, 28)
    stages: dict[str, Gray]
    empty: bool
    message: str


def to_mnist(canvas: NDArray[np.uint8], drop_specks: bool = True) -> Sketch:
    """The MNIST image of a canvas with bright ink on dark ground: uint8 (H, W), (H, W, 3) or (H, W, 4).

    Colour becomes luminance, transparent pixels let black through, and polarity is never turned. Every pixel that is
    not black is ink. With `drop_specks`, tiny components far from the rest of the ink are left out. A canvas without
    ink gives a black image with `.empty` set. Raises ValueError when the canvas is no such array or has a side above
    4,096 pixels.
    """
    drawn = _to_gray(canvas)
    cropped = _crop(drawn)
    if drop_specks:
        cropped = _crop(_without_specks(cropped))
    scaled = _scale(cropped)
    box = _place(scaled, BOX, (BOX - scaled.shape[0]) // 2, (BOX - scaled.shape[1]) // 2)
    image = _place(scaled, SIDE, _centring(scaled, axis=0), _centring(scaled, axis=1))
    stages = {"drawn": drawn, "cropped": cropped, "20x20": box, "28x28": image}
    for stage in stages.values():
        stage.flags.writeable = False
    return Sketch(image, stages, empty=not drawn.any(), message=_remark(drawn, cropped, image))


# ---------------------------------------------------------------------------------------------- canvas to ink


def _to_gray(canvas: NDArray[np.uint8]) -> Gray:
    """A fresh (H, W) array of luminance (ITU-R BT.601, in 1/256) over black; raises ValueError."""
    _check(canvas)
    if canvas.ndim == 2:
        return canvas.copy()
    red, green, blue = (canvas[..., channel].astype(np.uint16) for channel in range(3))
    gray = (77 * red + 150 * green + 29 * blue + 128) // 256  # at most 65,408: uint16 holds it
    if canvas.shape[2] == 4:
        gray = (gray * canvas[..., 3] + 127) // 255
    return gray.astype(np.uint8)


def _check(canvas: object) -> None:
    if not isinstance(canvas, np.ndarray):
        raise ValueError(f"the canvas must be a NumPy array, got {type(canvas).__name__}")
    if canvas.dtype != np.uint8:
        raise ValueError(f"the canvas must hold uint8 values, got {canvas.dtype}")
    if canvas.ndim not in (2, 3) or canvas.shape[2:] not in ((), (3,), (4,)):
        raise ValueError(f"the canvas must have shape (H, W), (H, W, 3) or (H, W, 4), got {canvas.shape}")
    if not 1 <= min(canvas.shape[:2]) <= max(canvas.shape[:2]) <= MAX_SIDE:
        height, width = canvas.shape[:2]
        raise ValueError(f"the canvas must have 1 to {MAX_SIDE} pixels on each side, got {height} x {width}")


def _crop(ink: Gray) -> Gray:
    """A copy of the bounding box of all that is not black; 1x1 and black when there is nothing."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return np.zeros((1, 1), np.uint8)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()


# ---------------------------------------------------------------------------------------------- size and place


def _scale(cropped: Gray) -> Gray:
    """The ink with its longer side at 20 pixels: each new pixel is the mean of the area that it covers."""
    longer = max(cropped.shape)
    down, across = _overlaps(cropped.shape[0], longer), _overlaps(cropped.shape[1], longer)
    area: NDArray[np.float64] = down @ cropped @ across.T  # whole numbers below 2**53, so exact
    scaled: Gray = np.floor(area / (2 * longer) ** 2 + 0.5).astype(np.uint8)
    return scaled


def _overlaps(n: int, longer: int) -> NDArray[np.float64]:
    """(n_new, n): the length that each new pixel shares with each of `n` old ones, in 1/40 of an old pixel.

    A new pixel is longer/20 old ones long. On the shorter side the new pixels together may be longer than the ink: it
    lies in the middle of them.
    """
    n_new = -(-n * BOX // longer)
    margin = n_new * longer - n * BOX  # on either side, in 1/40 of an old pixel
    new = 2 * longer * np.arange(n_new + 1) - margin
    old = 2 * BOX * np.arange(n + 1)
    shared = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    lengths: NDArray[np.float64] = np.maximum(shared, 0).astype(np.float64)
    return lengths


def _centring(scaled: Gray, axis: int) -> int:
    """The place in 28 pixels, to the whole pixel, that brings the centre of mass nearest to 14.5; no ink falls outside.

    Halves round toward the first row or column, as in MNIST itself.
    """
    n: int = scaled.shape[axis]
    ink = int(scaled.sum(dtype=np.int64))
    if not ink:
        return (SIDE - n) // 2
    profile = scaled.sum(axis=1 - axis, dtype=np.int64)
    moment = int(profile @ (2 * np.arange(n) + 1))  # about the edge, in half pixels
    nearest = -((moment - SIDE * ink) // (2 * ink))
    return min(max(nearest, 0), SIDE - n)


def _place(scaled: Gray, side: int, top: int, left: int) -> Gray:
    image = np.zeros((side, side), np.uint8)
    image[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return image


# ---------------------------------------------------------------------------------------------- specks


def _without_specks(ink: Gray) -> Gray:
    """The ink without the tiny components far from its main part (SPECK_INK, SPECK_GAP)."""
    cell = -(-max(ink.shape) // SPECK_GRID)
    coarse = _pooled(ink, cell)
    rows, starts, stops = _runs(coarse > 0)
    if not rows.size:
        return ink
    component = _components(rows, starts, stops)
    mass = np.bincount(component, _run_sums(coarse, rows, starts, stops))
    main = (mass >= SPECK_INK * mass.max())[component]
    if main.all():
        return ink
    extent = max(np.ptp(rows[main]) + 1, stops[main].max() - starts[main].min())
    near = _grown(_painted(coarse.shape, rows[main], starts[main], stops[main]), int(SPECK_GAP * extent))
    kept = np.bincount(component, _run_sums(near, rows, starts, stops))[component] > 0
    keep = _painted(coarse.shape, rows[kept], starts[kept], stops[kept])
    keep = keep.repeat(cell, axis=0).repeat(cell, axis=1)[: ink.shape[0], : ink.shape[1]]
    return np.where(keep, ink, np.uint8(0))


def _pooled(ink: Gray, cell: int) -> Gray:
    """The brightest pixel of each cell x cell block."""
    if cell == 1:
        return ink
    height, width = (-(-n // cell) for n in ink.shape)
    padded = np.zeros((height * cell, width * cell), np.uint8)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    pooled: Gray = padded.reshape(height, cell, width, cell).max(axis=(1, 3))
    return pooled


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The horizontal runs of True as (row, start, stop), stop exclusive, in reading order."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    change = np.diff(padded, axis=1)  # (height, width + 1)
    rows, starts = np.nonzero(change == 1)
    return rows, starts, np.nonzero(change == -1)[1]


def _components(rows: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
    """The component of each run: runs of neighbouring rows that touch, corners included, are joined (union-find)."""
    pitch = int(stops.max()) + 2  # more than a row is long, so that keys of different rows never meet
    first = np.searchsorted(rows * pitch + stops, (rows + 1) * pitch + starts, side="left")
    last = np.searchsorted(rows * pitch + starts, (rows + 1) * pitch + stops, side="right")
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = run = parent[parent[run]]
        return run

    for run, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        for other in range(low, high):
            parent[root(other)] = root(run)
    return np.unique([root(run) for run in parent], return_inverse=True)[1]


def _run_sums(
    values: Gray | NDArray[np.bool_], rows: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The sum of `values` over each run."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1), np.int64)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    total: NDArray[np.int64] = sums[rows, stops] - sums[rows, starts]
    return total


def _painted(
    shape: tuple[int, ...], rows: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """The mask with these runs set."""
    steps = np.zeros((shape[0], shape[1] + 1), np.int8)
    steps[rows, starts] = 1
    steps[rows, stops] = -1
    painted: NDArray[np.bool_] = np.cumsum(steps[:, :-1], axis=1, dtype=np.int8) > 0
    return painted


def _grown(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """The mask grown by `reach` cells in each direction (a square)."""
    for axis in (0, 1):
        n = mask.shape[axis]
        sums = np.insert(np.cumsum(mask, axis=axis, dtype=np.int32), 0, 0, axis=axis)
        at = np.arange(n)
        high, low = np.minimum(at + reach + 1, n), np.maximum(at - reach, 0)
        mask = sums.take(high, axis=axis) > sums.take(low, axis=axis)
    return mask


# ---------------------------------------------------------------------------------------------- remarks


def _remark(drawn: Gray, cropped: Gray, image: Gray) -> str:
    """One sentence on a sketch that can hardly be read, or ""."""
    share = np.count_nonzero(drawn) / drawn.size
    size, canvas_size = max(cropped.shape), max(drawn.shape)
    if not share:
        return "There is no ink yet: draw a digit."
    if share > FULL:
        covered = "The whole canvas" if share == 1 else f"Nearly the whole canvas ({share:.0%})"
        return f"{covered} is ink, so no digit stands out: clear it and draw bright strokes on the dark ground."
    if image.max() < FAINT:
        return "The strokes are so thin or faint that hardly any ink is left at 28x28 pixels: use a wider brush."
    if size < SMALL * canvas_size:
        return f"A very small sketch ({size} of {canvas_size} pixels): enlarging thickens its strokes, so draw larger."
    return ""
