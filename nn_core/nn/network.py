"""What every network is, whatever its layers: one flat vector of parameters, and what can be asked of it.

The parameters of all layers lie in `flat`, their gradients in `flat_grads` (see flat.py). A network behaves a lot like
a layer itself, with `forward` and a backward pass; `MLP` and `CNN` say which layers it is made of.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from nn_core.config.choices import choices, register
from nn_core.config.run_config import RunConfig
from nn_core.data.dataset import N_CLASSES, N_PIXELS, SIDE
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.flat import NOT_TRAINED, FlatParameters, Shapes
from nn_core.nn.layers import Layer
from nn_core.nn.losses import Loss, l2_penalty, loss_of
from nn_core.nn.regularizers import add_penalty_gradients, l1_penalty

MOST_BYTES = 2 * 10**9  # of what a training step keeps at once
OUTLINED = ("model", "hidden", "channels", "kernel", "dense_units")  # settings that `outline` puts into words
CHUNK = 500  # images a forward pass takes at a time outside of training, so that its arrays stay in the cache

# model -> a faster way to its logits for images (n, 28, 28); kernels/protocol.py registers it
FAST_LOGITS: dict[type[Network], Callable[[Any, Array], Array]] = {}
BEGINS_AT_ONE = ("gamma", "var")  # of what normalization has; the rest begins at 0
AnyLayer = TypeVar("AnyLayer", bound=Layer)


# input scaling: name -> (factor, offset) on raw pixels 0..255; mean and deviation are those of MNIST's training pixels
@register(
    "input_scaling",
    "unit",
    label="0 to 1",
    help="Pixels divided by 255.",
    formula=r"x \leftarrow x / 255",
    citation="common practice",
)
def unit_scaling() -> tuple[float, float]:
    """x / 255."""
    return 1 / 255, 0.0


@register(
    "input_scaling",
    "standard",
    label="Standardised",
    help="Mean 0 and standard deviation 1 over all pixels.",
    formula=r"x \leftarrow (x/255 - 0.1307) / 0.3081",
    citation="LeCun, Bottou, Orr & Müller 1998, section 4.3",
)
def standard_scaling() -> tuple[float, float]:
    """(x / 255 - 0.1307) / 0.3081."""
    return 1 / (255 * 0.3081), -0.1307 / 0.3081


def scale_pixels(images: Array, scaling: str, dtype: npt.DTypeLike = np.float32) -> Array:
    """uint8 images (m, 28, 28) or (m, 784) as network inputs (m, 784) of the given dtype."""
    factor, offset = choices("input_scaling")[scaling].target()
    x = images.reshape(-1, N_PIXELS).astype(dtype)
    x *= x.dtype.type(factor)
    if offset:
        x += x.dtype.type(offset)
    return x


class Network(ABC):
    """Layers in a row. A subclass names its arrays in `shapes` and puts its layers in a row in `build`.

    `generator` draws the initial weights, `dropout_rng` the masks of the reference training pass. Initializers see
    every weight as a matrix (n_in, n_out), see `matrices`.
    """

    image_shape: ClassVar[tuple[int, ...]]  # of one image, as `forward` takes it
    few_columns: ClassVar[int] = 0  # weight matrices of at most so many columns lie in memory column by column

    def __init__(
        self,
        config: RunConfig,
        generator: np.random.Generator,
        dropout_rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.config = config
        self.loss: type[Loss] = loss_of(config)
        self._memory = FlatParameters(self.shapes(config), dtype, self.few_columns)
        self.flat, self.flat_grads = self._memory.values, self._memory.grads  # (n_params,) each
        self.running = self._memory.running  # what normalization keeps without training it
        self.n_weights, self.n_biases = self._memory.n_weights, self._memory.n_biases  # the first numbers of `flat`
        self.parts: dict[str, Layer] = {}  # the layers that have parameters, by name: "conv1", "dense1", "norm1", ...
        self.layers = self.build(dropout_rng)
        self.parts = {name: self._made(name) for name in self.views(self.flat)}  # in the order of `shapes`
        draw = choices("init")[config.init].target
        for W, matrix in zip(self._kernels, self.matrices, strict=True):
            reach = math.prod(W.shape[2:])  # K K of a convolution, 1 of a dense layer
            matrix[...] = config.gain * draw(generator, *matrix.shape, config.init_scale, reach)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.outline(self.config)}: {self.n_params:,} parameters>"

    @abstractmethod
    def build(self, dropout_rng: np.random.Generator | None) -> list[Layer]:
        """All layers in their order; those that have parameters are made by `part`. Called once, by the constructor.

        Dropout stands among them only where there is a generator for its masks.
        """

    def part(self, name: str, make: Callable[..., AnyLayer]) -> AnyLayer:
        """The layer `name`, made by `make` of its arrays in `flat`: W and b, or gamma and beta."""
        memory = self._memory
        if name not in memory.views(memory.values):
            known = ", ".join(memory.views(memory.values))
            raise TypeError(
                f"{type(self).__name__}.build makes the layer {name}, and shapes has arrays for {known} only"
            )
        layer = make(**memory.views(memory.values)[name])
        layer.grads, layer.state = memory.views(memory.grads)[name], memory.running_views().get(name, {})
        for of_what, values in {**layer.params, **layer.state}.items():
            if of_what in BEGINS_AT_ONE:
                values[...] = 1
        self.parts[name] = layer
        return layer

    def _made(self, name: str) -> Layer:
        if name not in self.parts:
            raise TypeError(f"{type(self).__name__}.shapes has arrays for the layer {name}, which build does not make")
        return self.parts[name]

    # -- what settings mean

    @staticmethod
    @abstractmethod
    def check(config: RunConfig) -> None:
        """Raise Conflict where settings of this model cannot work together."""

    @staticmethod
    @abstractmethod
    def shapes(config: RunConfig) -> Shapes:
        """Name -> shape of every array of the network that `config` describes, running statistics among them."""

    @staticmethod
    @abstractmethod
    def outline(config: RunConfig) -> str:
        """The network in a few characters, like "784-32-10"."""

    # -- parameters

    def views(self, vector: Array) -> dict[str, dict[str, Array]]:
        """Layer -> its arrays, {"dense1": {"W": ..., "b": ...}, ...}, out of a vector that is laid out like `flat`."""
        return self._memory.views(vector)

    def weights_and_biases(self, vector: Array) -> list[tuple[Array, Array]]:
        """(W, b) of every layer that has them, out of a vector that is laid out like `flat`."""
        return [(of["W"], of["b"]) for of in self.views(vector).values() if "W" in of]

    def _named(self, kind: str) -> Iterator[tuple[str, Array]]:
        for name, layer in self.parts.items():
            for of_what, values in getattr(layer, kind).items():
                yield f"{name}.{of_what}", values

    def named_params(self) -> Iterator[tuple[str, Array]]:
        """("dense1.W", (784, n)), ("dense1.b", (n,)), ... as views of the live parameters."""
        yield from self._named("params")

    def named_grads(self) -> Iterator[tuple[str, Array]]:
        """The gradients under the same names."""
        yield from self._named("grads")

    def _named_state(self) -> Iterator[tuple[str, Array]]:
        """The parameters, and what else decides an answer: ("norm1.mean", (n,)), ("norm1.var", (n,))."""
        yield from self._named("params")
        yield from self._named("state")

    def weights(self) -> dict[str, Array]:
        """Read-only copies of all parameters and running statistics by name."""
        copies = {name: values.copy() for name, values in self._named_state()}
        for values in copies.values():
            values.flags.writeable = False
        return copies

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take parameters by name; raises ValueError, naming the parameter, on a missing name or another shape."""
        for name, values in self._named_state():
            if name not in weights or weights[name].shape != values.shape:
                found = weights[name].shape if name in weights else "none"
                raise ValueError(f"{name} must have shape {values.shape}, got {found}")
            values[...] = weights[name]

    @property
    def matrices(self) -> list[Array]:
        """The weights of every layer as a matrix (n_in, n_out), in the order in which they lie in `flat`; views.

        A convolution's has a column a channel: W (C_out, C_in, K, K) as (C_in K K, C_out).
        """
        return [W if W.ndim == 2 else W.reshape(len(W), -1).T for W in self._kernels]

    @property
    def _kernels(self) -> list[Array]:
        return [layer.params["W"] for layer in self.parts.values() if "W" in layer.params]

    @property
    def n_params(self) -> int:
        """All trained numbers together."""
        return len(self.flat)

    # -- the reference passes

    def inputs(self, images: Array) -> Array:
        """uint8 images as the inputs (n, *image_shape) this network was trained on."""
        scaled = scale_pixels(images, self.config.input_scaling, self.flat.dtype)
        return scaled.reshape(-1, *self.image_shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Logits (m, 10) of inputs x (m, *image_shape)."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def loss_and_gradients(self, x: Array, labels: Array, training: bool = True) -> float:
        """The batch's mean loss with the penalties; leaves the true gradients in `flat_grads`. The book's version."""
        config = self.config
        loss = self.data_loss_and_gradients(x, labels, config.label_smoothing, training)
        self.add_penalties(config.l2, config.l1)
        return loss + self.penalties(config.l2, config.l1)

    def add_penalties(self, l2: float, l1: float) -> None:
        """Add the gradients of the penalties to `flat_grads`."""
        weights = slice(self.n_weights)
        add_penalty_gradients(self.flat_grads[weights], self.flat[weights], l2, l1)

    def penalties(self, l2: float, l1: float, at: Array | None = None) -> float:
        """What L2 and L1 add to the loss, with the parameters `at` (n,) in place of those of now."""
        weights = (self.flat if at is None else at)[: self.n_weights]
        return l2_penalty([weights], l2) + l1_penalty(weights, l1)

    def data_loss_and_gradients(self, x: Array, labels: Array, smoothing: float = 0.0, training: bool = True) -> float:
        """The batch's mean loss and its gradients, penalties left out."""
        logits = self.forward(x, training)
        dout = self.loss.gradient(logits, labels, smoothing)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return self.loss.value(logits, labels, smoothing)

    def penalty(self, l2: float) -> float:
        """(l2 / 2) times the sum of squared weights, biases left out."""
        return l2_penalty([self.flat[: self.n_weights]], l2)

    # -- questions

    def logits(self, images: Array) -> Array:
        """float32 (n, 10) for uint8 images (n, 28, 28); no dropout. Threads may share a network.

        Raises ValueError for anything else than such images.
        """
        images = _as_images(images)
        if type(self) in FAST_LOGITS:
            return FAST_LOGITS[type(self)](self, images)
        out = np.empty((len(images), N_CLASSES), self.flat.dtype)
        for start in range(0, len(images), CHUNK):
            chunk = images[start : start + CHUNK]
            out[start : start + CHUNK] = self.forward(self.inputs(chunk))
        return out

    def predict_proba(self, images: Array) -> Array:
        """Probabilities float32 (n, 10) for uint8 images (n, 28, 28); every row sums to 1. See `Loss`."""
        return self.loss.probabilities(self.logits(images))

    def predict(self, images: Array) -> Array:
        """The most probable class, int64 (n,)."""
        return np.argmax(self.logits(images), axis=1)

    def activations(self, images: Array) -> list[Array]:
        """The output of each hidden layer, after its activation: float32 (n, n_units), or (n, C, H, W) of channels."""
        x = self.inputs(_as_images(images))
        outputs = []
        for layer in self.layers:
            x = layer.forward(x)
            if isinstance(layer, Activation):
                outputs.append(x)
        return outputs


def network_class(config: RunConfig) -> type[Network]:
    """The class that implements the model of these settings."""
    found: type[Network] = choices("model")[config.model].target
    return found


def build_model(
    config: RunConfig,
    generator: np.random.Generator,
    dropout_rng: np.random.Generator | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> Network:
    """The network of these settings; `generator` draws its weights, `dropout_rng` the masks of the reference pass."""
    return network_class(config)(config, generator, dropout_rng, dtype)


def from_weights(config: RunConfig, weights: Mapping[str, Array]) -> Network:
    """A network of its own (own buffers, safe beside a training thread) with the given parameters."""
    model = build_model(config.replace(init="zeros"), np.random.default_rng(0))
    model.load(weights)
    return model


def shapes_of(config: RunConfig) -> Shapes:
    """Name -> shape of every array of the network that `config` describes, without building it."""
    return network_class(config).shapes(config)


def outline(config: RunConfig) -> str:
    """The network in a few characters, like "784-32-10"."""
    return network_class(config).outline(config)


def count_params(config: RunConfig) -> int:
    """All trained numbers of the network that `config` describes, without building it."""
    shapes = shapes_of(config)
    return sum(math.prod(shape) for name, shape in shapes.items() if name.rpartition(".")[2] not in NOT_TRAINED)


def of_normalization(config: RunConfig, sizes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of what the settings' normalization keeps behind layers of these sizes."""
    kind = choices("normalization")[config.normalization].target
    kept = ("gamma", "beta", *kind.state_names) if kind else ()
    return {f"norm{number}.{name}": (size,) for number, size in enumerate(sizes, start=1) for name in kept}


def _as_images(images: Array) -> Array:
    """The images as (n, 28, 28), or a ValueError that says what was given."""
    if not isinstance(images, np.ndarray):
        raise ValueError(f"images must be a uint8 array of shape (n, 28, 28), got a {type(images).__name__}")
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"images must be uint8 of shape (n, 28, 28), got {images.dtype} of shape {images.shape}")
    return images
