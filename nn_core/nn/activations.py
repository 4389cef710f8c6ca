"""The functions between layers: each with its value, slope and bend, and what it is in an exported script or ONNX."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Protocol

import numpy as np

from nn_core.config.choices import register
from nn_core.machine.memory import Array
from nn_core.nn.layers import Direction, Layer, NoSecondDerivative


class OnnxGraph(Protocol):
    """The ONNX graph that an activation is added to; export/onnx_graph.py has it."""

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; returns the name of its output."""


class Activation(Layer):
    """An elementwise a = phi(z). A subclass gives `value` and `slope`; the chain rule is the same for all.

    Those whose curvature can be measured also give `bend`; those that can be exported, `numpy` and `onnx`.
    """

    numpy: ClassVar[str] = ""  # phi(z) in NumPy, the arithmetic of `value` in the same order: float32 then rounds alike

    def forward(self, x: Array, training: bool = False) -> Array:
        """a = phi(z), shape kept."""
        a = self.value(x)
        self.z, self.a = x, a
        return a

    def backward(self, dout: Array) -> Array:
        """dz = da * phi'(z)."""
        return dout * self.slope(self.z, self.a)

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """R{a} = R{z} * phi'(z)."""
        assert rx is not None  # a layer without parameters changes with its input alone
        self.rz = rx
        return rx * self.slope(self.z, self.a)

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """R{dz} = R{da} * phi'(z) + da * phi''(z) * R{z}."""
        return rdout * self.slope(self.z, self.a) + dout * self.bend(self.z, self.a) * self.rz

    @staticmethod
    def value(z: Array) -> Array:
        """phi(z)."""
        raise TypeError("an activation needs its formula")

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """phi'(z), given z and a = phi(z)."""
        raise TypeError("an activation needs its derivative")

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """phi''(z), given z and a = phi(z)."""
        raise NoSecondDerivative(cls)

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """Add phi to a graph behind the output named z; the name of its own output, "" where ONNX cannot say it."""
        return ""


@register(
    "activation",
    "relu",
    label="ReLU",
    help="Lets positive sums through and silences negative ones. Fast, and does not saturate; a unit that is always "
    "negative is dead.",
    formula=r"\phi(z) = \max(0, z)",
    citation="Nair & Hinton 2010",
)
class ReLU(Activation):
    """max(0, z); the slope at exactly 0 is taken as 0."""

    numpy = "np.maximum(z, 0)"

    @staticmethod
    def value(z: Array) -> Array:
        """max(0, z)."""
        return np.maximum(z, 0)

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """1 where z > 0, else 0."""
        return (z > 0).astype(z.dtype)

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """0, almost everywhere."""
        return np.zeros_like(z)

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """ONNX has it: Relu."""
        return graph.add("Relu", z)


@register(
    "activation",
    "sigmoid",
    label="Sigmoid",
    help="Squeezes every sum into 0 to 1. Its slope is at most 1/4, so that gradients shrink with each layer.",
    formula=r"\phi(z) = \frac{1}{1+e^{-z}}",
    citation="Rumelhart, Hinton & Williams 1986",
)
class Sigmoid(Activation):
    """1 / (1 + exp(-z)), written with tanh so that no exp overflows."""

    numpy = "0.5 + 0.5 * np.tanh(0.5 * z)"

    @staticmethod
    def value(z: Array) -> Array:
        """sigma(z) = (1 + tanh(z/2)) / 2."""
        half = z.dtype.type(0.5)
        return half + half * np.tanh(half * z)

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """sigma (1 - sigma)."""
        return a * (1 - a)

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """sigma (1 - sigma) (1 - 2 sigma)."""
        return a * (1 - a) * (1 - 2 * a)

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """ONNX has it: Sigmoid."""
        return graph.add("Sigmoid", z)


@register(
    "activation",
    "tanh",
    label="Tanh",
    help="Squeezes every sum into -1 to 1, centred on zero. Learns faster than sigmoid for that reason.",
    formula=r"\phi(z) = \tanh z",
    citation="LeCun, Bottou, Orr & Müller 1998",
)
class Tanh(Activation):
    """The hyperbolic tangent."""

    numpy = "np.tanh(z)"

    @staticmethod
    def value(z: Array) -> Array:
        """tanh(z)."""
        return np.tanh(z)

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """1 - tanh(z)^2."""
        return 1 - a * a

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """-2 tanh(z) (1 - tanh(z)^2)."""
        return -2 * a * (1 - a * a)

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """ONNX has it: Tanh."""
        return graph.add("Tanh", z)


@register(
    "activation",
    "leaky_relu",
    label="Leaky ReLU",
    help="ReLU with a slope of 1/100 below zero: no unit dies for good. Try it where units are reported dead.",
    formula=r"\phi(z) = \max(0.01 z, z)",
    citation="Maas, Hannun & Ng 2013",
)
class LeakyReLU(Activation):
    """max(0.01 z, z); the slope at exactly 0 is taken as 0.01."""

    leak = 0.01
    numpy = f"np.maximum(z, z * {leak})"

    @staticmethod
    def value(z: Array) -> Array:
        """max(0.01 z, z)."""
        return np.maximum(z, z * z.dtype.type(LeakyReLU.leak))

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """1 where z > 0, else 0.01."""
        return np.where(z > 0, z.dtype.type(1), z.dtype.type(LeakyReLU.leak))

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """0, almost everywhere."""
        return np.zeros_like(z)

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """ONNX has it: LeakyRelu."""
        return graph.add("LeakyRelu", z, alpha=LeakyReLU.leak)


