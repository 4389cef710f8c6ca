"""What goes back through an activation."""

from __future__ import annotations

from nn_core.homework.backprop import Case
from nn_core.homework.slips.catalogue import Wrong, slip
from nn_core.machine.memory import Array


@slip(
    "mask_missing",
    "the activation's derivative is missing",
    wrong="dZ1 = W2.T @ dZ2",
    right="dZ1 = W2.T @ dZ2 * (Z1 > 0)",
    by_layer=True,
)
class MaskMissing(Wrong):
    """The error of a hidden layer goes back through its activation: each entry is multiplied by the slope there."""

    def through_activation(self, layer: int, da: Array, z: Array, a: Array, z_next: Array) -> Array:
        return da


@slip(
    "mask_of_gradient",
    "the mask is taken from the gradient",
    wrong="dZ1 = dA1 * (dA1 > 0)",
    right="dZ1 = dA1 * (Z1 > 0)",
    by_layer=True,
)
class MaskOfGradient(Wrong):
    """Which units were on is told by Z1, from the forward pass; the sign of dA1 says nothing about it."""

    def through_activation(self, layer: int, da: Array, z: Array, a: Array, z_next: Array) -> Array:
        phi = self.case.activation
        return da * phi.slope(da, phi.value(da))


@slip(
    "mask_of_next_layer",
    "the mask is taken from the next layer",
    wrong="dZ1 = W2.T @ dZ2 * (Z2 > 0)",
    right="dZ1 = W2.T @ dZ2 * (Z1 > 0)",
    by_layer=True,
)
class MaskOfNextLayer(Wrong):
    """The error of layer 1 is masked by Z1. Where two layers have as many units, Z2 fits as well and nothing
    complains."""

    @classmethod
    def serves(cls, case: Case) -> bool:
        return any(one == other for one, other in zip(case.sizes[1:-1], case.sizes[2:], strict=True))

    def through_activation(self, layer: int, da: Array, z: Array, a: Array, z_next: Array) -> Array:
        if z.shape != z_next.shape:
            return super().through_activation(layer, da, z, a, z_next)
        phi = self.case.activation
        return da * phi.slope(z_next, phi.value(z_next))


@slip(
    "slope_at_a",
    "the derivative is taken at A in place of Z",
    wrong="dZ1 = dA1 * dphi(A1)",
    right="dZ1 = dA1 * dphi(Z1)",
    by_layer=True,
)
class SlopeAtA(Wrong):
    """phi'(z) is the slope at the sum z. What was put in is A = phi(Z): the function has then been applied twice."""

    def through_activation(self, layer: int, da: Array, z: Array, a: Array, z_next: Array) -> Array:
        phi = self.case.activation
        return da * phi.slope(a, phi.value(a))


@slip(
    "formula_with_z",
    "the short formula of the derivative got Z in place of A",
    wrong="dZ1 = dA1 * Z1 * (1 - Z1)",
    right="dZ1 = dA1 * A1 * (1 - A1)",
    by_layer=True,
)
class FormulaWithZ(Wrong):
    """A (1 - A) for the sigmoid and 1 - A^2 for tanh are written with the output A."""

    def through_activation(self, layer: int, da: Array, z: Array, a: Array, z_next: Array) -> Array:
        slope = self.case.activation.slope
        return da * slope(z, z)


@slip(
    "activation_for_slope",
    "multiplied by the activation, not by its derivative",
    wrong="dZ1 = dA1 * relu(Z1)",
    right="dZ1 = dA1 * (Z1 > 0)",
    by_layer=True,
)
class ActivationForSlope(Wrong):
    """Going back, each entry is multiplied by the slope phi'(Z1). phi(Z1) itself belongs to the way forward."""

    def through_activation(self, layer: int, da: Array, z: Array, a: Array, z_next: Array) -> Array:
        return da * a


@slip(
    "mask_on_output",
    "the hidden layers' derivative is applied to the output layer as well",
    wrong="dZ2 = (A2 - Y) * (Z2 > 0)",
    right="dZ2 = A2 - Y",
)
class MaskOnOutput(Wrong):
    """The outputs go through softmax, not through the hidden activation: A2 - Y is dZ2 already."""

    def dz_of_loss(self, logits: Array) -> Array:
        phi = self.case.activation
        return super().dz_of_loss(logits) * phi.slope(logits, phi.value(logits))


@slip(
    "z_for_a",
    "Z1 stands where A1 belongs",
    wrong="dW2 = dZ2 @ Z1.T",
    right="dW2 = dZ2 @ A1.T",
)
class ZForA(Wrong):
    """W2 was multiplied by A1 on the way forward, so its gradient is made with A1: after the activation."""

    def of_layer_before(self, a: Array, z: Array) -> Array:
        return z
