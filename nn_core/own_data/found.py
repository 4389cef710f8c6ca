"""What was found in files: images and labels as they are, before anything is chosen; and how much of it is taken."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from nn_core.config.errors import shorten
from nn_core.data import Bytes, DataError
from nn_core.machine.disk import open_plain, reason

SMALLEST, LARGEST = 8, 64  # rows and columns of an image
MOST_BYTES = 80_000_000  # of pixels that are kept: 100,000 images of 28 x 28
MOST_IMAGES = 2_000_000  # in a file
MOST_CLASSES = 62
SAMPLE_SEED = 20_261_130

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Source:
    """A file: its name, and its bytes (as an upload has them) or its path."""

    name: str
    content: BinaryIO | Path

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """From its first byte. Raises DataError."""
        if not isinstance(self.content, Path):
            self.content.seek(0)
            yield self.content
            return
        try:
            stream = open_plain(self.content)
        except OSError as error:
            raise DataError(f"{self.name} cannot be read: {reason(error).lower()}") from None
        with stream:
            yield stream


@dataclass(frozen=True, eq=False)
class Found:
    """Images (n, rows, columns) uint8 and labels (n,), places in `classes`; the last `n_test` are a test set, if any.

    `remarks` are sentences on how the files were understood.
    """

    title: str
    images: Bytes
    labels: Labels
    classes: tuple[str, ...]
    n_test: int = 0
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        n, rows, columns = self.images.shape
        return f"<Found {self.title}: {n:,} images of {rows} x {columns}, {len(self.classes)} classes>"


def check_size(name: str, rows: int, columns: int) -> None:
    """Raise DataError for images that are too small or too large."""
    if not (SMALLEST <= rows <= LARGEST and SMALLEST <= columns <= LARGEST):
        raise DataError(
            f"{shorten(name)}: images must have {SMALLEST} to {LARGEST} rows and columns, got {rows} x {columns}"
        )


def check_count(name: str, n: int) -> None:
    """Raise DataError for too many images."""
    if n > MOST_IMAGES:
        raise DataError(f"{shorten(name)}: a file may hold at most {MOST_IMAGES:,} images, got {n:,}")


def sample(n: int, pixels: int) -> NDArray[np.int64]:
    """Which of n images of so many pixels are taken, ascending: all, or as many as fit into memory, at random."""
    most = MOST_BYTES // pixels
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(SAMPLE_SEED).permutation(n)[:most])


def taken(n: int, total: int) -> str:
    """A sentence where not all images are taken, else ""."""
    return "" if n == total else f"Of its {total:,} images {n:,} are taken, at random: more would not fit into memory."


def rows_of(read: Callable[[int], bytes], n: int, shape: tuple[int, int], name: str) -> tuple[Bytes, NDArray[np.int64]]:
    """Images (m, *shape) out of n that follow one another in a stream of bytes, and which of them they are."""
    pixels = shape[0] * shape[1]
    places = sample(n, pixels)
    images = np.empty((len(places), pixels), np.uint8)
    block = max(1, 4_000_000 // pixels)
    at = 0
    for first in range(0, n, block):
        count = min(block, n - first)
        data = read(count * pixels)
        if len(data) != count * pixels:
            had = first + len(data) // pixels
            raise DataError(f"{shorten(name)} is cut off: it announces {n:,} images and holds {had:,}")
        until = int(np.searchsorted(places, first + count))
        images[at:until] = np.frombuffer(data, np.uint8).reshape(count, pixels)[places[at:until] - first]
        at = until
    return images.reshape(-1, *shape), places


def as_bytes(values: NDArray[np.generic], name: str) -> Bytes:
    """Pixels as uint8: where none is above 1 they stretched to 255, others are rounded. Raises DataError."""
    if values.dtype in (np.uint8, np.bool_):
        plain: Bytes = values.astype(np.uint8, copy=False)
        return plain if plain.size and plain.max() > 1 else plain * np.uint8(255)
    if values.dtype.kind not in "iuf":
        raise DataError(f"{shorten(name)}: pixels must be numbers, got {values.dtype}")
    wide = values.astype(np.float32)
    if not np.isfinite(wide).all():
        raise DataError(f"{shorten(name)}: a pixel is not a number, or infinite")
    low, high = (float(wide.min()), float(wide.max())) if wide.size else (0.0, 0.0)
    if low < 0 or high > 255:
        raise DataError(f"{shorten(name)}: pixels must be in [0, 1] or [0, 255], got {low:g} to {high:g}")
    stretched = wide * np.float32(255) if high <= 1 else wide
    return np.rint(stretched).astype(np.uint8)


def classes_of(labels: NDArray[np.generic], name: str) -> tuple[Labels, tuple[str, ...]]:
    """Labels as places among the classes that there are, in their order, and the classes' names."""
    if labels.dtype.kind == "f":
        if not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
            raise DataError(f"{shorten(name)}: labels must be whole numbers, and one is not")
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iuU":
        raise DataError(f"{shorten(name)}: labels must be whole numbers or words, got {labels.dtype}")
    known, places = np.unique(labels, return_inverse=True)
    if not 2 <= len(known) <= MOST_CLASSES:
        raise DataError(f"{shorten(name)}: there must be 2 to {MOST_CLASSES} classes, got {len(known):,}")
    return places.astype(np.int64).reshape(-1), tuple(str(each)[:40] for each in known.tolist())


def joined(train: Found, test: Found) -> Found:
    """One set of two files' images: of training and of test. Raises DataError where they do not fit."""
    if train.images.shape[1:] != test.images.shape[1:]:
        sizes = [" x ".join(map(str, each.images.shape[1:])) for each in (train, test)]
        raise DataError(f"training images are {sizes[0]} and test images {sizes[1]}: they must be alike")
    classes = tuple(dict.fromkeys([*train.classes, *test.classes]))
    if set(test.classes) - set(train.classes):
        strange = ", ".join(sorted(set(test.classes) - set(train.classes))[:5])
        raise DataError(f"the test images have classes that the training images lack: {strange}")
    of_test = np.array([classes.index(each) for each in test.classes])[test.labels]
    return Found(
        train.title,
        np.concatenate([train.images, test.images]),
        np.concatenate([train.labels, of_test]),
        classes,
        len(test.labels),
        tuple(dict.fromkeys([*train.remarks, *test.remarks])),
    )


def stem(name: str) -> str:
    """A file's name without its folder and endings."""
    return os.path.basename(name.rstrip("/\\")).split(".")[0] or "set"
