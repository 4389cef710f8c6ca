"""The length and the direction of the step: means, factors and signs."""

from __future__ import annotations

from nn_core.homework.backprop import Case
from nn_core.homework.slips.catalogue import Wrong, slip
from nn_core.machine.memory import Array


@slip(
    "missing_mean",
    "1/m is missing",
    wrong="dW = dZ @ A_before.T",
    right="dW = 1/m * dZ @ A_before.T",
)
class MissingMean(Wrong):
    """The loss is a mean over m images, so its gradient is a mean too. Without 1/m every step is m times too long."""

    def dz_of_loss(self, logits: Array) -> Array:
        return super().dz_of_loss(logits) * self.m


@slip(
    "mean_twice",
    "1/m is taken twice",
    wrong="dZ2 = (A2 - Y) / m;  dW2 = 1/m * dZ2 @ A1.T",
    right="dZ2 = (A2 - Y) / m;  dW2 = dZ2 @ A1.T",
)
class MeanTwice(Wrong):
    """Once in dZ and again in dW or db, or np.mean where a sum was wanted: the steps are m times too short."""

    def dz_of_loss(self, logits: Array) -> Array:
        return super().dz_of_loss(logits) / self.m


@slip(
    "by_classes",
    "divided by the number of classes as well",
    wrong="dZ2 = (A2 - Y) / Y.size",
    right="dZ2 = (A2 - Y) / m",
)
class ByClasses(Wrong):
    """The mean is over the images; over the outputs of one image it is a sum."""

    def dz_of_loss(self, logits: Array) -> Array:
        return super().dz_of_loss(logits) / logits.shape[1]


@slip(
    "sign",
    "the sign is turned",
    wrong="dZ2 = Y - A2",
    right="dZ2 = A2 - Y",
)
class Sign(Wrong):
    """The gradient points uphill and is subtracted. With the sign turned, each step makes the loss larger."""

    def dz_of_loss(self, logits: Array) -> Array:
        return -super().dz_of_loss(logits)

    def penalty_of_weights(self, W: Array) -> Array:
        return -super().penalty_of_weights(W)


@slip(
    "sign_of_loss",
    "the sign is turned, but not that of the penalty",
    wrong="dZ2 = Y - A2",
    right="dZ2 = A2 - Y",
)
class SignOfLoss(Wrong):
    """The loss's part points the wrong way, the penalty's part the right way."""

    @classmethod
    def serves(cls, case: Case) -> bool:
        return case.config.l2 > 0

    def dz_of_loss(self, logits: Array) -> Array:
        return -super().dz_of_loss(logits)


@slip(
    "factor_two",
    "a factor of 2 too much",
    wrong="dZ2 = 2 * (A2 - Y)",
    right="dZ2 = A2 - Y",
)
class FactorTwo(Wrong):
    """It belongs to the squared error without its 1/2. In softmax with cross-entropy there is none."""

    def dz_of_loss(self, logits: Array) -> Array:
        return 2 * super().dz_of_loss(logits)


@slip(
    "half",
    "a factor of 1/2 too much",
    wrong="dZ2 = (A2 - Y) / 2",
    right="dZ2 = A2 - Y",
)
class Half(Wrong):
    """The 1/2 of a squared error cancels when it is differentiated. In softmax with cross-entropy there is none."""

    def dz_of_loss(self, logits: Array) -> Array:
        return super().dz_of_loss(logits) / 2
