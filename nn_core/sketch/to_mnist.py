"""Turns a drawing into an MNIST image, by the steps with which the digits of MNIST were made; every stage is kept.

The ink is cropped, its longer side becomes 20 pixels (aspect kept, anti-aliased), and the result is put on 28x28 pixels
so that its centre of mass lies on the middle (LeCun, Bottou, Bengio & Haffner 1998, section III.A): 14.5 in edge
coordinates, the centre of pixel 14, where MNIST has it on average. All sums are whole numbers, so MNIST images enlarged
by a whole factor come back exactly, and where on the canvas a digit is drawn makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nn_core.data.dataset import SIDE
from nn_core.machine.numbers import percent
from nn_core.sketch.specks import Gray, without_specks

BOX = 20  # pixels of the ink's longer side
MAX_SIDE = 4096  # pixels a canvas may have on a side

FULL = 0.9  # a larger share of the canvas under ink is called full
SMALL = 0.2  # a longer side below this share of the canvas' longer side is called very small
FAINT = 64  # grey level that at least one pixel must reach, lest the ink be called hardly visible


@dataclass(frozen=True, eq=False, repr=False)
class Sketch:
    """A canvas made into an MNIST image. `stages` holds the pictures on the way, uint8 2-D, all read-only:
    "drawn" (H, W), "cropped" (the ink's bounding box; 1x1 when there is none), "20x20" and "28x28" (the image itself).
    `message` is "" or one sentence on what may make the reading unsure.
    """

    image: Gray  # (28, 28)
    stages: dict[str, Gray]
    empty: bool
    message: str

    def __repr__(self) -> str:
        height, width = self.stages["drawn"].shape
        return f"Sketch({'empty' if self.empty else 'drawn'}, from a canvas of {height} x {width})"


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
        cropped = _crop(without_specks(cropped))
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


# ---------------------------------------------------------------------------------------------- remarks


def _remark(drawn: Gray, cropped: Gray, image: Gray) -> str:
    """One sentence on a sketch that can hardly be read, or ""."""
    share = np.count_nonzero(drawn) / drawn.size
    size, canvas_size = max(cropped.shape), max(drawn.shape)
    if not share:
        return "There is no ink yet: draw a digit."
    if share > FULL:
        covered = "The whole canvas" if share == 1 else f"Nearly the whole canvas ({percent(share, 0)})"
        return f"{covered} is ink, so no digit stands out: clear it and draw bright strokes on the dark ground."
    if image.max() < FAINT:
        return "The strokes are so thin or faint that hardly any ink is left at 28x28 pixels: use a wider brush."
    if size < SMALL * canvas_size:
        return f"A very small sketch ({size} of {canvas_size} pixels): enlarging thickens its strokes, so draw larger."
    return ""
