"""The end of the network: softmax, the loss and the labels."""

from __future__ import annotations

from nn_core.homework.backprop import Case
from nn_core.homework.slips.catalogue import Wrong, slip
from nn_core.machine.memory import Array
from nn_core.nn.losses import softmax


@slip(
    "softmax_twice",
    "softmax's derivative is applied twice",
    wrong="dZ2 = softmax_jacobian(Z2) @ (A2 - Y)",
    right="dZ2 = A2 - Y",
)
class SoftmaxTwice(Wrong):
    """A2 - Y is the derivative of the cross-entropy with respect to Z2: softmax's own derivative is in it already."""

    def dz_of_loss(self, logits: Array) -> Array:
        p, g = softmax(logits), super().dz_of_loss(logits)
        return p * (g - (p * g).sum(axis=1, keepdims=True))


@slip(
    "softmax_twice_diagonal",
    "softmax's derivative is applied twice, as A2 (1 - A2)",
    wrong="dZ2 = (A2 - Y) * A2 * (1 - A2)",
    right="dZ2 = A2 - Y",
)
class SoftmaxTwiceDiagonal(Wrong):
    """A2 - Y is the derivative with respect to Z2 already. And softmax's derivative is no sigmoid's."""

    def dz_of_loss(self, logits: Array) -> Array:
        p = softmax(logits)
        return super().dz_of_loss(logits) * p * (1 - p)


@slip(
    "softmax_over_images",
    "softmax runs over the images in place of the classes",
    wrong="A2 = np.exp(Z2) / np.sum(np.exp(Z2), axis=1, keepdims=True)",
    right="A2 = np.exp(Z2) / np.sum(np.exp(Z2), axis=0, keepdims=True)",
)
class SoftmaxOverImages(Wrong):
    """The ten probabilities of one image sum to 1. In columns that is axis 0, in rows axis 1."""

    @classmethod
    def serves(cls, case: Case) -> bool:
        return case.config.loss == "cross_entropy"

    def dz_of_loss(self, logits: Array) -> Array:
        return super().dz_of_loss(logits) + (softmax(logits.T).T - softmax(logits)) / self.m


@slip(
    "softmax_over_everything",
    "softmax is divided by the sum over the whole batch",
    wrong="A2 = np.exp(Z2) / np.sum(np.exp(Z2))",
    right="A2 = np.exp(Z2) / np.sum(np.exp(Z2), axis=0, keepdims=True)",
)
class SoftmaxOverEverything(Wrong):
    """np.sum without an axis adds up all images. The ten probabilities of each image must sum to 1."""

    @classmethod
    def serves(cls, case: Case) -> bool:
        return case.config.loss == "cross_entropy"

    def dz_of_loss(self, logits: Array) -> Array:
        whole = softmax(logits.reshape(1, -1)).reshape(logits.shape)
        return super().dz_of_loss(logits) + (whole - softmax(logits)) / self.m


@slip(
    "label_up",
    "the labels are off by one (one too high)",
    wrong="Y[label + 1, i] = 1",
    right="Y[label, i] = 1",
)
class LabelUp(Wrong):
    """The digit 0 is class 0: row 0 of Y. Counting from 1, each image is taught as the next digit."""

    def labels(self) -> Array:
        return (super().labels() + 1) % self.case.sizes[-1]


@slip(
    "label_down",
    "the labels are off by one (one too low)",
    wrong="Y[label - 1, i] = 1",
    right="Y[label, i] = 1",
)
class LabelDown(Wrong):
    """The digit 0 is class 0: row 0 of Y. With label - 1, the zeros land in the last row, for -1 counts from the
    end."""

    def labels(self) -> Array:
        return (super().labels() - 1) % self.case.sizes[-1]
