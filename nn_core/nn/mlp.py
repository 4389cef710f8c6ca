"""The fully connected network: dense layers in a row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nn_core.config.choices import choices, register
from nn_core.config.errors import Conflict
from nn_core.config.run_config import RunConfig
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.layers import Dense, Dropout
from nn_core.nn.network import MOST_BYTES, N_CLASSES, N_PIXELS, Network, of_normalization
from nn_core.nn.normalization import Normalization

FEW_COLUMNS = 12  # see _views
KEPT = 6  # numbers that a step with normalization keeps for each unit and image


@register(
    "model",
    "mlp",
    label="Fully connected",
    help="Every unit sees every value of the layer before it.",
    formula=r"f(x) = W_L\, \phi(\dots \phi(x W_1 + b_1) \dots) + b_L",
    citation="Rumelhart, Hinton & Williams 1986",
    uses=("hidden",),
)
class MLP(Network):
    """Dense layers, each hidden one with normalization, activation and dropout after it: 784 - hidden - 10.

    `generator` draws the initial weights; `dropout_rng` the masks of the reference training pass.
    """

    image_shape = (N_PIXELS,)

    def __init__(
        self,
        config: RunConfig,
        generator: np.random.Generator,
        dropout_rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.config = config
        self.sizes = (N_PIXELS, *config.hidden, N_CLASSES)
        self.loss = choices("loss")[config.loss].target
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
        self.parts = {f"dense{number}": layer for number, layer in enumerate(self.dense, start=1)}
        self.parts |= {f"norm{number}": layer for number, layer in enumerate(self.norms, start=1)}
        activation: type[Activation] = choices("activation")[config.activation].target
        self.layers = []
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

    @staticmethod
    def check(config: RunConfig) -> None:
        """Raise Conflict where a batch that is normalized as a whole takes too much memory; any sizes go together."""
        if config.normalization != "batch":
            return  # the images are worked on in parts
        batch = config.effective_batch(config.n_train)
        n_bytes = 4 * batch * (N_PIXELS + KEPT * sum(config.hidden))
        if n_bytes > MOST_BYTES:
            raise Conflict(
                "batch_size",
                f"batch_size {config.batch_size} cannot work with normalization batch here: a step on {batch:,} images "
                f"at once may take at most {MOST_BYTES / 1e9:.0f} GB, got {n_bytes / 1e9:.1f} GB for "
                f"{sum(config.hidden):,} hidden units",
            )

    @staticmethod
    def shapes(config: RunConfig) -> dict[str, tuple[int, ...]]:
        """("dense1.W", (784, n)), ("dense1.b", (n,)), ..., ("norm1.gamma", (n,)), ..."""
        shapes: dict[str, tuple[int, ...]] = {}
        for number, (n_in, n_out) in enumerate(pairwise((N_PIXELS, *config.hidden, N_CLASSES)), start=1):
            shapes |= {f"dense{number}.W": (n_in, n_out), f"dense{number}.b": (n_out,)}
        return shapes | of_normalization(config, config.hidden)

    @staticmethod
    def outline(config: RunConfig) -> str:
        """Like "784-32-10"."""
        return "-".join(map(str, (N_PIXELS, *config.hidden, N_CLASSES)))


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
