"""An instrument's values over time, on one of the axes of the curves."""

from __future__ import annotations

from typing import Any

from nn_core.instruments.readings import layer_titles
from nn_core.instruments.registry import Instrument
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.charts.instruments import instrument_curves
from ui.components.live_plot import live_plot
from ui.panels import ghost


def over_time(each: Instrument, shot: Snapshot, axis: Axis, *, key: str, height: int, **options: Any) -> None:
    """Its curves, with the ghost's dashed behind and the mark of the step that is looked at.

    `options` are those of `ui.charts.instruments.instrument_curves`.
    """
    pinned = ghost.behind(shot)
    figure = instrument_curves(
        each,
        shot.series,
        titles=layer_titles(shot.config),
        x=axis,
        edits=shot.edits,
        cursor=session.looked_at_step(),
        frames=session.earlier_steps(),
        ghost=session.series_of(pinned) if pinned is not None else None,
        dark=session.is_dark(),
        **options,
    )
    live_plot(figure, key=key, height=height)
