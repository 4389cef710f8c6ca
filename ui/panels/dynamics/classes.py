"""Learning by class: a strip of colours a digit, in the order in which they were learned."""

from __future__ import annotations

import streamlit as st

from nn_core.instruments.registry import INSTRUMENTS
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.charts.dynamics import class_strip, learned_from
from ui.components.live_plot import live_plot
from ui.panels import ghost
from ui.panels.dynamics.panel import about, values_line
from ui.words import Markdown, plain


def draw(shot: Snapshot, axis: Axis) -> None:
    """The strip, and a sentence on which digits came first."""
    each = INSTRUMENTS["class_accuracy"]
    series = each.series(shot.series)
    if not series:
        values_line(each, shot)
        return
    names = session.dataset().class_names
    places = {label: learned_from(series[str(label)]) for label in range(len(names)) if str(label) in series}
    never = len(next(iter(series.values()))) + 1
    order = sorted(places, key=lambda label: (never if places[label] is None else places[label] or 0, label))
    pinned = ghost.behind(shot)
    st.caption(_sentence([names[at] for at in order], [places[at] for at in order]), help=about(each, shot.config))
    figure = class_strip(
        shot.series,
        names=names,
        order=order,
        x=axis,
        cursor=session.looked_at_step(),
        frames=session.earlier_steps(),
        edits=shot.edits,
        ghost=session.series_of(pinned) if pinned is not None else None,
        dark=session.is_dark(),
    )
    live_plot(figure, key="dynamics-classes", height=230)


def _sentence(names: list[str], places: list[int | None]) -> Markdown:
    learned = [plain(name) for name, place in zip(names, places, strict=True) if place is not None]
    rest = [plain(name) for name, place in zip(names, places, strict=True) if place is None]
    if not learned:
        return "No class is at 80 % accuracy yet."
    said = f"At 80 % accuracy or above, in the order learned: {', '.join(learned)}."
    return f"{said} Not yet: {', '.join(rest)}." if rest else said
