"""L2: what the penalty adds to the gradients."""

from __future__ import annotations

import numpy as np

from nn_core.homework.backprop import Case
from nn_core.homework.slips.catalogue import Wrong, slip
from nn_core.machine.memory import Array


class _WithL2(Wrong):
    @classmethod
    def serves(cls, case: Case) -> bool:
        return case.config.l2 > 0


@slip(
    "l2_missing",
    "L2 is missing",
    wrong="dW = dZ @ A_before.T",
    right="dW = dZ @ A_before.T + l2 * W",
)
class L2Missing(_WithL2):
    """With the penalty (l2/2) * sum(W**2), each weight's gradient has l2 * W on top."""

    def penalty_of_weights(self, W: Array) -> Array:
        return np.zeros_like(W)


@slip(
    "l2_on_biases",
    "L2 counts the biases as well",
    wrong="db = np.sum(dZ, axis=1, keepdims=True) + l2 * b",
    right="db = np.sum(dZ, axis=1, keepdims=True)",
)
class L2OnBiases(_WithL2):
    """The penalty is on the weights alone: a bias cannot make the network fit noise."""

    def penalty_of_biases(self, b: Array) -> Array | float:
        return self.case.config.l2 * b


@slip(
    "l2_twice",
    "L2 counts twice",
    wrong="dW = ... + 2 * l2 * W",
    right="dW = ... + l2 * W",
)
class L2Twice(_WithL2):
    """The penalty is (l2/2) * sum(W**2): differentiated, its 1/2 cancels the 2, and l2 * W is left."""

    def penalty_of_weights(self, W: Array) -> Array:
        return 2 * super().penalty_of_weights(W)


@slip(
    "l2_half",
    "L2 counts half",
    wrong="dW = ... + l2 / 2 * W",
    right="dW = ... + l2 * W",
)
class L2Half(_WithL2):
    """The penalty is (l2/2) * sum(W**2): differentiated, its 1/2 cancels the 2, and l2 * W is left."""

    def penalty_of_weights(self, W: Array) -> Array:
        return super().penalty_of_weights(W) / 2


@slip(
    "l2_over_m",
    "L2 is divided by m",
    wrong="dW = ... + l2 / m * W",
    right="dW = ... + l2 * W",
)
class L2OverM(_WithL2):
    """Here the penalty is (l2/2) * sum(W**2), whatever the batch. Some textbooks write (l2 / 2m): then compare
    with l2 divided by m."""

    def penalty_of_weights(self, W: Array) -> Array:
        return super().penalty_of_weights(W) / self.m
