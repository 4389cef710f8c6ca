"""The batches that the other programs train on: every epoch in a new random order, like ours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def batches(n_images: int, batch_size: int, seed: int = 0) -> Iterator[NDArray[np.int64] | None]:
    """Indices of one batch after the other, without end; None means all images, in place (batch_size 0)."""
    rng = np.random.default_rng(seed)
    while True:
        if not batch_size:
            yield None
            continue
        order = rng.permutation(n_images)
        for start in range(0, n_images, batch_size):
            yield order[start : start + batch_size]