@register(
    "activation",
    "elu",
    label="ELU",
    help="Bends smoothly down to -1, so that a layer's mean stays near zero. Try it in place of ReLU at depth 3.",
    formula=r"\phi(z) = z \;(z > 0), \quad e^z - 1 \;(z \le 0)",
    citation="Clevert, Unterthiner & Hochreiter 2016 (alpha 1)",
)
class ELU(Activation):
    """z above zero, exp(z) - 1 below."""

    numpy = "np.maximum(z, 0) + np.expm1(np.minimum(z, 0))"

    @staticmethod
    def value(z: Array) -> Array:
        """max(z, 0) + (exp(min(z, 0)) - 1)."""
        return np.maximum(z, 0) + np.expm1(np.minimum(z, 0))

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """1 above zero, exp(z) = phi(z) + 1 below."""
        return np.minimum(a, 0) + 1

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """0 above zero, exp(z) = phi(z) + 1 below."""
        return np.where(z > 0, z.dtype.type(0), a + 1)

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """ONNX has it: Elu."""
        return graph.add("Elu", z, alpha=1.0)


@register(
    "activation",
    "gelu",
    label="GELU",
    help="Weighs each sum by the chance that a normal variable is below it: a smooth ReLU that dips under zero. NumPy "
    "has no erf, so this is the paper's tanh form (within 0.0005 of it). Try it against ReLU with Adam.",
    formula=r"\phi(z) = \tfrac{z}{2}\left(1+\tanh\left(\sqrt{2/\pi}\,(z + 0.044715 z^3)\right)\right)",
    citation="Hendrycks & Gimpel 2016 (tanh approximation)",
)
class GELU(Activation):
    """z Phi(z) with Phi by the tanh approximation."""

    scale, cubic = math.sqrt(2 / math.pi), 0.044715
    end = 10.0  # from here on the tanh is exactly 1, and z^3 cannot overflow
    numpy = f"z * 0.5 * (1 + np.tanh({scale} * ((y := np.clip(z, -{end}, {end})) + {cubic} * y * y * y)))"

    @staticmethod
    def _tanh(y: Array) -> Array:
        number = y.dtype.type
        return np.tanh(number(GELU.scale) * (y + number(GELU.cubic) * y * y * y))

    @staticmethod
    def value(z: Array) -> Array:
        """(z / 2) (1 + t), t = tanh(scale (z + cubic z^3))."""
        return z * z.dtype.type(0.5) * (1 + GELU._tanh(np.clip(z, -GELU.end, GELU.end)))

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """(1 + t) / 2 + (z / 2) (1 - t^2) scale (1 + 3 cubic z^2)."""
        number = z.dtype.type
        y = np.clip(z, -GELU.end, GELU.end)
        t = GELU._tanh(y)
        inner = number(GELU.scale) * (1 + number(3 * GELU.cubic) * y * y)
        return number(0.5) * (1 + t + y * (1 - t * t) * inner)

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """(1 - t^2) (u' + (z / 2) (u'' - 2 t u'^2)), u = scale (z + cubic z^3)."""
        number = z.dtype.type
        y = np.clip(z, -GELU.end, GELU.end)
        t = GELU._tanh(y)
        inner = number(GELU.scale) * (1 + number(3 * GELU.cubic) * y * y)
        inner_slope = number(6 * GELU.scale * GELU.cubic) * y
        return (1 - t * t) * (inner + number(0.5) * y * (inner_slope - 2 * t * inner * inner))

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """ONNX has it: Gelu."""
        return graph.add("Gelu", z, approximate="tanh")


@register(
    "activation",
    "silu",
    label="SiLU",
    help="The sum times its own sigmoid: like GELU, smooth and slightly negative before zero. Try it with Adam.",
    formula=r"\phi(z) = z\,\sigma(z)",
    citation="Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017 (Swish)",
)
class SiLU(Activation):
    """z sigma(z)."""

    numpy = "z * (0.5 + 0.5 * np.tanh(0.5 * z))"

    @staticmethod
    def value(z: Array) -> Array:
        """z sigma(z)."""
        return z * Sigmoid.value(z)

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """sigma + z sigma (1 - sigma)."""
        sigma = Sigmoid.value(z)
        return sigma + a * (1 - sigma)

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """sigma (1 - sigma) (2 + z (1 - 2 sigma))."""
        sigma = Sigmoid.value(z)
        return sigma * (1 - sigma) * (2 + z * (1 - 2 * sigma))

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """z times ONNX's Sigmoid."""
        return graph.add("Mul", z, graph.add("Sigmoid", z))


@register(
    "activation",
    "identity",
    label="Identity",
    help="No bend at all: however many layers, the network stays one linear map. Try it to see what ReLU is worth.",
    formula=r"\phi(z) = z",
    citation="Baldi & Hornik 1989 (linear networks)",
)
class Identity(Activation):
    """z itself."""

    numpy = "z"

    @staticmethod
    def value(z: Array) -> Array:
        """z."""
        return z

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """1."""
        return np.ones_like(z)

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        """0."""
        return np.zeros_like(z)

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        """Nothing to add: z itself."""
        return z
