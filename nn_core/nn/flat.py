"""All trained numbers of a network in one vector, their gradients in another: layers hold views of both.

An optimizer is then a few passes over one vector, and an L2 penalty touches the beginning of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from nn_core.machine import memory
from nn_core.machine.memory import Array

Shapes = Mapping[str, tuple[int, ...]]  # "dense1.W" -> (784, 32)
ORDER = {"W": 0, "b": 1}  # weights lie first, then biases, then what normalization trains
NOT_TRAINED = {"mean", "var"}  # the running statistics of normalization


class FlatParameters:
    """The arrays of a network by name, cut out of `values`, `grads` and, where they are not trained, `running`.

    `shapes` names every array, as `Network.shapes` does. A weight matrix of at most `few_columns` columns lies in
    memory column by column.
    """

    def __init__(self, shapes: Shapes, dtype: npt.DTypeLike, few_columns: int = 0) -> None:
        kind = {name: name.rpartition(".")[2] for name in shapes}
        names = [name for name in shapes if kind[name] not in NOT_TRAINED]
        trained = sorted(names, key=lambda name: ORDER.get(kind[name], len(ORDER)))  # the order of shapes within a kind
        self.shapes = {name: shapes[name] for name in trained}
        self.kept_shapes = {name: shape for name, shape in shapes.items() if name not in self.shapes}
        self.few_columns = few_columns
        self.n_weights = _count(shapes[name] for name in trained if kind[name] == "W")
        self.n_biases = _count(shapes[name] for name in trained if kind[name] == "b")
        self.values = memory.zeros(_count(self.shapes.values()), dtype)
        self.grads = memory.zeros(len(self.values), dtype)
        self.running = np.zeros(_count(self.kept_shapes.values()), dtype)

    def views(self, vector: Array) -> dict[str, dict[str, Array]]:
        """Layer -> its arrays, {"dense1": {"W": ..., "b": ...}, ...}, out of a vector laid out like `values`."""
        return _cut(vector, self.shapes, self.few_columns)

    def running_views(self) -> dict[str, dict[str, Array]]:
        """The same of `running`: {"norm1": {"mean": ..., "var": ...}}; empty without batch normalization."""
        return _cut(self.running, self.kept_shapes)


def _count(shapes: Iterable[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def _cut(vector: Array, shapes: Shapes, few_columns: int = 0) -> dict[str, dict[str, Array]]:
    """Consecutive pieces of `vector` in the given shapes, by layer and name; views, no copies."""
    views: dict[str, dict[str, Array]] = {}
    start = 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        by_column = len(shape) == 2 and shape[1] <= few_columns
        layer, _, of_what = name.rpartition(".")
        views.setdefault(layer, {})[of_what] = vector[start:stop].reshape(shape, order="F" if by_column else "C")
        start = stop
    return views


def digest(weights: Mapping[str, Array]) -> str:
    """The SHA-256, in hex, of a network's arrays by name, whatever their layout in memory."""
    import hashlib

    sha = hashlib.sha256()
    for name in sorted(weights):
        values = np.ascontiguousarray(weights[name])
        sha.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        sha.update(values.tobytes())
    return sha.hexdigest()


def is_finite(values: Array) -> bool:
    """Whether a flat vector is finite throughout: its dot product with itself is, unless a square overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(float(np.dot(values, values))) or bool(np.isfinite(values).all())
