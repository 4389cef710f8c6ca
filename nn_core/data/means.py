"""The mean image of each class."""

from __future__ import annotations

import numpy as np

from nn_core.machine.memory import Array


def mean_images(images: Array, labels: Array, n_classes: int = 10) -> Array:
    """The mean of each class's images uint8 (n, 28, 28): uint8 (n_classes, 28, 28), all 0 for an empty class."""
    means = np.zeros((n_classes, *images.shape[1:]), dtype=np.uint8)
    for label in range(n_classes):
        members = images[labels == label]
        if len(members):
            means[label] = np.rint(members.mean(axis=0, dtype=np.float32))
    return means
