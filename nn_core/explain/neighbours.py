"""The training images that are nearest to an image: pixel by pixel, and in the network's last hidden layer.

The distance is Euclid's; of pixels on brightness from 0 to 1. Deep k-nearest neighbours: Papernot & McDaniel 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.explain.maps import hidden_layers, layer_outputs
from nn_core.machine.memory import Array
from nn_core.nn.network import Network

PART = 2_000  # images compared at a time


@dataclass(frozen=True, eq=False, repr=False)
class Neighbours:
    """The nearest of `n` images, the nearest first."""

    indices: Array  # int64 (k,)
    distances: Array  # float64 (k,)
    n: int

    def __repr__(self) -> str:
        return f"<{len(self.indices)} nearest of {self.n:,}>"


def nearest(rows: Array, to: Array, k: int) -> Neighbours:
    """The k nearest of `rows` float32 (n, d) to a row (d,); of equally near ones the first.

    Squared distances by |a|^2 - 2 a.b for all, which is quick, then exactly for those that may be among the k.
    """
    k = min(k, len(rows))
    to = to.astype(np.float32)
    rough = np.concatenate([_rough(rows[start : start + PART], to) for start in range(0, len(rows), PART)])
    wanted = min(len(rows), 4 * k + 16)
    likely = np.sort(np.argpartition(rough, wanted - 1)[:wanted])
    exactly = np.linalg.norm(rows[likely].astype(np.float64) - to, axis=1)
    order = np.argsort(exactly, kind="stable")[:k]
    return Neighbours(likely[order], exactly[order], len(rows))


def _rough(rows: Array, to: Array) -> Array:
    return np.einsum("ij,ij->i", rows, rows) - 2 * (rows @ to)


def by_pixels(images: Array, image: Array, k: int) -> Neighbours:
    """The k nearest of uint8 images (n, 28, 28) to one image (28, 28), on brightness from 0 to 1."""
    rows = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    return nearest(rows, image.reshape(-1).astype(np.float32) / np.float32(255), k)


def last_hidden(model: Network, images: Array) -> Array:
    """What the last hidden layer puts out, float32 (n, d); without one, the logits."""
    at = max(0, len(hidden_layers(model.config)) - 1)
    return layer_outputs(model, images, at).reshape(len(images), -1)


def by_hidden_layer(model: Network, rows: Array, image: Array, k: int) -> Neighbours:
    """The k nearest to one image, uint8 (28, 28), of those whose `last_hidden` are the rows (n, d)."""
    return nearest(rows, last_hidden(model, image[None])[0], k)
