"""What the instruments of a run say at one step: a value, how healthy it is and why, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nn_core.config.run_config import RunConfig
from nn_core.explain.maps import hidden_layers
from nn_core.instruments.registry import INSTRUMENTS, WHOLE, Band, Instrument, State, is_measured
from nn_core.nn.network import shapes_of
from nn_core.training.history import Series

WORST_FIRST: tuple[State, ...] = ("broken", "watch", "fine")
NEVER_MEASURED = (
    "Nothing was measured of this run: an earlier version trained it, or it was trained with --instruments none. "
    "The next step is measured."
)


@dataclass(frozen=True)
class Reading:
    """One instrument on one layer ("" is the whole network). Without a value, `missing` says why."""

    instrument: Instrument
    layer: str
    value: float | None  # the median of the newest values, on which it is judged
    step: int  # of the newest one
    band: Band | None
    missing: str = ""

    @property
    def state(self) -> State | None:
        """How healthy it is; None where that is not judged."""
        return self.band.state if self.band else None

    @property
    def text(self) -> str:
        """The value in a few characters."""
        return "–" if self.value is None else self.instrument.format(self.value)

    def fix(self, config: RunConfig) -> Mapping[str, Any]:
        """The live settings that would mend it, where they differ from those of now."""
        found = self.band.fix(config) if self.band and self.band.fix else {}
        return {name: value for name, value in found.items() if getattr(config, name) != value}


def readings(
    each: Instrument, config: RunConfig, series: Mapping[str, Series], off: Mapping[str, str], step: int | None = None
) -> dict[str, Reading]:
    """An instrument's readings by layer, at a step or as they are now; "" alone where it has none."""
    found = each.series(series)
    if step is not None:
        found = {layer: cut for layer, one in found.items() if len(cut := one.until(step))}
    if each.name in off or not found:
        return {WHOLE: Reading(each, WHOLE, None, 0, None, off.get(each.name) or why_missing(each, config, series))}
    bands = each.judge(found)
    return {
        layer: Reading(each, layer, each.newest(one), int(one.step[-1]), bands.get(layer))
        for layer, one in found.items()
    }


def why_missing(each: Instrument, config: RunConfig, series: Mapping[str, Series]) -> str:
    """Why a run has no values of an instrument, in a sentence."""
    if reason := each.serves(config):
        return reason
    return "It has not been measured yet." if any(map(is_measured, series)) else NEVER_MEASURED


def most_urgent(found: Mapping[str, Mapping[str, Reading]]) -> Reading | None:
    """Of the readings by instrument and layer one that is not fine, the worst first; None where all is well."""
    all_of_them = [one for of_instrument in found.values() for one in of_instrument.values()]
    worst = sorted((one for one in all_of_them if one.state), key=lambda one: WORST_FIRST.index(one.state or "fine"))
    return worst[0] if worst and worst[0].state != "fine" else None


def layer_titles(config: RunConfig) -> dict[str, str]:
    """Layer -> what pages call it: "Hidden layer 1", "Block 2", "Output"."""
    names = [name.removesuffix(".W") for name in shapes_of(config) if name.endswith(".W")]
    titles = [layer.title for layer in hidden_layers(config)]
    return dict(zip(names, [*titles, "Output"], strict=True))


def vital() -> list[Instrument]:
    """The vital instruments: those of the whole network first, then those of its layers, the gauge before all."""
    return sorted(
        (each for each in INSTRUMENTS.values() if each.cost == "vital"),
        key=lambda each: (each.scale is None, each.order),
    )
