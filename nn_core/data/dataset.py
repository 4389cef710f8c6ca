"""What a data set is: images and labels in three splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Split = Literal["train", "val", "test"]
SIDE = 28  # rows and columns of an image
N_PIXELS = SIDE * SIDE
N_CLASSES = 10


class DataError(ValueError):
    """A data file that cannot be used; the message is one sentence with the file and the reason."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images and labels in three splits: read-only, C-contiguous uint8 arrays.

    The training images lie in a random order that never changes, so that every first n of them are a random sample.
    `identity` is the SHA-256 (hex) over the arrays' names and hashes: the same for the same data, in whichever file.
    """

    name: str
    identity: str
    class_names: tuple[str, ...]
    train_images: Bytes  # (55000, 28, 28) for a file with 60,000 training images
    train_labels: Bytes  # (55000,)
    val_images: Bytes  # (5000, 28, 28)
    val_labels: Bytes
    test_images: Bytes  # (10000, 28, 28)
    test_labels: Bytes

    def split(self, name: Split) -> tuple[Bytes, Bytes]:
        """(images, labels) of "train", "val" or "test"; raises DataError for another name."""
        if name not in ("train", "val", "test"):
            raise DataError(f"a split must be one of train, val, test, got {name!r}")
        return getattr(self, f"{name}_images"), getattr(self, f"{name}_labels")

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(self.split(name)[1])} {name}" for name in ("train", "val", "test"))
        return f"<Dataset {self.name}: {sizes}>"
