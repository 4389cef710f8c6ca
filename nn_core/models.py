"""A network: layers in a row over one flat vector of parameters, and what can be asked of it.

The parameters of all layers lie in `flat` (the weights first, then the biases, then what normalization trains), their
gradients in `flat_grads`; layers hold views, so that an optimizer is a few passes over one vector and L2 touches a
prefix of it. Statistics that normalization keeps without training them lie in `running`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from nn_core import memory
from nn_core.config import RunConfig
from nn_core.knobs import choices, register
from nn_core.layers import Activation, Dense, Dropout, Layer
from nn_core.losses import Loss, l2_penalty, softmax
from nn_core.normalization import Normalization
from nn_core.regularizers import add_penalty_gradients, l1_penalty

Array = npt.NDArray[Any]

N_PIXELS = 28 * 28
N_CLASSES = 10
FEW_COLUMNS = 12  # see _views
CHUNK = 500  # images a forward pass takes at a time outside of training, so that its arrays stay in the cache


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
    x = images.reshape(len(images), -1).astype(dtype)
    x *= x.dtype.type(factor)
    if offset:
        x += x.dtype.type(offset)
    return x


@register(
    "model",
    "mlp",
    label="Fully connected",
    help="Every unit sees every value of the layer before it.",
    formula=r"f(x) = W_L\, \phi(\dots \phi(x W_1 + b_1) \dots) + b_L",
    citation="Rumelhart, Hinton & Williams 1986",
    uses=("hidden",),
)
class MLP:
    """Dense layers, each hidden one with normalization, activation and dropout after it: 784 - hidden - 10.

    `generator` draws the initial weights; `dropout_rng` the masks of the reference training pass.
    """

    def __init__(
        self,
        config: RunConfig,
        generator: np.random.Generator,
        dropout_rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.config = config
        self.sizes = (N_PIXELS, *config.hidden, N_CLASSES)
        self.loss: type[Loss] = choices("loss")[config.loss].target
        shapes = list(zip(self.sizes[:-1], self.sizes[1:], strict=True))
        self.n_weights = sum(n_in * n_out for n_in, n_out in shapes)
        n_dense = self.n_weights + sum(self.sizes[1:])
        normalization: type[Normalization] | None = choices("normalization")[config.normalization].target
        self.flat = memory.zeros(n_dense + (2 * sum(config.hidden) if normalization else 0), dtype)
        self.flat_grads = memory.zeros(len(self.flat), dtype)
        self.dense = [Dense(W, b) for W, b in self.dense_views(self.flat)]
        for layer, (dW, db) in zip(self.dense, self.dense_views(self.flat_grads), strict=True):
            layer.grads = {"W": dW, "b": db}
        self.norms: list[Normalization] = []
        self.running = np.zeros(0, dtype)
        if normalization:
            self._add_norms(normalization, n_dense)
        activation: type[Activation] = choices("activation")[config.activation].target
        self.layers: list[Layer] = []
        for at, dense in enumerate(self.dense[:-1]):
            self.layers += [dense, *self.norms[at : at + 1], activation()]
            if dropout_rng is not None:
                self.layers.append(Dropout(config.dropout, dropout_rng))
        self.layers.append(self.dense[-1])
        draw = choices("init")[config.init].target
        for dense, (n_in, n_out) in zip(self.dense, shapes, strict=True):
            dense.params["W"][...] = config.gain * draw(generator, n_in, n_out, config.init_scale)

    def dense_views(self, flat: Array) -> list[tuple[Array, Array]]:
        """(W (n_in, n_out), b (n_out,)) of every dense layer, as views of a vector that is laid out like `flat`."""
        n_biases = sum(self.sizes[1:])
        weights = _views(flat[: self.n_weights], list(pairwise(self.sizes)))
        biases = _views(flat[self.n_weights : self.n_weights + n_biases], [(n,) for n in self.sizes[1:]])
        return list(zip(weights, biases, strict=True))

    def _add_norms(self, normalization: type[Normalization], start: int) -> None:
        """One normalization a hidden layer; gamma and beta lie in `flat` from `start` on, gamma begins at 1."""
        pairs = [(n,) for n in self.config.hidden for _ in range(2)]
        params, grads = _views(self.flat[start:], pairs), _views(self.flat_grads[start:], pairs)
        kept = [(n,) for n in self.config.hidden for _ in normalization.state_names]
        self.running = np.zeros(sum(n for (n,) in kept), self.flat.dtype)
        state = iter(_views(self.running, kept))
        for at in range(0, len(pairs), 2):
            gamma, beta = params[at : at + 2]
            gamma[...] = 1
            norm = normalization(gamma, beta, {name: next(state) for name in normalization.state_names})
            norm.grads = {"gamma": grads[at], "beta": grads[at + 1]}
            if "var" in norm.state:
                norm.state["var"][...] = 1
            self.norms.append(norm)

    # -- parameters

    def named_params(self) -> Iterator[tuple[str, Array]]:
        """("dense1.W", (784, n)), ("dense1.b", (n,)), ... as views of the live parameters."""
        for number, layer in enumerate(self.dense, start=1):
            for name, values in layer.params.items():
                yield f"dense{number}.{name}", values
        for number, norm in enumerate(self.norms, start=1):
            for name, values in norm.params.items():
                yield f"norm{number}.{name}", values

    def named_grads(self) -> Iterator[tuple[str, Array]]:
        """The gradients under the same names."""
        for number, layer in enumerate(self.dense, start=1):
            for name, values in layer.grads.items():
                yield f"dense{number}.{name}", values
        for number, norm in enumerate(self.norms, start=1):
            for name, values in norm.grads.items():
                yield f"norm{number}.{name}", values

    def _named_state(self) -> Iterator[tuple[str, Array]]:
        """The parameters, and what else decides an answer: ("norm1.mean", (n,)), ("norm1.var", (n,))."""
        yield from self.named_params()
        for number, norm in enumerate(self.norms, start=1):
            for name, values in norm.state.items():
                yield f"norm{number}.{name}", values

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
    def n_params(self) -> int:
        """All trained numbers together."""
        return len(self.flat)

    @classmethod
    def from_weights(cls, config: RunConfig, weights: Mapping[str, Array]) -> MLP:
        """A network of its own (own buffers, safe beside a training thread) with the given parameters."""
        model = cls(config.replace(init="zeros"), np.random.default_rng(0))
        model.load(weights)
        return model

    # -- the reference passes

    def forward(self, x: Array, training: bool = False) -> Array:
        """Logits (m, 10) of inputs x (m, 784)."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def loss_and_gradients(self, x: Array, labels: Array, training: bool = True) -> float:
        """The batch's mean loss with the penalties; leaves the true gradients in `flat_grads`. The book's version."""
        config, weights = self.config, slice(self.n_weights)
        loss = self.data_loss_and_gradients(x, labels, config.label_smoothing, training)
        add_penalty_gradients(self.flat_grads[weights], self.flat[weights], config.l2, config.l1)
        return loss + self.penalty(config.l2) + l1_penalty(self.flat[weights], config.l1)

    def data_loss_and_gradients(self, x: Array, labels: Array, smoothing: float = 0.0, training: bool = True) -> float:
        """The batch's mean loss and its gradients, penalties left out."""
        logits = self.forward(x, training)
        dout = self.loss.gradient(logits, labels, smoothing)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return self.loss.value(logits, labels, smoothing)

    def penalty(self, l2: float) -> float:
        """(l2 / 2) times the sum of squared weights, biases left out."""
        return l2_penalty([layer.params["W"] for layer in self.dense], l2)

    # -- questions

    def logits(self, images: Array) -> Array:
        """float32 (n, 10) for uint8 images (n, 28, 28); no dropout."""
        out = np.empty((len(images), N_CLASSES), self.flat.dtype)
        for start in range(0, len(images), CHUNK):
            chunk = images[start : start + CHUNK]
            out[start : start + CHUNK] = self.forward(self.inputs(chunk))
        return out

    def predict_proba(self, images: Array) -> Array:
        """Probabilities float32 (n, 10) for uint8 images (n, 28, 28); every row sums to 1."""
        return softmax(self.logits(_as_images(images)))

    def predict(self, images: Array) -> Array:
        """The most probable class, int64 (n,)."""
        return np.argmax(self.logits(_as_images(images)), axis=1)

    def inputs(self, images: Array) -> Array:
        """uint8 images as the inputs (n, 784) this network was trained on."""
        return scale_pixels(images, self.config.input_scaling, self.flat.dtype)

    def activations(self, images: Array) -> list[Array]:
        """The output of each hidden layer, after its activation: float32 (n, n_units) each."""
        x = self.inputs(_as_images(images))
        outputs = []
        for layer in self.layers:
            x = layer.forward(x)
            if isinstance(layer, Activation):
                outputs.append(x)
        return outputs


def _views(flat: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """`flat` cut into consecutive arrays of the given shapes; views, no copies.

    A matrix of few columns lies in memory column by column: x W is then a third faster (10 units, 64 rows: 10 against
    15 us), its gradient as well.
    """
    views, start = [], 0
    for shape in shapes:
        stop = start + int(np.prod(shape))
        few_columns = len(shape) == 2 and shape[1] <= FEW_COLUMNS
        views.append(flat[start:stop].reshape(shape, order="F" if few_columns else "C"))
        start = stop
    return views


def _as_images(images: Array) -> Array:
    """The images as (n, 28, 28), or a ValueError that says what was given."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images must be uint8 of shape (n, 28, 28), got {images.dtype} of shape {images.shape}")
    return images


def count_params(config: RunConfig) -> int:
    """All trained numbers of the network that `config` describes, without building it."""
    sizes = (N_PIXELS, *config.hidden, N_CLASSES)
    of_norms = 0 if config.normalization == "none" else 2 * sum(config.hidden)
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes)) + of_norms
