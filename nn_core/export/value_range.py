"""Which values of loss or accuracy a chart shows, on a page and on the run card: those that matter.

All curves are seen over at least nine tenths of the x axis, and their newest points always. The steep beginning and
single spikes, which would flatten everything else, are cut off; `excursions` tells how far they went.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from nn_core.machine.memory import Array

PLACES = 200  # on the x axis, at which all curves are looked at
CUT = {"loss": 0.05, "accuracy": 0.10}  # the share of the x axis over which a curve may leave the chart
FEW = 4  # points: with fewer, all of a curve is shown
FAR = 20.0  # times the usual loss of the best run: higher losses are not worth the room, however long they last
_FROM = (99.0, 98.0, 95.0, 90.0, 80.0, 0.0)  # where an axis of accuracy may begin, in %
_TO = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)  # times a power of ten: where one of loss may end
_ERROR_DOWN_TO = (50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.01)  # in %, where the error is on a log axis

Range = tuple[float, float]
Join = Callable[[Any, Any], Any]  # the higher or the lower of two


@dataclass(frozen=True)
class Line:
    """One curve: `at` its places along the x axis, ascending, and its values, accuracy in %; `run` tells runs apart."""

    run: str
    at: Array
    values: Array
    colour: str
    name: str


def loss_range(lines: Sequence[Line], end: float = math.inf, *, log: bool = False) -> Range | None:
    """The lowest and the highest loss to show, of what lies before `end`; None where there is no point yet."""
    runs = _run_by_run(lines, end, np.fmax, np.fmin)
    if not len(runs):
        return None
    usual = float(np.nanmedian(np.nanmin(runs, axis=0)))
    here = float(np.nanquantile(np.nanmax(runs, axis=0), 1 - CUT["loss"]))
    high = max(_newest(lines, max), min(here, FAR * usual), 1e-6)
    if not log:
        return 0.0, _round_up(1.05 * high)
    values = np.concatenate([line.values for line in lines])
    top = min(float(values.max()), 10 * high)
    return max(float(values.min()), 1e-5 * top) / 1.2, 1.2 * top


def accuracy_range(lines: Sequence[Line], end: float = math.inf, *, log: bool = False) -> Range:
    """The lowest and the highest accuracy to show, in %: from 0 until the curves are past 80 %, then from nearer.

    With `log`, which spaces it by the error, up to a round error below the least.
    """
    runs = _run_by_run(lines, end, np.fmin, np.fmax)
    least = 0.0
    if len(runs):
        here = float(np.nanquantile(np.nanmin(runs, axis=0), CUT["accuracy"]))
        least = max(0.0, min(here, _newest(lines, min)))
    low = next(start for start in _FROM if start <= least)
    if not log:
        return low, 100 + 0.01 * (100 - low)
    error = 100 - max((float(line.values.max()) for line in lines if len(line.values)), default=0.0)
    return low, 100 - next((least for least in _ERROR_DOWN_TO if least <= 0.9 * error), _ERROR_DOWN_TO[-1])


def _run_by_run(lines: Sequence[Line], end: float, join: Join, beside: Join) -> Array:
    """The curve of each run (the higher or lower of its two) at even places of the axis; NaN beyond its points.

    Shape (runs, up to PLACES). `beside` picks one of the two points beside each place, as `_along` says.
    """
    lines = [line for line in lines if len(line.at)]
    if not lines:
        return np.empty((0, 0))
    at = np.linspace(*extent(lines, end), PLACES)
    runs: dict[str, Array] = {}
    for line in lines:
        here = _along(line, at, beside)
        runs[line.run] = join(runs[line.run], here) if line.run in runs else here
    together = np.stack(list(runs.values()))
    return together[:, ~np.isnan(together).all(axis=0)]


def _along(line: Line, at: Array, beside: Join) -> Array:
    """A curve at the places `at`: a steep stretch between two points counts as the end that matters, not as a slope."""
    if len(line.at) < FEW:
        return np.interp(at, line.at, line.values, left=np.nan, right=np.nan)
    after = np.searchsorted(line.at, at).clip(1, len(line.at) - 1)
    inside = (at >= line.at[0]) & (at <= line.at[-1])
    return np.where(inside, beside(line.values[after - 1], line.values[after]), np.nan)


def extent(lines: Sequence[Line], end: float) -> Range:
    """Where the x axis begins and ends."""
    lines = [line for line in lines if len(line.at)]
    return min(float(line.at[0]) for line in lines), min(end, max(float(line.at[-1]) for line in lines))


def _newest(lines: Sequence[Line], of_a_run: Join) -> float:
    """The lowest of the runs' newest values, of each run the highest or lowest of its curves'."""
    newest: dict[str, float] = {}
    for line in lines:
        if len(line.values):
            value = float(line.values[-1])
            newest[line.run] = of_a_run(newest.get(line.run, value), value)
    return min(newest.values())


def _round_up(value: float) -> float:
    """The next round number, so that the axis stays as it is while the loss falls a little."""
    size = 10.0 ** math.floor(math.log10(value))
    return next(factor * size for factor in _TO if factor * size >= value)


# ---------------------------------------------------------------------------------------------- what lies beyond

MOST_MARKS = 3  # at the edges of a chart
_APART = 0.15  # of the x axis: of marks that are nearer to one another, the farthest is kept


@dataclass(frozen=True)
class Excursion:
    """Where a curve leaves the chart: `at` the place of its farthest `value`, and `back` where it is on it again."""

    at: float
    back: float
    value: float
    above: bool
    line: Line


def excursions(lines: Sequence[Line], shown: Range, end: float = math.inf) -> list[Excursion]:
    """Where curves leave what is shown; of many places the farthest, none near to another."""
    lines = [line for line in lines if len(line.at)]
    found = [each for line in lines for each in _of_one(line, shown, end)]
    if not found:
        return []
    first, last = extent(lines, end)
    return _farthest_apart(found, sum(shown) / 2, _APART * (last - first))


def _farthest_apart(found: Sequence[Excursion], middle: float, apart: float) -> list[Excursion]:
    """Those that are farthest from the middle of the chart, none nearer to another than `apart`."""
    kept: list[Excursion] = []
    for each in sorted(found, key=lambda each: abs(each.value - middle), reverse=True):
        near = [at for at, other in enumerate(kept) if abs(each.at - other.at) <= apart]
        for at in near:  # one mark for all curves that leave the chart here
            kept[at] = replace(kept[at], back=max(kept[at].back, each.back))
        if not near and len(kept) < MOST_MARKS:
            kept.append(each)
    return kept


def _of_one(line: Line, shown: Range, end: float) -> list[Excursion]:
    """The farthest point of each stretch of a curve that lies outside of what is shown."""
    side = np.where(line.values > shown[1], 1, np.where(line.values < shown[0], -1, 0)) * (line.at <= end)
    starts = np.flatnonzero(np.diff(side, prepend=0))
    found = []
    for start, stop in pairwise([*starts, len(side)]):
        if side[start]:
            farthest = start + int((line.values[start:stop] * side[start]).argmax())
            back = float(line.at[min(stop, len(side) - 1)])
            found.append(
                Excursion(float(line.at[farthest]), back, float(line.values[farthest]), bool(side[start] > 0), line)
            )
    return found
