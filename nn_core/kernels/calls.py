"""Lists of NumPy calls with their arguments, made one after the other; the activations as such lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nn_core.config.choices import choices
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation

Calls = list[tuple[Callable[..., Any], tuple[Any, ...]]]  # functions, each with its arguments; results go to the last


def run(calls: Calls) -> None:
    """Make the calls."""
    for function, arguments in calls:
        function(*arguments)


def _relu(z: Array) -> Calls:
    return [(partial(np.maximum, out=z), (z, z.dtype.type(0)))]


def _tanh(z: Array) -> Calls:
    return [(np.tanh, (z, z))]


def _sigmoid(z: Array) -> Calls:
    half = z.dtype.type(0.5)
    return [(np.multiply, (z, half, z)), (np.tanh, (z, z)), (np.multiply, (z, half, z)), (np.add, (z, half, z))]


def _relu_backward(da: Array, a: Array) -> Calls:
    # a >= 0: as an integer it is 0 or positive, so the sign of its negative, spread over all bits, is the mask. With
    # 512 units and 256 images: 50 us; by np.sign 740, as it takes a branch for each number
    bits = np.int32 if a.dtype.itemsize == 4 else np.int64
    mask, into = a.view(bits), da.view(bits)
    return [
        (np.negative, (mask, mask)),
        (np.right_shift, (mask, bits(8 * a.dtype.itemsize - 1), mask)),
        (np.bitwise_and, (into, mask, into)),
    ]


def _tanh_backward(da: Array, a: Array) -> Calls:
    return [(np.multiply, (a, a, a)), (np.subtract, (a.dtype.type(1), a, a)), (np.multiply, (da, a, da))]


def _sigmoid_backward(da: Array, a: Array) -> Calls:
    return [(np.multiply, (da, a, da)), (np.subtract, (a.dtype.type(1), a, a)), (np.multiply, (da, a, da))]


# z to a, in place; da to dz, in place, from a alone, which is used up
InPlace = tuple[Callable[[Array], Calls], Callable[[Array, Array], Calls]]
IN_PLACE: dict[str, InPlace] = {  # the quickest ways; other activations are computed by their own class
    "relu": (_relu, _relu_backward),
    "sigmoid": (_sigmoid, _sigmoid_backward),
    "tanh": (_tanh, _tanh_backward),
}


class ActivationCalls:
    """Any activation, forward and backward, as calls on arrays of any layout.

    One that is not in IN_PLACE needs `z`, an array in which the sums are kept for its slope.
    """

    def __init__(self, name: str) -> None:
        self.activation: type[Activation] = choices("activation")[name].target
        self.in_place = IN_PLACE.get(name)
        self.needs_sums = self.in_place is None

    def forward(self, a: Array, z: Array | None) -> Calls:
        """The sums in `a` become activations."""
        if self.in_place:
            return self.in_place[0](a)
        return [(_activate, (self.activation, z, a))]

    def backward(self, da: Array, a: Array, z: Array | None) -> Calls:
        """The gradient of the activations becomes that of the sums; `a` may be used up."""
        if self.in_place:
            return self.in_place[1](da, a)
        return [(_backpropagate, (self.activation, z, a, da))]


def _activate(activation: type[Activation], z: Array, a: Array) -> None:
    np.copyto(z, a)
    np.copyto(a, activation.value(z))


def _backpropagate(activation: type[Activation], z: Array, a: Array, da: Array) -> None:
    np.multiply(da, activation.slope(z, a), out=da)
