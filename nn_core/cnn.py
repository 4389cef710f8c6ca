"""A convolutional network: blocks of convolution, pooling and activation, then dense layers, over one flat vector.

The parameters lie in `flat` as those of models.MLP do: all weights, then all biases, then what normalization trains;
gradients in `flat_grads`, statistics that are kept but not trained in `running`.

A block pools first and bends after, as LeNet-5 did (LeCun, Bottou, Bengio & Haffner 1998): with a maximum and an
activation that rises it is the same function as the other way round, for a quarter of the work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nn_core import memory
from nn_core.conv import AvgPool2D, BatchNorm2D, Conv2D, Flatten, MaxPool2D, Windowed
from nn_core.knobs import ConfigError, choices
from nn_core.layers import Activation, Dense, Dropout, Layer
from nn_core.losses import CrossEntropy
from nn_core.models import N_CLASSES, scale_pixels

Array = npt.NDArray[Any]

SIDE = 28  # rows and columns of an image
POOLINGS: dict[str, type[MaxPool2D | AvgPool2D]] = {"max": MaxPool2D, "average": AvgPool2D}


@dataclass(frozen=True)
class CNNSizes:
    """What decides the shape of the network: one block for each of `channels`."""

    channels: tuple[int, ...] = (8, 16)
    kernel: int = 5
    padding: int = 0
    pool: int = 2  # rows and columns that become one; 1: no pooling
    pooling: str = "max"  # or "average"
    normalized: bool = False  # by batch and channel, between pooling and activation
    activation: str = "relu"
    dense: tuple[int, ...] = ()  # hidden units after the blocks
    input_scaling: str = "unit"
    dropout: float = 0.0


class BlockSizes(NamedTuple):
    """One block: (c_in, side, side) to (c_out, pooled side, pooled side)."""

    c_in: int
    c_out: int
    side: int  # of its input, without padding
    kernel: int
    padding: int
    pool: int

    @property
    def pooled(self) -> int:
        """Rows and columns of its output."""
        return (self.side + 2 * self.padding - self.kernel + 1) // self.pool


def block_sizes(sizes: CNNSizes) -> list[BlockSizes]:
    """The blocks in their order; raises ConfigError, naming layer, size and limit, where one cannot work."""
    blocks: list[BlockSizes] = []
    c_in, side = 1, SIDE
    for number, c_out in enumerate(sizes.channels, start=1):
        block = BlockSizes(c_in, c_out, side, sizes.kernel, sizes.padding, sizes.pool)
        made, _ = Windowed(f"conv{number}", sizes.kernel, 1, sizes.padding).output_size((side, side))
        if made < sizes.pool:
            raise ConfigError(f"pool{number}: pool must be at most {made}, the size of its input, got {sizes.pool}")
        blocks.append(block)
        c_in, side = c_out, block.pooled
    return blocks


class CNN:
    """conv - pool - (normalization) - activation for each of `channels`; then dense layers, and ten logits."""

    def __init__(
        self,
        sizes: CNNSizes,
        generator: np.random.Generator,
        dropout_rng: np.random.Generator | None = None,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.sizes = sizes
        self.blocks = block_sizes(sizes)
        self.n_features = self.blocks[-1].c_out * self.blocks[-1].pooled ** 2 if self.blocks else SIDE**2
        self.dense_sizes = (self.n_features, *sizes.dense, N_CLASSES)
        self.shapes: list[tuple[int, ...]] = [(b.c_out, b.c_in, b.kernel, b.kernel) for b in self.blocks]
        self.shapes += [(n_in, n_out) for n_in, n_out in zip(self.dense_sizes, self.dense_sizes[1:], strict=False)]
        self.n_biases = [b.c_out for b in self.blocks] + list(self.dense_sizes[1:])
        self.n_weights = sum(math.prod(shape) for shape in self.shapes)
        normed = [b.c_out for b in self.blocks if sizes.normalized]
        n_dense = self.n_weights + sum(self.n_biases)
        self.flat = memory.zeros(n_dense + 2 * sum(normed), dtype)
        self.flat_grads = memory.zeros(len(self.flat), dtype)
        params, grads = self.views(self.flat), self.views(self.flat_grads)
        n_blocks = len(self.blocks)
        self.conv = [
            Conv2D(W, b, padding=sizes.padding, name=f"conv{i + 1}") for i, (W, b) in enumerate(params[:n_blocks])
        ]
        self.dense = [Dense(W, b) for W, b in params[n_blocks:]]
        for layer, (dW, db) in zip([*self.conv, *self.dense], grads, strict=True):
            layer.grads = {"W": dW, "b": db}
        self.running = np.zeros(2 * sum(normed), dtype)
        self.norms: list[BatchNorm2D] = []
        for gamma_beta, grads_of, kept in zip(
            _pairs(self.flat[n_dense:], normed),
            _pairs(self.flat_grads[n_dense:], normed),
            _pairs(self.running, normed),
            strict=True,
        ):
            norm = BatchNorm2D(*gamma_beta, {"mean": kept[0], "var": kept[1]})
            norm.grads = {"gamma": grads_of[0], "beta": grads_of[1]}
            norm.params["gamma"][...] = norm.state["var"][...] = 1
            self.norms.append(norm)
        self.layers = self._in_a_row(dropout_rng)
        draw = choices("init")["he"].target
        for block, conv in zip(self.blocks, self.conv, strict=True):
            fan_in = block.c_in * block.kernel**2
            conv.params["W"][...] = draw(generator, fan_in, block.c_out, 1.0).T.reshape(conv.params["W"].shape)
        for dense in self.dense:
            dense.params["W"][...] = draw(generator, *dense.params["W"].shape, 1.0)

    def _in_a_row(self, dropout_rng: np.random.Generator | None) -> list[Layer]:
        layers: list[Layer] = []
        activation: type[Activation] = choices("activation")[self.sizes.activation].target
        for at, (block, conv) in enumerate(zip(self.blocks, self.conv, strict=True)):
            layers += [conv, POOLINGS[self.sizes.pooling](block.pool), *self.norms[at : at + 1], activation()]
        layers.append(Flatten())
        for at, dense in enumerate(self.dense):
            if dropout_rng is not None:
                layers.append(Dropout(self.sizes.dropout, dropout_rng))
            layers.append(dense)
            if at < len(self.dense) - 1:
                layers.append(activation())
        return layers

    def norm_views(self, flat: Array) -> list[tuple[Array, Array]]:
        """(gamma, beta) of every normalization, as views of a vector laid out like `flat`."""
        return _pairs(flat[self.n_weights + sum(self.n_biases) :], [len(norm.params["gamma"]) for norm in self.norms])

    def views(self, flat: Array) -> list[tuple[Array, Array]]:
        """(W, b) of every layer with weights, convolutions first, as views of a vector laid out like `flat`."""
        weights, biases = flat[: self.n_weights], flat[self.n_weights :]
        views: list[tuple[Array, Array]] = []
        for shape, n_bias in zip(self.shapes, self.n_biases, strict=True):
            size = math.prod(shape)
            views.append((weights[:size].reshape(shape), biases[:n_bias]))
            weights, biases = weights[size:], biases[n_bias:]
        return views

    def named_params(self) -> Iterator[tuple[str, Array]]:
        """("conv1.W", (C_out, C_in, K, K)), ("conv1.b", (C_out,)), ..., ("dense1.W", (n_in, n_out)), ..."""
        kinds: list[tuple[str, Sequence[Layer]]] = [("conv", self.conv), ("dense", self.dense), ("norm", self.norms)]
        for kind, layers in kinds:
            for number, layer in enumerate(layers, start=1):
                for name, values in layer.params.items():
                    yield f"{kind}{number}.{name}", values

    def inputs(self, images: Array) -> Array:
        """uint8 images (m, 28, 28) or (m, 784) as the inputs (m, 1, 28, 28) this network was trained on."""
        return scale_pixels(images, self.sizes.input_scaling, self.flat.dtype).reshape(-1, 1, SIDE, SIDE)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Logits (m, 10) of inputs x (m, 1, 28, 28)."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def data_loss_and_gradients(self, x: Array, labels: Array, smoothing: float = 0.0, training: bool = True) -> float:
        """The batch's mean loss and its gradients in `flat_grads`, by the readable layers."""
        logits = self.forward(x, training)
        dout = CrossEntropy.gradient(logits, labels, smoothing)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return CrossEntropy.value(logits, labels, smoothing)


def _pairs(flat: Array, counts: list[int]) -> list[tuple[Array, Array]]:
    """Consecutive views of n numbers, two for each of the counts n."""
    cut = np.split(flat, np.cumsum([n for n in counts for _ in range(2)])[:-1]) if counts else []
    return list(zip(cut[::2], cut[1::2], strict=True))
