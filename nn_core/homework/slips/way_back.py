"""What the error is multiplied by on its way back, and what the network is shown."""

from __future__ import annotations

from nn_core.homework.backprop import Case
from nn_core.homework.slips.catalogue import Wrong, slip
from nn_core.machine.memory import Array


@slip(
    "not_transposed_back",
    "W2 is not transposed on the way back",
    wrong="dA1 = W2 @ dZ2",
    right="dA1 = W2.T @ dZ2",
    by_layer=True,
)
class NotTransposedBack(Wrong):
    """The error goes back along the same connections: from outputs to inputs, through W2.T. A square W2 fits both
    ways."""

    @classmethod
    def serves(cls, case: Case) -> bool:
        return any(one == other for one, other in zip(case.sizes[1:-1], case.sizes[2:], strict=True))

    def back(self, layer: int, dz: Array, dW: Array) -> Array:
        W = self.case.weights[layer]
        return dz @ W if W.shape[0] == W.shape[1] else super().back(layer, dz, dW)


@slip(
    "updated_first",
    "W2 was changed before it was used on the way back",
    wrong="W2 -= lr * dW2;  dA1 = W2.T @ dZ2",
    right="dA1 = W2.T @ dZ2;  W2 -= lr * dW2",
)
class UpdatedFirst(Wrong):
    """All gradients belong to the weights of the forward pass. Work them all out first, then update."""

    def back(self, layer: int, dz: Array, dW: Array) -> Array:
        return dz @ (self.case.weights[layer] - self.case.config.lr * dW).T


@slip(
    "pixels_not_scaled",
    "the pixels are not scaled",
    wrong="X = images",
    right="X = images / 255",
)
class PixelsNotScaled(Wrong):
    """The network takes pixels of 0 to 1. With 0 to 255 the sums are 255 times as large, and softmax is certain at
    once."""

    def x(self) -> Array:
        return super().x() * 255


@slip(
    "pixels_scaled_twice",
    "the pixels are scaled twice",
    wrong="X = X / 255",
    right="X = X",
)
class PixelsScaledTwice(Wrong):
    """X comes as 0 to 1 already. Divided by 255 again, every image is all but black."""

    def x(self) -> Array:
        return super().x() / 255
