"""What the maps of a convolutional network show: which pixels a place of a map sees, and which images excite it.

A *place* is one value of a block's output, after pooling and activation, as `Network.activations` gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data.dataset import SIDE
from nn_core.kernels import cnn
from nn_core.machine.memory import Array
from nn_core.nn.cnn import CNN, BlockSizes, block_sizes
from nn_core.nn.network import CHUNK, Network

MOST_VALUES = 8_000_000  # of maps that are held at once


@dataclass(frozen=True)
class HiddenLayer:
    """One hidden layer as pages speak of it: `number` counts from 1 within its kind."""

    kind: str  # "block" of convolution, pooling and activation, or "dense"
    number: int
    size: int  # channels or units
    side: int  # rows and columns of its maps; 1 where there are none

    @property
    def title(self) -> str:
        """Like "Block 2" and "Hidden layer 1"."""
        return f"{'Block' if self.kind == 'block' else 'Hidden layer'} {self.number}"

    @property
    def unit(self) -> str:
        """What one of its outputs is called."""
        return "channel" if self.kind == "block" else "unit"


def hidden_layers(config: RunConfig) -> list[HiddenLayer]:
    """The hidden layers in the order in which `Network.activations` gives their outputs."""
    if config.model != "cnn":
        return [HiddenLayer("dense", number, size, 1) for number, size in enumerate(config.hidden, start=1)]
    blocks = enumerate(block_sizes(config), start=1)
    maps = [HiddenLayer("block", number, block.c_out, block.pooled) for number, block in blocks]
    return maps + [HiddenLayer("dense", number, size, 1) for number, size in enumerate(config.dense_units, start=1)]


# ---------------------------------------------------------------------------------------------- receptive fields


def receptive_field(config: RunConfig, block: int, row: int, column: int) -> tuple[slice, slice]:
    """The rows and columns of the image on which a place of a block's maps depends; blocks count from 0.

    From the last block to the first, what a place sees grows by pool and kernel (Araujo, Norris & Sim 2019, there with
    strides); what lies in the padding is left out. Both are empty for a place that sees nothing but padding.
    """
    blocks = block_sizes(config)[: block + 1]
    rows, columns = (_pixels(blocks, at) for at in (row, column))
    if rows[0] > rows[1] or columns[0] > columns[1]:
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[1] + 1), slice(columns[0], columns[1] + 1)


def _pixels(blocks: Sequence[BlockSizes], at: int) -> tuple[int, int]:
    """The first and the last pixel, along one direction, that the place `at` behind the blocks sees."""
    first = last = at
    for block in reversed(blocks):
        first, last = _under(block, first, last)
        first, last = max(first, 0), min(last, block.side - 1)
        if first > last:
            return 0, -1
    return first, last


def _under(block: BlockSizes, first: int, last: int) -> tuple[int, int]:
    """What the places from first to last of a block's output see of its input, padding counted from below 0 on."""
    return first * block.pool - block.padding, (last + 1) * block.pool - 1 - block.padding + block.kernel - 1


def centres(config: RunConfig, block: int) -> Array:
    """The middle, in pixels of the image, of what each place along one direction of a block's maps sees."""
    blocks = block_sizes(config)[: block + 1]
    middles = []
    for at in range(blocks[-1].pooled):
        first = last = at
        for each in reversed(blocks):
            first, last = _under(each, first, last)
        middles.append((first + last) / 2)
    return np.array(middles)


def spread_over_image(values: Array, config: RunConfig, block: int) -> Array:
    """A block's map (H, W) as large as the image, (28, 28): linear between the middles of what its places see."""
    at = centres(config, block)
    weights = np.stack([np.interp(np.arange(SIDE), at, one) for one in np.eye(len(at))], axis=1)  # (28, H)
    return weights @ values @ weights.T


# ---------------------------------------------------------------------------------------------- what excites a map


@dataclass(frozen=True, eq=False, repr=False)
class Strongest:
    """For each channel (or unit) of a layer the images with its largest value anywhere, the strongest first."""

    images: Array  # int64 (n_channels, n): which image
    values: Array  # float32 (n_channels, n): the value
    rows: Array  # int64 (n_channels, n): the place of the map, 0 where there are no maps
    columns: Array
    dead: Array  # bool (n_channels,): whether its output was 0 everywhere on every image

    def __repr__(self) -> str:
        n_channels, n = self.images.shape
        return f"Strongest({n} images for each of {n_channels} channels, {self.dead.sum()} of them dead)"


def layer_outputs(model: Network, images: Array, layer: int) -> Array:
    """One of `model.activations(images)`: a convolutional network's by its fast pass, which stops behind that layer.

    Of a network without a hidden layer: the logits.
    """
    if not hidden_layers(model.config):
        return model.logits(images)
    if isinstance(model, CNN):
        return cnn.activations(model, images, layer)
    return model.activations(images)[layer]


def hidden_outputs(model: Network, images: Array) -> list[Array]:
    """All of `model.activations(images)`, a convolutional network's by one fast pass over the images."""
    return cnn.all_activations(model, images) if isinstance(model, CNN) else model.activations(images)


def strongest(model: Network, images: Array, layer: int, n: int) -> Strongest:
    """The n images uint8 (n_images, 28, 28) on which each channel of a hidden layer (from 0) is largest anywhere.

    Of a network without a hidden layer: those with the largest logits of each class.
    """
    peaks, places, alive, width = [], [], [], 1
    most = CHUNK
    if isinstance(model, CNN):
        of = hidden_layers(model.config)[layer]
        most = max(CHUNK, MOST_VALUES // (of.size * of.side**2))
    for start in range(0, len(images), most):
        outputs = layer_outputs(model, images[start : start + most], layer)
        width = outputs.shape[-1] if outputs.ndim == 4 else 1
        flat = outputs.reshape(*outputs.shape[:2], -1)
        at = flat.argmax(axis=2)
        peaks.append(np.take_along_axis(flat, at[..., None], axis=2)[..., 0])
        places.append(at)
        alive.append(flat.any(axis=(0, 2)))
    values, at = np.concatenate(peaks).T, np.concatenate(places).T  # (n_channels, n_images)
    best = np.argsort(-values, axis=1, kind="stable")[:, :n]
    at = np.take_along_axis(at, best, axis=1)
    dead = ~np.any(alive, axis=0)
    return Strongest(best, np.take_along_axis(values, best, axis=1), at // width, at % width, dead)
