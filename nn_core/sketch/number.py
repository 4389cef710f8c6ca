"""Several digits side by side on one canvas: where one ends and the next begins, and each as a sketch of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nn_core.sketch.specks import TOUCHING, Gray
from nn_core.sketch.to_mnist import Sketch, to_mnist

GAP = 0.07  # columns without ink between two digits, at least, as a share of the tallest one's height
TALL = 0.45  # a lower piece, as a share of the same, belongs to its neighbour: a dot, a bar of a 5, a speck
MOST = 9  # digits; of more pieces the canvas is taken as one picture


def digits_apart(sketch: Sketch) -> tuple[Sketch, ...]:
    """The digits of a canvas from left to right, each with stages of its own; the sketch itself where there is one.

    Digits that touch, or stand above one another, are one.
    """
    drawn = sketch.stages["drawn"]
    parts = _pieces(drawn)
    if not 1 < len(parts) <= MOST:
        return (sketch,)
    return tuple(to_mnist(np.where(part, drawn, np.uint8(0))) for part in parts)


def _pieces(ink: Gray) -> list[NDArray[np.bool_]]:
    """Where the ink of each digit is, from left to right: masks of the canvas's shape."""
    from scipy import ndimage

    rows = np.flatnonzero(ink.any(axis=1))
    if not rows.size:
        return []
    component, n = ndimage.label(ink, structure=TOUCHING)
    boxes = ndimage.find_objects(component)
    heights = np.array([box[0].stop - box[0].start for box in boxes])
    tallest = int(heights.max())
    tall = [number for number in range(n) if heights[number] >= TALL * tallest]
    groups: list[list[int]] = []
    right = 0
    for number in sorted(tall, key=lambda one: boxes[one][1].start):
        across = boxes[number][1]
        if groups and across.start - right < max(1, GAP * tallest):
            groups[-1].append(number)
        else:
            groups.append([number])
        right = max(right, across.stop) if len(groups[-1]) > 1 else across.stop
    middles = [np.mean([_middle(boxes[number]) for number in group]) for group in groups]
    for number in set(range(n)) - set(tall):
        groups[int(np.abs(np.array(middles) - _middle(boxes[number])).argmin())].append(number)
    return [np.isin(component, np.array(group) + 1) for group in groups]


def _middle(box: tuple[slice, slice]) -> float:
    return (box[1].start + box[1].stop) / 2
