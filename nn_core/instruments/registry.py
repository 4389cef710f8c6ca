"""The instruments: what is measured of a training run, each declared once, in a file of its own in this package.

The declaration says what is measured and how often, the formula and its source, how to read it, which values are
healthy and what mends the others. It is all that recording, pages, the command line and the exports know.

Those that cost next to nothing are measured in every run. The others are measured under `train --instruments all`, and
in a run of the dashboard for as long as a page asks for them: it sends `Run.measure(names)` every few seconds, a
command like any other, and what is not asked for again is measured no more. So a panel that is closed costs nothing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nn_core.config.run_config import RunConfig
from nn_core.instruments.look import Look
from nn_core.instruments.remedies import proposed_lr
from nn_core.machine.numbers import percent
from nn_core.training.history import Series

State = Literal["fine", "watch", "broken"]
# measured in every run, and a vital sign; measured in every run; only where all are asked for, or this one by a page
Cost = Literal["vital", "light", "all"]
Needs = Literal["update", "pair", "scores", "network", "copy"]
Recorded = Literal["all", "vital", "none"]  # which instruments a run has
Values = Mapping[str, float]  # layer -> value; "" is the whole network. What is not defined at a step is left out
Remedy = Callable[[RunConfig], Mapping[str, Any]]

WHOLE = ""  # the network as a whole, in place of a layer's name
LINE = "line"  # what a value is to be compared with
MARK = "instruments/"  # how the names of their series begin
TAKEN = {"recording", "events"}  # names in a trainer's `instruments` that are no instrument's


@dataclass(frozen=True)
class Band:
    """The values from `start` up to the next band's start: how healthy they are, and in a sentence what they mean."""

    start: float
    state: State
    words: str
    fix: Remedy | None = None  # the live settings that mend it


@dataclass(frozen=True, eq=False)
class Instrument:
    """One thing that is measured.

    `needs` is what it looks at: an "update" (one every 50 steps, or once a second where `once_a_second`), a "pair" of
    successive ones (likewise), the "scores" (whenever the network is scored), the "network" as it stands (once a
    second), or a "copy" of it (in the background, for what takes long). `bands` ascend; they judge the median of the
    newest `judged_on` values, or, where `relative`, a layer's share of the largest layer's. An instrument whose values
    are not those of layers names its `parts`; the part "line" is drawn as one to compare with.
    """

    name: str
    label: str
    unit: str  # "share" (in [0, 1]) or, in words, what a value is a multiple of
    formula: str
    source: str
    reading: str
    check: str
    cost: Cost
    needs: Needs
    measure: Callable[[Look], Values]
    bands: Sequence[Band]
    judged_on: int
    relative: bool
    once_a_second: bool
    log: bool  # whether it is drawn on a logarithmic axis
    scale: tuple[float, float] | None  # the ends of the bar that it is shown as, or none
    order: int  # its place among the others, the smallest first
    serves: Callable[[RunConfig], str]  # "", or a sentence on why networks of these settings have no such thing
    parts: Mapping[str, str]  # part -> what it is called, "" being the value itself; empty where these are layers
    measured_on: Callable[
        [RunConfig], str
    ]  # the split and the number of images, in words; "" where that is no question

    def __repr__(self) -> str:
        return f"<Instrument {self.name}: {self.cost}, from the {self.needs}>"

    def titles(self, layers: Mapping[str, str]) -> Mapping[str, str]:
        """What its parts are called: those of its own, else the `layers` (layer -> title)."""
        return self.parts or layers

    def series_name(self, layer: str = WHOLE) -> str:
        """The series of a layer's values in a run's history."""
        return f"{MARK}{self.name}/{layer}" if layer else f"{MARK}{self.name}"

    def series(self, recorded: Mapping[str, Series]) -> dict[str, Series]:
        """Its series among those of a run, by layer."""
        found = {name: one for name, one in recorded.items() if name.startswith(MARK) and len(one)}
        split = {name: name.removeprefix(MARK).partition("/") for name in found}
        return {split[name][2]: one for name, one in found.items() if split[name][0] == self.name}

    def format(self, value: float) -> str:
        """A value as text: a share in percent, anything else with three digits."""
        if self.unit == "share":
            return percent(value)
        if 1000 <= abs(value) < 1e7:
            return f"{float(f'{value:.3g}'):,.0f}"
        return f"{value:.2g}" if value and not 0.01 <= abs(value) < 1000 else f"{value:.3g}"

    def newest(self, one: Series) -> float:
        """The value that is shown and judged: the median of the newest of a series."""
        return statistics.median(one.value[-self.judged_on :].tolist())

    def judge(self, series: Mapping[str, Series]) -> dict[str, Band | None]:
        """For each layer of its `series` the band that its newest values lie in; None where there are no bands."""
        values = {layer: self.newest(one) for layer, one in series.items() if layer != LINE}
        if self.relative:
            largest = max(map(abs, values.values()), default=0.0)
            values = {layer: value / largest if largest else 0.0 for layer, value in values.items()}
        return {layer: self._band_of(value) for layer, value in values.items()}

    def _band_of(self, value: float) -> Band | None:
        return next((band for band in reversed(self.bands) if value >= band.start), None)


