"""Weights in Keras' order and orientation, both ways; Keras itself is not needed.

Keras keeps images with the channel last: a kernel is (k, k, c_in, c_out), ours (c_out, c_in, k, k), and what is
flattened stands row, column, channel, ours channel, row, column. Dense layers are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.frameworks.plan import Part, plan
from nn_core.machine.memory import Array


def to_keras(weights: Mapping[str, Array], config: RunConfig) -> list[Array]:
    """What `set_weights` takes: all arrays, layer by layer."""
    given: list[Array] = []
    flat: Part | None = None  # the maps that the next dense layer sees
    for part in plan(config):
        if part.kind == "conv":
            given += [weights[f"{part.name}.W"].transpose(2, 3, 1, 0), weights[f"{part.name}.b"]]
        elif part.kind == "dense":
            given += [_channels_last(weights[f"{part.name}.W"], flat), weights[f"{part.name}.b"]]
            flat = None
        elif part.kind == "norm":
            given += [weights[f"{part.name}.{of_what}"] for of_what in _of_norm(config)]
        elif part.kind == "flatten":
            flat = part
    return [np.ascontiguousarray(array) for array in given]


def from_keras(given: Sequence[Array], config: RunConfig) -> dict[str, Array]:
    """The inverse, float32."""
    arrays = iter(given)
    weights: dict[str, Array] = {}
    flat: Part | None = None
    for part in plan(config):
        if part.kind == "conv":
            weights |= {f"{part.name}.W": next(arrays).transpose(3, 2, 0, 1), f"{part.name}.b": next(arrays)}
        elif part.kind == "dense":
            W = next(arrays)
            W = W if flat is None else channels_first(W, flat.n_in, flat.n_out)
            weights |= {f"{part.name}.W": W, f"{part.name}.b": next(arrays)}
            flat = None
        elif part.kind == "norm":
            weights |= {f"{part.name}.{of_what}": next(arrays) for of_what in _of_norm(config)}
        elif part.kind == "flatten":
            flat = part
    return {name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()}


def _of_norm(config: RunConfig) -> tuple[str, ...]:
    return ("gamma", "beta", "mean", "var") if config.normalization == "batch" else ("gamma", "beta")


def _channels_last(W: Array, flat: Part | None) -> Array:
    """The rows of W (c h w, n) in the order row, column, channel; as they are where nothing was flattened."""
    if flat is None:
        return W
    return W.reshape(flat.n_in, flat.n_out, flat.n_out, -1).transpose(1, 2, 0, 3).reshape(W.shape)


def channels_first(W: Array, maps: int, side: int) -> Array:
    """The rows of W (h w c, n) in the order channel, row, column."""
    return W.reshape(side, side, maps, -1).transpose(2, 0, 1, 3).reshape(W.shape)
