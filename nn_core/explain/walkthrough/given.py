"""A small network whose weights, inputs and targets are given as JSON or CSV: a homework can be walked too.

Arrays are called W1, b1, W2, b2, ..., x and y, with a row of x for each image and W of shape (n_in, n_out). In CSV a
line with a name alone begins an array. A bias that is not given is 0; y holds class numbers, or a row of 0 and 1 each.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nn_core.config.errors import shorten
from nn_core.config.foreign import parse_json
from nn_core.config.run_config import RunConfig
from nn_core.explain.walkthrough.step import MOST_IMAGES
from nn_core.machine.memory import Array
from nn_core.nn.flat import Shapes
from nn_core.nn.mlp import MLP
from nn_core.nn.network import Network

MOST_INPUTS, MOST_UNITS, MOST_LAYERS = 784, 16, 5
LARGEST = 1e6  # magnitude of a number
EXAMPLE = """{
  "W1": [[0.15, 0.25], [0.2, 0.3]],
  "b1": [0.35, 0.35],
  "W2": [[0.4, 0.5], [0.45, 0.55]],
  "b2": [0.6, 0.6],
  "x": [[0.05, 0.1]],
  "y": [1]
}"""


@dataclass(frozen=True, eq=False)
class Given:
    """Weights by the names of a network ("dense1.W"), inputs (m, n_in) and labels (m,)."""

    weights: Mapping[str, Array]
    x: Array
    labels: Array
    sizes: tuple[int, ...]  # of the layers, the inputs first

    def __repr__(self) -> str:
        return f"<Given {self.outline}, {len(self.x)} images>"

    @property
    def outline(self) -> str:
        """Like "2-2-2"."""
        return "-".join(map(str, self.sizes))


def read_given(text: str) -> Given:
    """What a text in JSON or CSV gives; raises ValueError that names the array and what was expected."""
    arrays = _from_json(text) if text.lstrip().startswith("{") else _from_csv(text)
    unknown = [name for name in arrays if not re.fullmatch(r"[Wb][1-9]|x|y", name)]
    if unknown:
        raise ValueError(f"the arrays are called W1, b1, W2, b2, ..., x and y; {shorten(unknown[0])} is none of them")
    for name in ("x", "y", "W1"):
        if name not in arrays:
            raise ValueError(f"{name} is missing")
    x = _matrix("x", arrays["x"])
    weights, sizes = _weights(arrays, x.shape[1])
    if not 1 <= len(x) <= MOST_IMAGES:
        raise ValueError(f"x must have 1 to {MOST_IMAGES} rows, one for each image, got {len(x)}")
    return Given(weights, x, _labels(arrays["y"], len(x), sizes[-1]), sizes)


def _from_json(text: str) -> dict[str, Any]:
    try:
        values = parse_json(text)
    except ValueError as error:
        raise ValueError(f"the text is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError("the text must be a JSON object with W1, b1, W2, b2, x and y")
    return values


def _from_csv(text: str) -> dict[str, Any]:
    """Rows of texts under each name."""
    arrays: dict[str, Any] = {}
    name = ""
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) == 1 and re.fullmatch(r"[A-Za-z]\w*", cells[0]) and cells[0].lower() not in ("nan", "inf"):
            name = cells[0]
            arrays[name] = []
        elif cells and not name:
            raise ValueError(f"line {number} must be the name of an array, like W1, got {shorten(cells[0])}")
        elif cells:
            arrays[name].append(cells)
    return arrays


def _weights(arrays: Mapping[str, Any], n_in: int) -> tuple[dict[str, Array], tuple[int, ...]]:
    n_layers = max(int(name[1]) for name in arrays if name[0] == "W")
    if n_layers > MOST_LAYERS:
        raise ValueError(f"a network may have {MOST_LAYERS} layers at most, got {n_layers}")
    if not 1 <= n_in <= MOST_INPUTS:
        raise ValueError(f"x must have 1 to {MOST_INPUTS} columns, one for each input, got {n_in}")
    weights, sizes = dict[str, Array](), [n_in]
    for number in range(1, n_layers + 1):
        name = f"W{number}"
        if name not in arrays:
            raise ValueError(f"{name} is missing")
        W = _matrix(name, arrays[name])
        before = "input" if number == 1 else f"unit of layer {number - 1}"
        if len(W) != sizes[-1]:
            raise ValueError(f"{name} must have {sizes[-1]} rows, one for each {before}, got {len(W)}")
        least = 2 if number == n_layers else 1
        if not least <= W.shape[1] <= MOST_UNITS:
            raise ValueError(f"{name} must have {least} to {MOST_UNITS} columns, one for each unit, got {W.shape[1]}")
        b = _vector(f"b{number}", arrays.get(f"b{number}", [0.0] * W.shape[1]))
        if len(b) != W.shape[1]:
            raise ValueError(f"b{number} must have {W.shape[1]} numbers, as {name} has columns, got {len(b)}")
        weights |= {f"dense{number}.W": W, f"dense{number}.b": b}
        sizes.append(W.shape[1])
    return weights, tuple(sizes)


def read_sizes(text: str) -> tuple[int, ...]:
    """Sizes like "2-2-2", the inputs first; raises ValueError that says what was expected."""
    parts = [part.strip() for part in text.strip().split("-")]
    if not 2 <= len(parts) <= MOST_LAYERS + 1 or not all(re.fullmatch(r"[0-9]{1,3}", part) for part in parts):
        raise ValueError(f"sizes must be 2 to {MOST_LAYERS + 1} whole numbers like 2-2-2, got {shorten(text)}")
    sizes = tuple(int(part) for part in parts)
    for at, size in enumerate(sizes):
        least = 2 if at == len(sizes) - 1 else 1
        most, what = (MOST_INPUTS, "inputs") if at == 0 else (MOST_UNITS, f"units of layer {at}")
        if not least <= size <= most:
            raise ValueError(f"sizes: the {what} must be in [{least}, {most}], got {size}")
    return sizes


def resized(given: Given, sizes: tuple[int, ...], m: int) -> Given:
    """The same with other sizes and m examples: what fits is kept, what is new is 0."""
    weights = dict[str, Array]()
    for number, shape in enumerate(pairwise(sizes), start=1):
        for of, wanted in (("W", shape), ("b", shape[1:])):
            name = f"dense{number}.{of}"
            old = given.weights.get(name, np.zeros((0,) * len(wanted)))
            new = np.zeros(wanted)
            both = tuple(slice(min(pair)) for pair in zip(old.shape, wanted, strict=True))
            new[both] = old[both]
            weights[name] = new
    x, labels = np.zeros((m, sizes[0])), np.zeros(m, dtype=np.int64)
    rows, columns = min(m, len(given.x)), min(sizes[0], given.x.shape[1])
    x[:rows, :columns] = given.x[:rows, :columns]
    labels[:rows] = np.minimum(given.labels[:rows], sizes[-1] - 1)
    return Given(weights, x, labels, sizes)


def arrays_of(given: Given) -> dict[str, Array]:
    """The arrays by the names that a text gives them: W1, b1, ..., x and y, each with rows and columns."""
    found = {name.removeprefix("dense"): values for name, values in given.weights.items()}
    named = {f"{of}{number}": np.atleast_2d(values) for key, values in found.items() for number, of in [key.split(".")]}
    return {**named, "x": given.x, "y": given.labels[:, None]}


def as_json(arrays: Mapping[str, list[list[Any]]]) -> str:
    """Rows of numbers by name as a text that `read_given` takes, a line for each array."""
    lines = [f'  "{name}": {json.dumps(rows)}' for name, rows in arrays.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _matrix(name: str, values: Any) -> Array:
    """Rows of numbers; a single row may stand without its brackets."""
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name} must be a list of rows of numbers, got {shorten(values)}")
    rows = values if isinstance(values[0], list) else [values]
    for at, row in enumerate(rows, start=1):
        if not isinstance(row, list) or not row:
            raise ValueError(f"{name}: row {at} must be a list of numbers, got {shorten(row)}")
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{name}: row {at} has {len(row)} numbers, row 1 has {len(rows[0])}; all must have as many"
            )
    return np.array([[_number(name, value) for value in row] for row in rows])


def _vector(name: str, values: Any) -> Array:
    matrix = _matrix(name, values)
    if len(matrix) > 1 and matrix.shape[1] > 1:
        raise ValueError(f"{name} must be one row of numbers, got {len(matrix)} rows")
    return matrix.reshape(-1)


def _number(name: str, value: Any) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        found = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: every value must be a number, got {shorten(value)}") from None
    if not math.isfinite(found) or abs(found) > LARGEST:
        raise ValueError(f"{name}: every value must be in [-{LARGEST:,.0f}, {LARGEST:,.0f}], got {shorten(value)}")
    return found


def _labels(values: Any, m: int, n_classes: int) -> Array:
    """Class numbers (m,), or rows (m, n_classes) with a single 1."""
    y = _matrix("y", values if isinstance(values, list) else [values])
    if y.shape == (m, n_classes) and ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1).astype(np.int64)
    if y.size != m:
        raise ValueError(
            f"y must be {m} class numbers, or {m} rows of {n_classes} with a single 1, got {y.size} numbers"
        )
    found: Array = y.reshape(-1)
    wrong = [value for value in found if value != int(value) or not 0 <= value < n_classes]
    if wrong:
        raise ValueError(f"y: a class must be a whole number from 0 to {n_classes - 1}, got {wrong[0]:g}")
    return found.astype(np.int64)


def given_network(given: Given, config: RunConfig) -> Network:
    """The network of given weights, in float64, to be walked by `take_step`; its sizes are the given ones."""

    class GivenNetwork(MLP):
        image_shape = (given.sizes[0],)

        @staticmethod
        def shapes(config: RunConfig) -> Shapes:
            return {name: values.shape for name, values in given.weights.items()}

    model = GivenNetwork(
        config.replace(hidden=given.sizes[1:-1], init="zeros"), np.random.default_rng(0), dtype=np.float64
    )
    model.load(given.weights)
    return model
