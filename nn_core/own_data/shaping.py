"""What is chosen for a set that was read: its classes and their names, its polarity, and how it gets 28 x 28."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from nn_core.data import N_CLASSES, Bytes, DataError
from nn_core.data.dataset import SIDE
from nn_core.machine.memory import Array
from nn_core.own_data.found import Found

BLOCK = 2_000  # images that are worked on at once


def _weights(n: int) -> Array:
    """How each of 28 pixels is a mean of n, (28, n): a triangle as wide as a pixel of the coarser of the two grids."""
    wide = max(1.0, n / SIDE)
    centres = (np.arange(SIDE) + 0.5) * n / SIDE
    distance = np.abs(centres[:, None] - (np.arange(n) + 0.5)) / wide
    weights = np.maximum(0.0, 1.0 - distance)
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def smooth(images: Bytes) -> Bytes:
    """Stretched to fill the frame, with linear interpolation, or means where it shrinks."""
    rows, columns = (_weights(n) for n in images.shape[1:])
    return np.rint(np.matmul(np.matmul(rows, images.astype(np.float32)), columns.T)).astype(np.uint8)


def blocky(images: Bytes) -> Bytes:
    """Stretched to fill the frame, each pixel the nearest one."""
    rows, columns = ((((np.arange(SIDE) + 0.5) * n) // SIDE).astype(int) for n in images.shape[1:])
    return images[:, rows[:, None], columns]


def framed(images: Bytes) -> Bytes:
    """As they are in the middle of the frame; larger ones are cut."""
    out = np.zeros((len(images), SIDE, SIDE), np.uint8)
    cuts, places = [], []
    for n in images.shape[1:]:
        kept = min(n, SIDE)
        cuts.append(slice((n - kept) // 2, (n - kept) // 2 + kept))
        places.append(slice((SIDE - kept) // 2, (SIDE - kept) // 2 + kept))
    out[:, places[0], places[1]] = images[:, cuts[0], cuts[1]]
    return out


METHODS: Mapping[str, tuple[str, Callable[[Bytes], Bytes]]] = MappingProxyType(
    {
        "smooth": ("Stretched, smooth", smooth),
        "blocky": ("Stretched, pixel by pixel", blocky),
        "framed": ("In the middle, not stretched", framed),
    }
)


@dataclass(frozen=True)
class Choices:
    """What may be changed of a guess. `classes` are at most ten places in `Found.classes`; `names` are theirs."""

    classes: tuple[int, ...]
    names: tuple[str, ...]
    inverted: bool = False
    turned: bool = False  # rows and columns exchanged
    method: str = "smooth"

    @classmethod
    def guessed(cls, found: Found) -> Choices:
        """The first ten classes under their own names, turned to bright on dark where it is dark on light."""
        classes = tuple(range(min(N_CLASSES, len(found.classes))))
        return cls(classes, tuple(found.classes[at] for at in classes), is_dark_on_light(found))


def is_dark_on_light(found: Found) -> bool:
    """Whether the ground, as the borders of the images show it, is lighter than their middle grey."""
    some = found.images[:500]
    border = np.concatenate([some[:, 0], some[:, -1], some[:, :, 0], some[:, :, -1]], axis=1)
    return bool(np.median(border) > 127)


def check(found: Found, choices: Choices) -> None:
    """Raise DataError for choices that make no sense."""
    n = len(choices.classes)
    if not 2 <= n <= N_CLASSES:
        raise DataError(f"a set has 2 to {N_CLASSES} classes here, as networks here have {N_CLASSES} outputs, got {n}")
    if len(set(choices.classes)) != n or any(not 0 <= at < len(found.classes) for at in choices.classes):
        raise DataError(f"classes must be different ones of the {len(found.classes)} that there are")
    named = [name.strip() for name in choices.names]
    if len(named) != n or not all(named) or len(set(named)) != n:
        raise DataError(f"each of the {n} classes needs a name of its own, got {', '.join(named)[:100]}")
    if choices.method not in METHODS:
        raise DataError(f"method must be one of {', '.join(METHODS)}, got {choices.method!r:.40}")


def shaped(found: Found, choices: Choices, most: int | None = None) -> tuple[Bytes, Array, int]:
    """Images (n, 28, 28), labels (n,) from 0, and how many of the last are a test set; at most `most` of them."""
    check(found, choices)
    new = np.full(len(found.classes), -1)
    new[list(choices.classes)] = np.arange(len(choices.classes))
    labels = new[found.labels]
    members = np.flatnonzero(labels >= 0)[:most]
    n_test = int((members >= len(labels) - found.n_test).sum())
    out = np.empty((len(members), SIDE, SIDE), np.uint8)
    for first in range(0, len(members), BLOCK):
        out[first : first + BLOCK] = _bring(found.images[members[first : first + BLOCK]], choices)
    return out, labels[members].astype(np.uint8), n_test


def _bring(images: Bytes, choices: Choices) -> Bytes:
    if choices.inverted:
        images = 255 - images
    if choices.turned:
        images = images.transpose(0, 2, 1)
    if images.shape[1:] == (SIDE, SIDE):
        return np.ascontiguousarray(images)
    return METHODS[choices.method][1](images)
