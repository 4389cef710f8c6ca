"""The end of every fast step: softmax, cross-entropy and their gradient, in place on the logits.

Logits lie here as (10, n), a row a class: sums and maxima over the classes are then passes over long rows, 15 us
instead of 39 for 128 images.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nn_core.data.dataset import N_CLASSES
from nn_core.kernels.calls import Calls, run
from nn_core.machine import memory
from nn_core.machine.memory import Array


def target_table(smoothing: float, dtype: npt.DTypeLike) -> Array:
    """What the probabilities should be, (10, 10) with a column for each label; see `losses.targets`.

    It is small enough to stay in the cache while the targets of a batch are gathered from it.
    """
    table: Array = np.eye(N_CLASSES, dtype=dtype) * (1 - smoothing) + smoothing / N_CLASSES
    return table.astype(dtype)


class OutputBuffers:
    """Room for the outputs of up to `rows` images."""

    def __init__(self, rows: int, dtype: npt.DTypeLike) -> None:
        self.logits = memory.empty(N_CLASSES * rows, dtype)
        self.targets = memory.empty(N_CLASSES * rows, dtype)
        self.total = memory.empty(rows, dtype)
        self.logs = memory.empty(rows, dtype)
        self.ones = np.ones(max(rows, N_CLASSES), dtype)


class Output:
    """Softmax and cross-entropy of n images of a batch of m, whose `logits` and `targets` (10, n) are filled before.

    After `calls`, the logits are d (mean loss of the batch) / d logits, and `loss` is the sum over the n images.
    """

    def __init__(self, buffers: OutputBuffers, n: int, m: int) -> None:
        logits = self.logits = buffers.logits[: N_CLASSES * n].reshape(N_CLASSES, n)
        self.targets = buffers.targets[: N_CLASSES * n].reshape(N_CLASSES, n)
        self.ones = buffers.ones[:n]
        self.share, self.expected, self.log_total = (np.zeros((), logits.dtype) for _ in range(3))
        self.share_in(m)
        total, logs = buffers.total[:n], buffers.logs[:n]
        self.calls: Calls = [
            (np.maximum.reduce, (logits, 0, None, total)),
            (np.subtract, (logits, total, logits)),
            (np.dot, (logits.reshape(-1), self.targets.reshape(-1), self.expected)),  # an image's targets sum to 1
            (np.exp, (logits, logits)),
            (np.dot, (buffers.ones[:N_CLASSES], logits, total)),  # a sum over the classes; add.reduce takes twice
            (np.divide, (logits, total, logits)),
            (np.log, (total, logs)),
            (np.dot, (logs, self.ones, self.log_total)),
            (np.subtract, (logits, self.targets, logits)),
            (np.multiply, (logits, self.share, logits)),
        ]

    def share_in(self, m: int) -> None:
        """From now on, the images belong to a batch of m: each has 1 / m of its mean loss."""
        self.share[...] = 1 / m

    def run(self) -> float:
        """Make the calls; the loss."""
        run(self.calls)
        return self.loss

    @property
    def loss(self) -> float:
        """The sum of the images' cross-entropies."""
        return float(self.log_total) - float(self.expected)
