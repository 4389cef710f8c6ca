"""The weights of a network of one's own, whatever their names, order and orientation, as W (n_in, n_out) and b."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nn_core.homework.given import GivenError, leaves, numbers, role
from nn_core.machine.memory import Array

Layer = tuple[Array, Array]  # W (n_in, n_out), b (n_out,)


def dense_weights(values: Any, n_in: int, n_out: int) -> list[Layer]:
    """The layers from n_in inputs to n_out outputs, out of a dict, (W1, b1, W2, b2), pairs (W, b), or two lists.

    Each W may lie as (n_in, n_out) or (n_out, n_in); where a square one fits both ways it lies as the first one does.
    Biases may be missing altogether. Numbers may be NaN. Raises GivenError, naming the array.
    """
    expected = f"a chain of weights from {n_in} inputs to {n_out} outputs"
    Ws, bs = _of_a_dict(values) if isinstance(values, Mapping) else _of_a_sequence(values, expected)
    if not Ws:
        raise GivenError(f"the weights must be {expected}, got none")
    if bs and len(bs) != len(Ws):
        raise GivenError(f"the weights must be a W and a b a layer, got {len(Ws)} matrices and {len(bs)} biases")
    layers: list[Layer] = []
    before, by_rows = n_in, None
    for at, W in enumerate(Ws, start=1):
        sizes = [
            size for size, fits in ((W.shape[-1], W.shape[0] == before), (W.shape[0], W.shape[-1] == before)) if fits
        ]
        if W.ndim != 2 or not sizes:
            raise GivenError(f"W{at} must have the shape ({before}, n) or (n, {before}), got {W.shape}")
        if by_rows is None or len(sizes) == 1 or W.shape[0] != W.shape[1]:
            by_rows = W.shape[0] == before
        W = W if by_rows else W.T
        b = bs[at - 1] if bs else np.zeros(W.shape[1])
        if b.size != W.shape[1]:
            raise GivenError(f"b{at} must have {W.shape[1]} numbers, one a unit of W{at} {W.shape}, got {b.size}")
        layers.append((W, b.ravel()))
        before = W.shape[1]
    if before != n_out:
        raise GivenError(f"W{len(Ws)} must lead to {n_out} outputs, one a class, got {before}")
    return layers


def _of_a_dict(values: Mapping[Any, Any]) -> tuple[list[Array], list[Array]]:
    found: dict[str, list[tuple[int, Array]]] = {"W": [], "b": []}
    for name, value in leaves(values):
        kind, number = role(name)
        if kind:
            array = numbers(value, name, "numbers", finite=False)
            found[kind].append((len(found[kind]) if number is None else number, array))
    if not found["W"]:
        names = ", ".join(str(name) for name in values) or "none"
        raise GivenError(f"the dict of weights must have names like W1, b1, W2, b2, got {names:.200}")
    in_order = {kind: [array for _, array in sorted(items, key=lambda each: each[0])] for kind, items in found.items()}
    return in_order["W"], in_order["b"]


def _of_a_sequence(values: Any, expected: str) -> tuple[list[Array], list[Array]]:
    """Matrices and biases in the order in which they stand; where that cannot be told, they alternate."""
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise GivenError(f"the weights must be {expected}, as a dict, a list or (W1, b1, W2, b2), got {values!r:.60}")
    flat = list(values)
    if len(flat) == 2 and all(isinstance(item, list | tuple) and _are_arrays(item) for item in flat):
        first, second = ([numbers(each, "the weights", "numbers", finite=False) for each in item] for item in flat)
        if len(first) > 1 and not any(map(_is_bias, first)) and all(map(_is_bias, second)):
            return first, second
    if any(isinstance(item, Mapping) for item in flat):
        return _of_a_dict({f"layer{at}": item for at, item in enumerate(flat, start=1)})
    if all(isinstance(item, list | tuple) and _are_arrays(item) for item in flat):
        flat = [array for item in flat for array in item]
    arrays = [numbers(each, _name(at), "numbers", finite=False) for at, each in enumerate(flat)]
    if len(arrays) % 2 == 0 and all(_is_bias(b) for b in arrays[1::2]):
        return arrays[::2], arrays[1::2]
    return [array for array in arrays if not _is_bias(array)], [array for array in arrays if _is_bias(array)]


def _are_arrays(items: Sequence[Any]) -> bool:
    return (
        len(items) > 0
        and all(np.ndim(item) >= 1 for item in items if hasattr(item, "shape"))
        and all(hasattr(item, "shape") for item in items)
    )


def _is_bias(array: Array) -> bool:
    return array.ndim < 2 or 1 in array.shape


def _name(at: int) -> str:
    return f"{'Wb'[at % 2]}{at // 2 + 1}"
