"""What the first-layer units stand for: the class each one speaks for, what leaves it, and orders to show them in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.explain.filters import first_biases, first_filters
from nn_core.machine.memory import Array
from nn_core.nn.normalization import EPSILON


def _matrices(weights: Mapping[str, Array]) -> list[Array]:
    """The weights of every layer as (n_in, n_out); those of maps are summed over the places.

    That treats a channel as equally strong everywhere: a convolution becomes (C_in, C_out), and the dense layer after
    the maps (C, n_out).
    """
    matrices: list[Array] = [
        W.sum(axis=(2, 3)).T for name, W in weights.items() if name.startswith("conv") and W.ndim > 1
    ]
    for name, W in weights.items():
        if name.startswith("dense") and W.ndim > 1:
            n_channels = matrices[-1].shape[1] if matrices else len(W)
            matrices.append(W.reshape(n_channels, -1, W.shape[1]).sum(axis=1))
    return matrices


def outgoing_weights(weights: Mapping[str, Array]) -> Array | None:
    """The weights (n_units, n_next) that leave each first-layer unit; None where that layer is already the output.

    Those that leave a channel are summed over the places.
    """
    matrices = _matrices(weights)
    return matrices[1] if len(matrices) > 1 else None


def _normalized_by(weights: Mapping[str, Array], number: int) -> Array | None:
    """The factor by which a hidden layer's normalization scales each unit's sum, (n_units,); None without one.

    Layer normalization also divides by the image's own deviation; it is left out, being the same for all units.
    """
    gamma = weights.get(f"norm{number}.gamma")
    var = weights.get(f"norm{number}.var")
    return gamma if gamma is None or var is None else gamma / np.sqrt(var + gamma.dtype.type(EPSILON))


def class_votes(weights: Mapping[str, Array]) -> Array:
    """How strongly each first-layer unit speaks for each class: float32 (n_units, n_classes).

    The product of all weight matrices after the first, each with the factors of its normalization: by how much the
    logits change when this unit puts out 1 more, if every later activation were the identity (and a channel's output
    the same everywhere). Layer normalization subtracts the mean of what reaches its units; its division by the image's
    deviation is left out, being the same for all of them. With one hidden layer these are the outgoing weights
    themselves; with none each unit is a class, and the votes are the identity matrix.
    """
    first, *after = _matrices(weights)
    votes: Array = np.eye(first.shape[1], dtype=np.float32)
    for number in range(len(after), 0, -1):  # from the output back: the left factors stay narrow
        matrix, factors = after[number - 1], _normalized_by(weights, number + 1)
        if factors is not None:
            of_batch = f"norm{number + 1}.mean" in weights
            matrix = (matrix if of_batch else matrix - matrix.mean(axis=1, keepdims=True)) * factors
        votes = matrix @ votes if number < len(after) else matrix
    return votes


def first_shifts(weights: Mapping[str, Array]) -> Array:
    """What is added to each first-layer unit's weighted sum, (n_units,): its bias, or batch normalization's shift.

    Batch normalization subtracts the bias again with the mean: the sum is first multiplied by gamma / sqrt(var), then
    this shift is added.
    """
    biases, factors = first_biases(weights), _normalized_by(weights, 1)
    if factors is None or "norm1.mean" not in weights:
        return biases
    return weights["norm1.beta"] + (biases - weights["norm1.mean"]) * factors


ORDERS: Mapping[str, str] = {"index": "by index", "norm": "by norm", "class": "by class"}


def unit_order(weights: Mapping[str, Array], by: str) -> Array:
    """The first-layer units int64 (n_units,) in an order of ORDERS: "norm" puts the largest first, "class" groups them.

    Within a class the strongest vote comes first. Raises ValueError for another order.
    """
    if by not in ORDERS:
        raise ValueError(f"by must be one of {', '.join(ORDERS)}, got {by!r}")
    W = first_filters(weights)
    if by == "norm":
        return np.argsort(-np.linalg.norm(W, axis=0), kind="stable")
    if by == "class":
        votes = class_votes(weights)
        return np.lexsort((-votes.max(axis=1), np.argmax(votes, axis=1)))
    return np.arange(W.shape[1])
