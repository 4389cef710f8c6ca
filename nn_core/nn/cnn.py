"""The convolutional network: blocks of convolution, pooling and activation, then dense layers.

A block pools before its activation, as LeNet-5 did (LeCun, Bottou, Bengio & Haffner 1998). For a maximum and an
activation that never falls, the order does not matter, and this one applies the activation to a quarter of the values.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from nn_core.config.choices import choices, register
from nn_core.config.errors import ConfigError, Conflict
from nn_core.config.run_config import RunConfig, setting
from nn_core.data.dataset import N_CLASSES, SIDE
from nn_core.nn.activations import Activation
from nn_core.nn.conv import AvgPool2D, BatchNorm2D, Conv2D, Flatten, GlobalAveragePool, MaxPool2D, Windowed
from nn_core.nn.flat import Shapes
from nn_core.nn.layers import Dense, Dropout, Layer
from nn_core.nn.network import MOST_BYTES, Network, count_params, of_normalization

register(
    "pooling",
    "max",
    label="Maximum",
    help="The largest of the values: whether a feature is there at all.",
    formula=r"y = \max_{i,j} x_{i,j}",
    citation="Ranzato, Huang, Boureau & LeCun 2007",
)(MaxPool2D)
register(
    "pooling",
    "average",
    label="Average",
    help="The mean of the values: how much of a feature is there.",
    formula=r"y = \frac{1}{k^2} \sum_{i,j} x_{i,j}",
    citation="LeCun, Bottou, Bengio & Haffner 1998 (without the trained factor)",
)(AvgPool2D)
register(
    "head",
    "flatten",
    label="Flatten",
    help="Every value of every map, with its place: what is where.",
    formula=r"(C, H, W) \to C H W",
    citation="LeCun et al. 1989",
)(Flatten)
register(
    "head",
    "average",
    label="Global average",
    help="The mean of each map: what is there, no matter where. The class-activation map comes from it.",
    formula=r"y_c = \frac{1}{HW} \sum_{r,s} x_{c,r,s}",
    citation="Lin, Chen & Yan 2014, section 3.2",
)(GlobalAveragePool)


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

    @property
    def numbers(self) -> int:
        """About how many numbers a training step keeps for each image: those of kernels/conv.py and their gradients."""
        full, under, out = self.side + 2 * self.padding, self.kernel + self.pool - 1, self.c_out * self.pooled
        around = full * self.c_in * (full + self.side)  # the input with its padding, and its gradient
        columns = 2 * full * under * self.c_in * self.pooled
        pools = out * self.pooled * (2 * self.pool**2 + self.pool)
        return around + columns + pools + 2 * out * self.pooled

    @property
    def numbers_of_rows(self) -> int:
        """How many it keeps besides: the gradient of the weights by each row of the output."""
        rows, under = self.pooled * self.pool, self.kernel + self.pool - 1
        return rows * self.pool * self.c_out * self.kernel * under * self.c_in


def block_sizes(config: RunConfig) -> list[BlockSizes]:
    """The blocks in their order; raises ConfigError, naming layer, size and limit, where one cannot work."""
    blocks: list[BlockSizes] = []
    c_in, side = 1, SIDE
    for number, c_out in enumerate(config.channels, start=1):
        block = BlockSizes(c_in, c_out, side, config.kernel, config.padding, config.pool)
        made, _ = Windowed(f"conv{number}", config.kernel, 1, config.padding).output_size((side, side))
        if made < config.pool:
            raise ConfigError(f"pool{number}: pool must be at most {made}, the size of its input, got {config.pool}")
        blocks.append(block)
        c_in, side = c_out, block.pooled
    return blocks


MOST_PARAMS = 25_000_000  # 100 MB, and several times that with an optimizer and its frames
AT_ONCE = 256  # images, at most, whose maps are kept at once where the batch is worked on in parts
SIZES = ("kernel", "pool", "channels", "padding")  # the settings whose sizes must fit each other
SERVED = ("none", "batch")  # normalizations that this model has


@register(
    "model",
    "cnn",
    label="Convolutional",
    help="Small filters that slide over the image: what is learned at one place serves at every other.",
    formula=r"a_{l+1} = \phi(\text{pool}(W_l * a_l + b_l))",
    citation="LeCun et al. 1989; LeCun, Bottou, Bengio & Haffner 1998",
    uses=("channels", "kernel", "padding", "pool", "pooling", "head", "dense_units"),
)
class CNN(Network):
    """conv - pool - (normalization) - activation for each of `channels`; then dense layers, and ten logits."""

    image_shape = (1, SIDE, SIDE)

    def build(self, dropout_rng: np.random.Generator | None) -> list[Layer]:
        """The blocks, then flattened or averaged maps, then dense layers, each with dropout before it."""
        config = self.config
        self.blocks = block_sizes(config)
        self.averages = config.head == "average"  # the dense layers see the mean of each map, not its values
        self.dense_sizes = _dense_sizes(config, self.blocks)
        self._make_parts()
        activation: type[Activation] = choices("activation")[config.activation].target
        pooling: type[MaxPool2D | AvgPool2D] = choices("pooling")[config.pooling].target
        layers: list[Layer] = []
        for at, conv in enumerate(self.conv):
            layers += [conv, pooling(config.pool), *self.norms[at : at + 1], activation()]
        layers.append(choices("head")[config.head].target())
        for at, dense in enumerate(self.dense):
            if dropout_rng is not None:
                layers.append(Dropout(config.dropout, dropout_rng))
            layers.append(dense)
            if at < len(self.dense) - 1:
                layers.append(activation())
        return layers

    def _make_parts(self) -> None:
        config, numbers = self.config, range(1, len(self.blocks) + 1)
        self.conv = [
            self.part(f"conv{number}", partial(Conv2D, padding=config.padding, name=f"conv{number}"))
            for number in numbers
        ]
        self.dense = [self.part(f"dense{number}", Dense) for number in range(1, len(self.dense_sizes))]
        self.norms = [self.part(f"norm{n}", BatchNorm2D) for n in numbers if config.normalization == "batch"]

    @staticmethod
    def check(config: RunConfig) -> None:
        """Raise Conflict where a kernel or pool is larger than its input, or for a setting that a CNN lacks."""
        if not config.channels:
            raise Conflict("channels", "model cnn cannot work with channels none")
        if config.normalization not in SERVED:
            known = " or ".join(SERVED)
            raise Conflict("normalization", f"normalization must be {known} for model cnn, got {config.normalization}")
        try:
            block_sizes(config)
        except ConfigError as error:
            raise Conflict(_to_blame(config, *SIZES), str(error)) from None
        _check_params(config)
        _check_memory(config)

    @staticmethod
    def shapes(config: RunConfig) -> Shapes:
        """("conv1.W", (C_out, C_in, K, K)), ("conv1.b", (C_out,)), ..., ("dense1.W", (n_in, n_out)), ..."""
        blocks = block_sizes(config)
        shapes: dict[str, tuple[int, ...]] = {}
        for number, block in enumerate(blocks, start=1):
            shapes[f"conv{number}.W"] = (block.c_out, block.c_in, block.kernel, block.kernel)
            shapes[f"conv{number}.b"] = (block.c_out,)
        for number, (n_in, n_out) in enumerate(pairwise(_dense_sizes(config, blocks)), start=1):
            shapes |= {f"dense{number}.W": (n_in, n_out), f"dense{number}.b": (n_out,)}
        return shapes | of_normalization(config, config.channels)

    @staticmethod
    def outline(config: RunConfig) -> str:
        """Like "conv 8-16, 5x5, dense 10"."""
        kernel, dense = f"{config.kernel}x{config.kernel}", "-".join(map(str, (*config.dense_units, N_CLASSES)))
        return f"conv {'-'.join(map(str, config.channels))}, {kernel}, dense {dense}"


def _to_blame(config: RunConfig, *names: str) -> str:
    """The first of these settings that was changed: defaults always fit together, so it is to blame."""
    return next(name for name in names if config.changed(setting(name)))


def _check_params(config: RunConfig) -> None:
    n_params = count_params(config)
    if n_params > MOST_PARAMS:
        name, sizes = max(CNN.shapes(config).items(), key=lambda each: math.prod(each[1]))
        layer, shape = name.partition(".")[0], " x ".join(map(str, sizes))
        first = ("dense_units",) if layer.startswith("dense") else ()
        raise Conflict(
            _to_blame(config, *first, "channels", *SIZES),
            f"{layer}: a network may have at most {MOST_PARAMS:,} parameters, got {n_params:,}, most of them in "
            f"{layer} ({shape})",
        )


def _check_memory(config: RunConfig) -> None:
    """Normalization looks at all images of a batch together; without it they are worked on in parts."""
    blocks, batch = block_sizes(config), config.effective_batch(config.n_train)
    whole = batch + config.n_train % batch if config.normalization == "batch" else 0
    n_images = max(whole, AT_ONCE)
    of_blocks = [4 * (n_images * block.numbers + 4 * block.numbers_of_rows) for block in blocks]
    n_bytes = sum(of_blocks)
    if n_bytes > MOST_BYTES:
        number = 1 + max(range(len(blocks)), key=of_blocks.__getitem__)
        most = blocks[number - 1]
        by_batch = ("batch_size",) if whole > AT_ONCE else ()
        why = f"batch_size {config.batch_size} cannot work with normalization batch here: " if by_batch else ""
        side = most.side + 2 * most.padding
        raise Conflict(
            _to_blame(config, *by_batch, "channels", *SIZES),
            f"{why}conv{number}: a step on {n_images:,} images at once may take at most {MOST_BYTES / 1e9:.0f} GB, "
            f"got {n_bytes / 1e9:.1f} GB, most of it in conv{number} ({most.c_in} to {most.c_out} channels on "
            f"{side}x{side})",
        )


def _dense_sizes(config: RunConfig, blocks: list[BlockSizes]) -> tuple[int, ...]:
    """What goes into each dense layer, and the number of classes."""
    last = blocks[-1]
    places = 1 if config.head == "average" else last.pooled**2
    return (last.c_out * places, *config.dense_units, N_CLASSES)
