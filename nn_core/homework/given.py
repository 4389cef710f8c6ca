"""Weights and gradients as others name and order them: lists, tuples, dicts; W1, dW1, "fc1.weight", "layer2/bias" ...

What cannot be used is said in a sentence that names the array, what was expected and what was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nn_core.config.errors import shorten
from nn_core.machine.memory import Array

WEIGHT = {"weight", "weights", "kernel", "theta", "coef", "coefs"}
BIAS = {"bias", "biases", "intercept", "intercepts"}
LONGEST = 3  # levels of dicts within dicts


class GivenError(ValueError):
    """Arrays, or a function, that cannot be used; one sentence."""


def role(name: str) -> tuple[str, int | None]:
    """("W", 1) for "dW1", "grad_w1", "fc1.weight"; ("b", 2) for "layer2.bias"; ("", ...) for what is neither."""
    numbers = re.findall(r"\d+", name)
    for word in reversed(re.findall(r"[a-z]+", name.lower())):
        if word in WEIGHT or word.endswith("w") or "weight" in word or "kernel" in word:
            return "W", int(numbers[0]) if numbers else None
        if word in BIAS or word.endswith("b") or "bias" in word:
            return "b", int(numbers[0]) if numbers else None
    return "", None


def numbers(value: Any, name: str, expected: str, finite: bool = True) -> Array:
    """An array of float64; raises GivenError where it is ragged, holds words, or holds NaN or infinity."""
    if hasattr(value, "detach"):  # a tensor of PyTorch
        value = value.detach().cpu()
    if value is None:
        raise GivenError(f"{name} must be {expected}, got None: is it returned?")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        raise GivenError(f"{name} must be {expected}, got rows of unequal length{_ragged(value)}") from None
    if array.dtype.kind not in "fiub":
        raise GivenError(f"{name} must be {expected}, got {_not_a_number(array)}")
    array = array.astype(np.float64)
    if finite and not np.isfinite(array).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        n_bad = int((~np.isfinite(array)).sum())
        what = "NaN" if np.isnan(array[at]) else "infinity"
        more = f" and {n_bad - 1:,} more that are no finite numbers" if n_bad > 1 else ""
        raise GivenError(f"{name} must be {expected} of finite numbers, got {what} at {list(at)}{more}")
    return array


def _ragged(value: Any) -> str:
    """Which row is the first that differs from row 0 in length."""
    if isinstance(value, Sequence):
        lengths = [len(row) if isinstance(row, Sequence | np.ndarray) else None for row in value]
        for at, length in enumerate(lengths):
            if length != lengths[0]:
                return f": {_length(lengths[0])} in row 0, {_length(length)} in row {at}"
    return ""


def _length(n: int | None) -> str:
    return "a single number" if n is None else f"{n:,}"


def _not_a_number(array: Array) -> str:
    """What an array holds that is no number, and where; numbers written as words count as words."""
    for at, item in np.ndenumerate(array):
        if isinstance(item, str | bytes) or not isinstance(item, int | float | np.number):
            kind = "the word" if isinstance(item, str | bytes) else f"a {type(item).__name__},"
            plain = item.item() if isinstance(item, np.generic) else item
            return f"{kind} {shorten(plain)}{f' at {list(at)}' if at else ''}"
    return f"an array of {array.dtype}"


def collected(values: Any, sizes: Sequence[int], d: str = "d") -> tuple[dict[str, Any], bool]:
    """Name -> array as given, "dW1", "db1", "dW2", ...; and whether they came in the order W1, b1, W2, b2, ...

    `sizes` are the units by layer, `d` stands before the names. Raises GivenError where the arrays cannot be told.
    """
    wanted = [f"{d}{kind}{layer}" for layer in range(1, len(sizes)) for kind in "Wb"]
    if isinstance(values, Mapping):
        return _of_a_dict(values, wanted, d), True
    if values is None:
        raise GivenError(f"what is returned must be ({', '.join(wanted)}), got None: is `return` missing?")
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray):
        raise GivenError(f"what is returned must be ({', '.join(wanted)}), got {shorten(values)}")
    flat, is_nested = _flat(list(values), sizes, wanted)
    n_counts = [W * out if kind == "W" else out for W, out, kind in _expected(sizes)]
    if is_nested or _fits(flat, n_counts) == len(flat):
        return dict(zip(wanted, flat, strict=True)), True
    for order in _orders(len(wanted)):
        again = [flat[at] for at in order]
        if _fits(again, n_counts) == len(flat):
            return dict(zip(wanted, again, strict=True)), False
    return dict(zip(wanted, flat, strict=True)), True


def _expected(sizes: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    for n_in, n_out in pairwise(sizes):
        yield n_in, n_out, "W"
        yield n_in, n_out, "b"


def _orders(n: int) -> Iterator[list[int]]:
    """Where W1, b1, W2, b2, ... stand when layers come last first, all weights first, or both."""
    layers = n // 2
    yield [2 * (layers - 1 - at // 2) + at % 2 for at in range(n)]
    yield [at // 2 + layers * (at % 2) for at in range(n)]
    yield [(layers - 1 - at // 2) + layers * (at % 2) for at in range(n)]


def _fits(arrays: Sequence[Any], counts: Sequence[int]) -> int:
    """How many of the arrays have as many numbers as they should."""
    return sum(_size(array) == count for array, count in zip(arrays, counts, strict=True))


def _size(value: Any) -> int:
    try:
        return int(np.size(value))
    except (ValueError, TypeError, RuntimeError):
        return -1


def _flat(items: list[Any], sizes: Sequence[int], wanted: list[str]) -> tuple[list[Any], bool]:
    """W1, b1, W2, b2, ... out of these themselves, pairs (W, b) or dicts by layer, or a list of W and one of b."""
    layers = len(sizes) - 1
    if len(items) == 2 * layers and not (layers == 1 and _is_list(items[0], 1) and _is_list(items[1], 1)):
        return items, False
    if len(items) == layers and all(isinstance(item, Mapping) for item in items):
        found: list[Any] = []
        for at, item in enumerate(items, start=1):
            of = _of_a_dict(item, [f"{wanted[0][:-2]}W1", f"{wanted[0][:-2]}b1"], wanted[0][:-2], f" of layer {at}")
            found += of.values()
        return found, True
    options = []
    if len(items) == layers and all(_is_list(item, 2) for item in items):
        options.append([array for item in items for array in item])
    if len(items) == 2 and all(_is_list(item, layers) for item in items):
        options.append([array for pair in zip(*items, strict=True) for array in pair])
    if not options:
        raise GivenError(
            f"what is returned must be {len(wanted)} arrays ({', '.join(wanted)}), a pair (dW, db) a layer, or a dict "
            f"with these names, got {len(items)} things"
        )
    counts = [n_in * n_out if kind == "W" else n_out for n_in, n_out, kind in _expected(sizes)]
    return max(options, key=lambda option: _fits(option, counts)), True


def _is_list(value: Any, length: int) -> bool:
    return isinstance(value, list | tuple) and len(value) == length


def _of_a_dict(values: Mapping[Any, Any], wanted: list[str], d: str, where: str = "") -> dict[str, Any]:
    """By the names in it; layers are numbered from the least number, or as they stand where there are none."""
    found: dict[str, list[tuple[int | None, str, Any]]] = {"W": [], "b": []}
    for name, value in leaves(values):
        kind, number = role(name)
        if kind:
            found[kind].append((number, name, value))
    arrays: dict[str, Any] = {}
    layers = len(wanted) // 2
    for kind, items in found.items():
        if len(items) != layers:
            names = ", ".join(name for _, name, _ in items) or "none"
            what = "weights" if kind == "W" else "biases"
            raise GivenError(
                f"the dict{where} must name {layers} arrays of {what}, like "
                f"{', '.join(name for name in wanted if name[-2] == kind)}, got {names:.200} among {len(values)} names"
            )
        if all(number is not None for number, _, _ in items):
            items.sort(key=lambda item: item[0] or 0)
        arrays |= {f"{d}{kind}{at}": value for at, (_, _, value) in enumerate(items, start=1)}
    return {name: arrays[name] for name in wanted}


def leaves(values: Mapping[Any, Any], before: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Name and value of all that lies in a dict, and in dicts within it: ("layer1.W", ...)."""
    for name, value in values.items():
        if isinstance(value, Mapping) and depth < LONGEST:
            yield from leaves(value, f"{before}{name}.", depth + 1)
        else:
            yield f"{before}{name}", value
