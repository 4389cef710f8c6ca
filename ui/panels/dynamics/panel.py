"""One panel of the Dynamics page: it opens and closes by itself, and says what it shows, from where, or why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from nn_core.config import RunConfig
from nn_core.instruments.readings import NEVER_MEASURED, Reading, layer_titles, readings
from nn_core.instruments.registry import INSTRUMENTS, LINE, WHOLE, Instrument, is_measured
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.panels.vital_signs import SIGNS
from ui.texts import linked
from ui.words import Markdown, plain

OPENED = "dynamics-open"  # what a visitor has opened and closed: panel -> whether it is open
TICK_SECONDS = 1.5  # between two drawings of a panel; there may be twenty of them
MOST_VALUES = 6  # in one line
COSTS = {
    "copy": "while this panel is open, in the background on a copy of the network",
    "pair": "while this panel is open, about every 50 steps",
    "scores": "in every run, whenever the network is scored",
    "update": "in every run, about every 50 steps",
    "network": "in every run, once a second",
}


@dataclass(frozen=True)
class Panel:
    """A panel: its name, its title, what draws it, and whether it is open until a visitor closes it."""

    name: str
    title: str
    draw: Callable[[Snapshot, Axis], None]
    is_open: bool = False
    is_wide: bool = False
    is_busy: Callable[[], bool] = lambda: False  # whether it goes on drawing though the run rests


def show(panel: Panel, axis: Axis) -> None:
    """Draw a panel, by itself and live while it is open."""
    key = f"dynamics-panel-{panel.name}"

    def opened() -> bool:
        return bool(session.chosen(OPENED, {}).get(panel.name, panel.is_open))

    def toggled() -> None:
        session.choose(OPENED, {**session.chosen(OPENED, {}), panel.name: bool(session.widget_value(key))})

    def draw() -> None:
        box = st.expander(plain(panel.title), expanded=opened(), key=key, on_change=toggled)
        shot = session.snapshot()
        if box.open and shot is not None:
            with box:
                panel.draw(shot, axis)

    def goes_on() -> bool:
        return opened() and (session.trains() or panel.is_busy())

    session.live(panel.title, draw, goes_on, every=TICK_SECONDS)


# ---------------------------------------------------------------------------------------------- words


def about(each: Instrument, config: RunConfig) -> Markdown:
    """How to read an instrument, its formula, its source, what it costs and what it is checked against."""
    on = each.measured_on(config)
    when = COSTS[each.needs] + (f", on {on}" if on else "")
    return (
        f"{linked(plain(each.reading))}\n\n$${each.formula}$$\n\nSource: {plain(each.source)}.\n\n"
        f"Measured {plain(when)}. Checked against: {plain(each.check)}"
    )


def values_line(each: Instrument, shot: Snapshot, more: Markdown = "") -> bool:
    """The newest values with their state, `more` words, and how to read them; whether there is a value.

    Where there is none, says why, and what would bring one.
    """
    step, own = session.looked_at_step(), each.series(shot.series)
    found = readings(each, shot.config, shot.series, shot.switched_off, step)
    layers = each.titles(layer_titles(shot.config))
    values = [one for layer, one in found.items() if one.value is not None and layer != LINE]
    if not values:
        is_there = bool(own) and each.name not in shot.switched_off
        early = "It was first measured after the step that is shown here."
        st.info(early if is_there else plain(why_not(each, shot)))
        return is_there
    words = [_value_words(one, layers.get(one.layer, "")) for one in values[:MOST_VALUES]]
    left = f" · and {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else ""
    unit = f" {plain(each.unit)}" if each.unit not in ("", "share") else ""
    st.caption(f"{' · '.join(words)}{left}{unit}. {more}", help=about(each, shot.config))
    return True


def _value_words(one: Reading, title: str) -> Markdown:
    state = "" if one.state is None else f" {plain(SIGNS[one.state])}"
    return f"{plain(title)} **{plain(one.text)}**{state}".strip()


def why_not(each: Instrument, shot: Snapshot) -> str:
    """Why a run has no values of an instrument, and what would bring them, in a sentence or two."""
    if each.name in shot.switched_off:
        return f"{each.label} is {shot.switched_off[each.name][0].lower()}{shot.switched_off[each.name][1:]}"
    if reason := each.serves(shot.config):
        return reason
    if not shot.step:
        return "It is measured as soon as the run trains."
    if shot.is_training or shot.is_measured:
        return "It is being measured; the first value comes in a moment."
    if shot.status == "elsewhere":
        return "Another program trains this run, and does not measure it."
    if each.cost == "all" and not session.may_change(shot.run_id):
        return "It is measured only while the owner of the run has a panel open."
    if each.cost == "all" and each.needs != "copy":
        return "It looks at steps while they are made: press Train, or Step, with this panel open."
    if each.cost == "all":
        return "It has no value at this step. Train, or make a step, with this panel open."
    if any(map(is_measured, shot.series)):
        return "An earlier version of Glassnet trained this run, without this measurement. Train on to measure it."
    return NEVER_MEASURED


def instrument(name: str) -> Instrument:
    """One of the registered instruments, by name."""
    return INSTRUMENTS[name]


def newest(each: Instrument, shot: Snapshot, part: str = WHOLE) -> float | None:
    """The value of a part that is shown, at the step that is looked at; None where there is none."""
    step = session.looked_at_step()
    one = readings(each, shot.config, shot.series, shot.switched_off, step).get(part)
    return one.value if one is not None else None
