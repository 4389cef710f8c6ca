"""Where the weights start. Each function draws a (n_in, n_out) matrix in float64; biases start at zero.

`n_in` is how many numbers go into a unit, the fan-in. `reach` is how many places of one channel each input has a part
in: K K in a convolution with kernels of K by K, 1 in a dense layer. The fan-out is n_out times it, as in PyTorch and
Keras.

float64 draws are rounded once to the network's dtype, so that a float64 gradient check and a float32 run start alike.
"""

from __future__ import annotations

import math

import numpy as np

from nn_core.config.choices import register
from nn_core.machine.memory import Array


@register(
    "init",
    "zeros",
    label="Zeros",
    help="All units of a layer are copies of one another and stay so: the symmetry is never broken.",
    formula=r"W = 0",
    citation="Goodfellow, Bengio & Courville 2016, section 8.4",
)
def zeros(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """All zero."""
    return np.zeros((n_in, n_out))


@register(
    "init",
    "constant",
    label="Constant",
    help="All weights alike, at the scale: units start as copies, as with zeros, but signals and gradients pass.",
    formula=r"W = s",
    citation="Goodfellow, Bengio & Courville 2016, section 8.4",
    uses=("init_scale",),
)
def constant(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """All equal to `scale`."""
    return np.full((n_in, n_out), scale)


@register(
    "init",
    "uniform",
    label="Uniform",
    help="Evenly between minus and plus the scale, whatever the layer's size.",
    formula=r"W \sim \mathcal{U}(-s, s)",
    citation="the textbook network's choice, s = 0.5",
    uses=("init_scale",),
)
def uniform(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """Uniform on [-scale, scale)."""
    return rng.uniform(-scale, scale, (n_in, n_out))


@register(
    "init",
    "normal",
    label="Normal",
    help="A bell curve of the given standard deviation, whatever the layer's size.",
    formula=r"W \sim \mathcal{N}(0, s^2)",
    citation="Krizhevsky, Sutskever & Hinton 2012",
    uses=("init_scale",),
)
def normal(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """Normal with standard deviation `scale`."""
    return rng.normal(0.0, scale, (n_in, n_out))


@register(
    "init",
    "xavier",
    label="Xavier / Glorot",
    help="Keeps the spread of signals equal forward and backward; made for tanh and sigmoid.",
    formula=r"W \sim \mathcal{U}\left(\pm\sqrt{6/(n_{in}+n_{out})}\right)",
    citation="Glorot & Bengio 2010, equation 16 (uniform)",
)
def xavier(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """Uniform with variance 2 / (n_in + n_out reach)."""
    limit = math.sqrt(6 / (n_in + n_out * reach))
    return rng.uniform(-limit, limit, (n_in, n_out))


@register(
    "init",
    "xavier_normal",
    label="Xavier normal",
    help="Xavier's variance as a bell curve: the same spread, with a few larger weights.",
    formula=r"W \sim \mathcal{N}\left(0, \frac{2}{n_{in}+n_{out}}\right)",
    citation="Glorot & Bengio 2010, equation 12 (normal)",
)
def xavier_normal(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """Normal with variance 2 / (n_in + n_out reach)."""
    return rng.normal(0.0, math.sqrt(2 / (n_in + n_out * reach)), (n_in, n_out))


@register(
    "init",
    "lecun",
    label="LeCun",
    help="Keeps the spread of a linear unit's sums at that of its inputs; try it with tanh or without activation.",
    formula=r"W \sim \mathcal{N}(0, 1/n_{in})",
    citation="LeCun, Bottou, Orr & Müller 1998, equation 16 (normal)",
)
def lecun(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """Normal with variance 1 / n_in."""
    return rng.normal(0.0, math.sqrt(1 / n_in), (n_in, n_out))


@register(
    "init",
    "he",
    label="He",
    help="Doubles Xavier's variance, because ReLU silences half of its inputs.",
    formula=r"W \sim \mathcal{N}(0, 2/n_{in})",
    citation="He, Zhang, Ren & Sun 2015, equation 10 (normal)",
)
def he(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """Normal with variance 2 / n_in."""
    return rng.normal(0.0, math.sqrt(2 / n_in), (n_in, n_out))


@register(
    "init",
    "he_uniform",
    label="He uniform",
    help="He's variance within fixed bounds: no weight starts far out.",
    formula=r"W \sim \mathcal{U}\left(\pm\sqrt{6/n_{in}}\right)",
    citation="He, Zhang, Ren & Sun 2015, equation 10 (uniform)",
)
def he_uniform(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """Uniform with variance 2 / n_in."""
    limit = math.sqrt(6 / n_in)
    return rng.uniform(-limit, limit, (n_in, n_out))


@register(
    "init",
    "orthogonal",
    label="Orthogonal",
    help="Turns signals without stretching them, so that depth costs little; try it with five hidden layers.",
    formula=r"W^\top W = I \quad\text{or}\quad W W^\top = I",
    citation="Saxe, McClelland & Ganguli 2014 (QR of a normal matrix, signs after Mezzadri 2007)",
)
def orthogonal(rng: np.random.Generator, n_in: int, n_out: int, scale: float, reach: int = 1) -> Array:
    """A random (semi-)orthogonal matrix, evenly distributed: the shorter of its two sides is orthonormal."""
    Q, R = np.linalg.qr(rng.normal(size=(max(n_in, n_out), min(n_in, n_out))))
    Q *= np.where(np.diag(R) < 0, -1.0, 1.0)  # without this, QR's own signs would not be even
    return np.ascontiguousarray(Q if n_in >= n_out else Q.T)