INSTRUMENTS: dict[str, Instrument] = {}
NO_PARTS: Mapping[str, str] = {}


def _no_words(config: RunConfig) -> str:
    return ""


def instrument(
    name: str,
    *,
    label: str,
    formula: str,
    source: str,
    reading: str,
    check: str,
    needs: Needs,
    unit: str = "",
    cost: Cost = "vital",
    bands: Sequence[Band] = (),
    judged_on: int = 1,
    relative: bool = False,
    once_a_second: bool = True,
    log: bool = False,
    scale: tuple[float, float] | None = None,
    order: int = 100,
    serves: Callable[[RunConfig], str] = _no_words,
    parts: Mapping[str, str] = NO_PARTS,
    measured_on: Callable[[RunConfig], str] = _no_words,
) -> Callable[[Callable[[Look], Values]], Callable[[Look], Values]]:
    """Decorator: register a function that measures as an instrument; see `Instrument`."""
    if not name.isidentifier() or name in TAKEN:
        raise ValueError(f"an instrument needs a name of letters, digits and _, got {name!r}")
    if [band.start for band in bands] != sorted(band.start for band in bands):
        raise ValueError(f"the bands of {name} must ascend")

    def add(measure: Callable[[Look], Values]) -> Callable[[Look], Values]:
        INSTRUMENTS[name] = Instrument(
            name=name,
            label=label,
            unit=unit,
            formula=formula,
            source=source,
            reading=reading,
            check=check,
            cost=cost,
            needs=needs,
            measure=measure,
            bands=bands,
            judged_on=judged_on,
            relative=relative,
            once_a_second=once_a_second,
            log=log,
            scale=scale,
            order=order,
            serves=serves,
            parts=parts,
            measured_on=measured_on,
        )
        return measure

    return add


def chosen(which: Recorded) -> list[Instrument]:
    """The instruments that a run has: "all", the "vital" ones and those that cost as little, or none."""
    if which == "none":
        return []
    return [each for each in INSTRUMENTS.values() if which == "all" or each.cost != "all"]


def last_values(recorded: Mapping[str, Series]) -> dict[str, Any]:
    """Instrument -> its newest value, or layer -> value where it has one for each layer. Only what was measured."""
    values: dict[str, Any] = {}
    for each in INSTRUMENTS.values():
        newest = {layer: one.last for layer, one in each.series(recorded).items()}
        if newest:
            values[each.name] = newest.get(WHOLE, newest)
    return values


def is_measured(name: str) -> bool:
    """Whether a series holds the values of an instrument."""
    return name.startswith(MARK)


def times(factor: float) -> Remedy:
    """A remedy: the learning rate times a factor, rounded to one digit and inside its range."""
    return lambda config: {"lr": proposed_lr(factor * config.lr)}


LOWEST = -math.inf
