"""Train: curves, filters and the verdict, while it happens."""

from functools import partial
from typing import Literal

import numpy as np
import streamlit as st

from nn_core.explain import first_filters
from ui import session
from ui.charts.curves import curves
from ui.components.live_plot import live_plot
from ui.panels import ghost, network_picture, verdict, vital_signs, welcome
from ui.panels.chart_options import chart_options
from ui.panels.empty_state import empty_state
from ui.panels.gallery import first_layer_words, switch

UNDER = {"filters": "filters", "network": "network", "vital": "vital signs"}


def charts() -> None:
    """The verdict, and under it loss and accuracy side by side."""
    shot = session.snapshot()
    if shot is None:
        empty_state("What it learns")
    else:
        verdict.show(shot)
    pinned = ghost.behind(shot)
    ghost.line(shot)
    series = shot.series if shot else {}
    edits, events = (shot.edits, shot.events) if shot else ((), ())
    kinds: tuple[Literal["loss", "accuracy"], ...] = ("loss", "accuracy")
    for column, kind in zip(st.columns(2), kinds, strict=True):
        figure = curves(
            series,
            kind=kind,
            x=axis,
            log_y=log_y,
            smoothing=smoothing,
            edits=edits,
            events=events,
            cursor=session.looked_at_step(),
            frames=session.earlier_steps(),
            dark=session.is_dark(),
            sizes=shot.n_scored if shot else None,
            **ghost.curves(pinned),
        )
        with column:
            key = f"curve-{kind}"
            undo, look = partial(session.undo_marked, key), partial(session.look_marked, key)
            live_plot(figure, key=key, height=285, on_undo=undo, on_look=look)


def filters() -> None:
    """The first layer's weights, one tile a unit."""
    shot = session.snapshot()
    if shot is None:
        return
    W = first_filters(shot.weights)
    norms = np.linalg.norm(W, axis=0)
    unit, units = first_layer_words(shot.config)
    labels = [f"{unit} {at:,}: norm {norm:.2f}" for at, norm in enumerate(norms)]
    when = f"W1 at step {shot.step:,}"
    beside_ghost = ghost.behind(shot) is not None
    title = (
        f"{when}, {W.shape[1]:,} {units}"
        if beside_ghost
        else f"What the {W.shape[1]:,} first-layer {units} look for ({when})"
    )
    aspect = 1.7 if beside_ghost else 3.6
    ghost.walls(shot, W, key="filters", height=285, title=title, labels=labels, aspect=aspect)


def below() -> None:
    """What lies under the curves: the filters, the network as a picture, or the vital signs."""
    shot = session.snapshot()
    if shot is not None and shown == "vital":
        vital_signs.show(shot, axis)
    elif shot is not None and shown == "network":
        network_picture.show(shot, key="train-network", height=235)
    else:
        filters()


if session.snapshot() is None and session.ghost() is None:
    welcome.first_look()
else:
    left, middle, right, under, last = st.columns([2.6, 0.72, 0.8, 1.7, 0.85], vertical_alignment="center")
    axis, log_y, smoothing = chart_options(left, middle, right, key="train")
    with under:
        shown = switch("Under the curves", UNDER, key="train-under")
    with last:
        ghost.pin_button(session.snapshot())
    session.live("The curves", charts)
    session.live("The filters", below, every=0.5 if shown == "network" else 1.0)
