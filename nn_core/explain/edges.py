"""What the edges of a network carry for one image: weight x activation forward, weight x delta backward."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nn_core.config.run_config import RunConfig
from nn_core.explain.one_image import Weighted
from nn_core.machine.memory import Array
from nn_core.nn.conv import Conv2D

Carried = Literal["activations", "gradients"]


def into_dense(weighted: Weighted, n_sources: int, targets: Array, carried: Carried) -> Array:
    """What each edge into some units of a dense layer carries, (n_sources, n_targets).

    Behind maps the sources are their channels: what the places of a channel carry is added up.
    """
    W = weighted.layer.params["W"][:, targets]
    values = W * (weighted.delta[targets] if carried == "gradients" else weighted.x[:, None])
    return values if len(values) == n_sources else values.reshape(n_sources, -1, len(targets)).sum(axis=1)


def at_places(weighted: Weighted, channels: Array, places: list[tuple[int, int]], config: RunConfig) -> Array:
    """What each channel before adds to one value of each of some channels' maps, (n_before, n_channels).

    That value is the sum, without the bias, behind one place (row, column) of the pooled map: the pool takes the
    largest of the sums under it, or their mean.
    """
    conv, pool = weighted.layer, config.pool
    assert isinstance(conv, Conv2D)
    W, (p, q) = conv.params["W"], conv.padding  # (C_out, C_in, K, K)
    windows = sliding_window_view(np.pad(weighted.x, ((0, 0), (p, p), (q, q))), conv.kernel, axis=(1, 2))
    added = np.empty((W.shape[1], len(channels)), W.dtype)
    for at, (channel, (row, column)) in enumerate(zip(channels, places, strict=True)):
        rows, columns = slice(row * pool, (row + 1) * pool), slice(column * pool, (column + 1) * pool)
        sums = np.einsum("crsij,cij->crs", windows[:, rows, columns], W[channel]).reshape(W.shape[1], -1)
        largest = weighted.z[channel, rows, columns].argmax()
        added[:, at] = sums[:, largest] if config.pooling == "max" else sums.mean(axis=1)
    return added


def back_to_maps(weighted: Weighted, channels: Array) -> Array:
    """By how much the loss rises, through each of some channels, with the whole map of each channel before it.

    (n_before, n_channels): the sum over the places of the map of what comes back through the kernel.
    """
    conv = weighted.layer
    assert isinstance(conv, Conv2D)
    W, delta, (height, width) = conv.params["W"][channels], weighted.delta[channels], weighted.x.shape[1:]
    back = np.zeros((W.shape[1], len(channels)), W.dtype)
    for i, j in np.ndindex(*conv.kernel):
        rows = _inside(i - conv.padding[0], delta.shape[1], height)
        columns = _inside(j - conv.padding[1], delta.shape[2], width)
        back += W[:, :, i, j].T * delta[:, rows, columns].sum(axis=(1, 2))
    return back


def of_weights(values: Array, n_sources: int, targets: Array) -> Array:
    """Of an array in the form of a layer's weights, what stands at each edge: (n_sources, n_targets).

    An edge of a channel has many weights, one for each cell of a kernel or place of a map: the largest of their values.
    """
    if values.ndim == 4:
        cells = values[targets].reshape(len(targets), values.shape[1], -1).transpose(1, 2, 0)
    else:
        cells = values[:, targets].reshape(n_sources, -1, len(targets))
    largest = np.abs(cells).argmax(axis=1)[:, None]
    found: Array = np.take_along_axis(cells, largest, axis=1)[:, 0]
    return found


def weight_at(values: Array, n_sources: int, source: int, target: int) -> tuple[int, ...]:
    """Which weight of an array in the form of a layer's weights an edge stands for: that of the largest value."""
    if values.ndim == 4:
        cell = int(np.abs(values[target, source]).argmax())
        return target, source, *divmod(cell, values.shape[3])
    n_places = len(values) // n_sources
    places = slice(source * n_places, (source + 1) * n_places)
    return source * n_places + int(np.abs(values[places, target]).argmax()), target


def _inside(shift: int, n: int, size: int) -> slice:
    """Those of n places that lie, shifted, on a value from 0 to size - 1 and not in the padding."""
    return slice(max(0, -shift), max(0, min(n, size - shift)))
