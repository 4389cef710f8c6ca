"""Scalar series of a run: append-only, readable by other threads without a copy, of bounded size, thinned for drawing.

A run of any length keeps at most MAX_POINTS points, which take 4 MB in memory and at most 16 MB on disk. A series that
is full keeps its beginning and its newer half as they are; of what lies between, the lowest and the highest point of
each of equally long stretches stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from nn_core.machine.memory import Array
from nn_core.machine.packages import need

Axis = Literal["step", "epoch", "images", "seconds", "lr_step"]
_COLUMNS = ("step", "epoch", "images", "seconds", "value")

MAX_POINTS = 100_000  # of all series together; a line in metrics.jsonl takes about 135 bytes
# The losses and accuracies of training and validation, the loss of the batches, the penalty and the learning rate:
# each may have its share of the points, and where instruments add series, a smaller one.
FEWEST_SERIES = 7


@dataclass(frozen=True)
class Series:
    """A read-only view of the points of one scalar: five float64 columns of equal length.

    A series for the axis "lr_step" has a sixth, which `over_lr_step` adds.
    """

    name: str
    points: Array  # (n, 5), the columns of _COLUMNS

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"<Series {self.name} of {len(self):,} points>"

    def x(self, axis: Axis) -> Array:
        """The column (n,) to draw against."""
        return self.points[:, len(_COLUMNS) if axis == "lr_step" else _COLUMNS.index(axis)]

    @property
    def step(self) -> Array:
        """Updates made when the point was taken."""
        return self.x("step")

    @property
    def epoch(self) -> Array:
        """Passes over the training images, with fraction."""
        return self.x("epoch")

    @property
    def images(self) -> Array:
        """Training images seen."""
        return self.x("images")

    @property
    def seconds(self) -> Array:
        """Seconds of training, pauses left out."""
        return self.x("seconds")

    @property
    def value(self) -> Array:
        """The scalar itself."""
        return self.points[:, 4]

    def until(self, step: int) -> Series:
        """The points up to and with a step."""
        return Series(self.name, self.points[: int(np.searchsorted(self.step, step, side="right"))])

    @property
    def last(self) -> float:
        """The newest value, nan when there is none."""
        return float(self.points[-1, 4]) if len(self.points) else float("nan")


class History(Mapping[str, Series]):
    """Growing series by name. Rows once written never change, so a view taken earlier stays valid in any thread.

    Read like a dict: `history["val/loss"]`, `"val/loss" in history`, `for name in history`. Two histories are equal
    only where they are the same one.
    """

    __eq__, __hash__ = object.__eq__, object.__hash__

    def __init__(self) -> None:
        self._rows: dict[str, Array] = {}
        self._lengths: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<History of {', '.join(self._lengths) or 'nothing'}>"

    def record(self, name: str, value: float, *, step: int, epoch: float, images: int, seconds: float) -> None:
        """Append one point to the series `name`."""
        rows = self._rows.get(name)
        length = self._lengths.get(name, 0)
        if rows is None or length == len(rows):
            rows, length = self._grow(name)
        rows[length] = step, epoch, images, seconds, value
        self._lengths[name] = length + 1

    def _grow(self, name: str) -> tuple[Array, int]:
        """New rows with room for another one, which begin with the old ones, thinned if the series is full."""
        old = self._rows[name][: self._lengths[name]] if name in self._rows else np.empty((0, len(_COLUMNS)))
        most = points_each(max(len(self._rows), 1))
        if len(old) >= most:
            old = old[thinned(old, most)]
        rows = np.empty((min(max(64, 2 * len(old)), max(most, len(old) + 1)), len(_COLUMNS)))
        rows[: len(old)] = old
        self._rows[name] = rows
        return rows, len(old)

    def series(self) -> dict[str, Series]:
        """A read-only view of every series as it is now; nothing is copied."""
        views = {}
        for name, length in self._lengths.items():
            view = self._rows[name][:length]
            view.flags.writeable = False
            views[name] = Series(name, view)
        return views

    def __getitem__(self, name: str) -> Series:
        """The series as it is now; KeyError, with the names there are, where nothing was recorded under this one."""
        if name not in self._lengths:
            raise KeyError(f"nothing was recorded as {name!r}; there is {', '.join(self._lengths) or 'nothing yet'}")
        return self.series()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._lengths))  # another thread may begin a series meanwhile

    def __len__(self) -> int:
        return len(self._lengths)

    def to_frame(self) -> Any:
        """A pandas.DataFrame: a row a step, by step; columns epoch, images, seconds, and one of each series.

        NaN stands where a series has no point at a step. Raises PackageMissing without pandas.
        """
        pandas = need("pandas", "Tables of a history")
        at: dict[float, Any] = {}
        for name, series in self.series().items():
            for step, epoch, images, seconds, value in series.points.tolist():
                row = at.setdefault(step, {"epoch": epoch, "images": images, "seconds": seconds})
                row[name] = value
        columns = ["epoch", "images", "seconds", *self._lengths]
        index = pandas.Index([int(step) for step in sorted(at)], name="step")
        return pandas.DataFrame([at[step] for step in sorted(at)], index=index, columns=columns)

    def so_far(self, name: str) -> Series:
        """The series as it is now; an empty one where nothing was recorded under this name yet."""
        return self.series().get(name) or Series(name, np.empty((0, len(_COLUMNS))))

    def copy(self) -> History:
        """An independent history with the same points."""
        other = History()
        other._rows = {name: self._rows[name][:length].copy() for name, length in self._lengths.items()}
        other._lengths = dict(self._lengths)
        return other

    def first(self, n_points: Mapping[str, int], step: int) -> History:
        """An independent history with the first so many points of each series named, and none beyond `step`.

        Of a series that was thinned since, fewer points lead up to a step than were counted there.
        """
        other = History()
        for name, length in self._lengths.items():
            until = int(np.searchsorted(self._rows[name][:length, 0], step, side="right"))
            n = min(until, n_points.get(name, 0))
            other._rows[name], other._lengths[name] = self._rows[name][:n].copy(), n
        return other

    def extend(self, name: str, points: Array) -> None:
        """Append rows (n, 5) of (step, epoch, images, seconds, value) to the series `name`."""
        rows = np.concatenate([self.so_far(name).points, points])
        self._rows[name] = rows  # which counts among the series
        most = points_each(len(self._rows))
        if len(rows) > most:
            self._rows[name] = rows[thinned(rows, most)]
        self._lengths[name] = len(self._rows[name])

    def drop_after(self, step: int) -> None:
        """Forget the points taken after `step` (a diverged run goes back to its last finite weights)."""
        for name, length in self._lengths.items():
            self._lengths[name] = int(np.searchsorted(self._rows[name][:length, 0], step, side="right"))
            self._rows[name] = self._rows[name][: self._lengths[name]].copy()


def over_lr_step(series: Mapping[str, Series], changes: Sequence[tuple[int, float]] = ()) -> dict[str, Series]:
    """The series with one more column: the sum of the learning rates of all updates so far, lr x step for a fixed one.

    It is the time of gradient flow, on which runs of small rates lie on one curve (Cohen et al. 2021). "train/lr" tells
    the rate in force at each scoring; `changes` are the steps between at which it was multiplied, and by what. Without
    "train/lr" there are no points.
    """
    rates = series.get("train/lr")
    if rates is None or not len(rates):
        return {name: Series(name, np.empty((0, len(_COLUMNS) + 1))) for name in series}
    steps, values = rates.step, rates.value
    for step, factor in changes:
        at = int(np.searchsorted(steps, step, side="right"))
        if 0 < at < len(steps) or step > steps[-1]:
            steps, values = np.insert(steps, at, step), np.insert(values, at, values[at - 1] * factor)
    times = np.concatenate([[0.0], np.cumsum(values[:-1] * np.diff(steps))]) + values[0] * steps[0]

    def sums(step: Array) -> Array:
        at = np.clip(np.searchsorted(steps, step, side="right") - 1, 0, None)
        return np.asarray(times[at] + values[at] * (step - steps[at]))

    return {name: Series(name, np.column_stack([one.points, sums(one.step)])) for name, one in series.items()}


def points_each(n_series: int) -> int:
    """How many points each of so many series may have."""
    return MAX_POINTS // max(n_series, FEWEST_SERIES)


def thinned(points: Array, most: int) -> Array:
    """The places of the points (n, 5) that stay in a full series: at most 13/16 of `most` of them, in their order.

    The first sixteenth and the newer half stay as they are; what lies between is cut into stretches of equally many
    steps, of each of which the lowest and the highest point stay. Values there that are not finite go.
    """
    first, newest, n_stretches = most // 16, most // 2, most // 8
    stop = len(points) - newest
    between = np.arange(first, stop)
    between = between[np.isfinite(points[between, 4])]
    steps, values = points[between, 0], points[between, 4]
    edges = np.searchsorted(steps, np.linspace(points[first, 0], points[stop, 0], n_stretches + 1))
    kept = {at for one, two in pairwise(edges) if one < two for at in extremes(values, int(one), int(two))}
    return np.concatenate([np.arange(first), between[sorted(kept)], np.arange(stop, len(points))])


def extremes(values: Array, start: int, stop: int) -> tuple[int, int]:
    """The places of the lowest and of the highest value in a stretch."""
    stretch = values[start:stop]
    return start + int(stretch.argmin()), start + int(stretch.argmax())


def downsample(x: Array, y: Array, n: int = 1000) -> tuple[Array, Array]:
    """At most about n points of a curve; each bucket keeps its lowest and its highest point, so that spikes stay.

    Non-finite values are left out. x and y are (k,); the result keeps the order of x.
    """
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(y) <= n:
        return x, y
    edges = np.linspace(0, len(y), max(1, n // 2) + 1).astype(int)
    kept = {0, len(y) - 1}
    for start, stop in pairwise(edges):
        kept.update(extremes(y, start, stop))
    index = np.array(sorted(kept))
    return x[index], y[index]


def smooth(y: Array, weight: float) -> Array:
    """Exponential moving average of y (k,) with bias correction; `weight` in [0, 1) is how much of the past is kept."""
    out = np.empty(len(y))
    total = norm = 0.0
    for i, value in enumerate(y):
        total = weight * total + (1 - weight) * value
        norm = weight * norm + (1 - weight)
        out[i] = total / norm
    return out
