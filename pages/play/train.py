"""Train: curves, filters and the verdict, while it happens."""

from functools import partial
from typing import Literal

import numpy as np
import streamlit as st

from nn_core.explain.filters import first_filters
from nn_core.training.history import Axis
from ui import session
from ui.charts.curves import curves
from ui.components.live_plot import live_plot
from ui.panels import ghost, verdict
from ui.panels.empty_state import empty_state
from ui.panels.gallery import first_layer_words

AXES: dict[Axis, str] = {"step": "steps", "epoch": "epochs", "images": "images seen", "seconds": "seconds"}


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
    edits = shot.edits if shot else ()
    kinds: tuple[Literal["loss", "accuracy"], ...] = ("loss", "accuracy")
    for column, kind in zip(st.columns(2), kinds, strict=True):
        figure = curves(
            series,
            kind=kind,
            x=axis,
            log_y=log_y,
            smoothing=smoothing,
            edits=edits,
            cursor=session.looked_at_step(),
            frames=session.earlier_steps(),
            dark=session.is_dark(),
            **ghost.curves(pinned),
        )
        with column:
            key = f"curve-{kind}"
            live_plot(figure, key=key, height=285, on_undo=partial(session.undo_marked, key))


def filters() -> None:
    """The first layer's weights, one tile a unit; before there is a network, those that the settings would give."""
    shot = session.snapshot()
    W = first_filters(shot.weights) if shot else session.first_weights(session.draft())
    norms = np.linalg.norm(W, axis=0)
    config = shot.config if shot else session.draft()
    unit, units = first_layer_words(config)
    labels = [f"{unit} {at}: norm {norm:.2f}" for at, norm in enumerate(norms)]
    when = f"W1 at step {shot.step:,}" if shot else "W1 before any learning"
    beside_ghost = shot is not None and ghost.behind(shot) is not None
    title = (
        f"{when}, {W.shape[1]} {units}"
        if beside_ghost
        else f"What the {W.shape[1]} first-layer {units} look for ({when})"
    )
    aspect = 1.7 if beside_ghost else 3.6
    ghost.walls(shot, W, key="filters", height=285, title=title, labels=labels, aspect=aspect)


def chart_options() -> tuple[Axis, bool, float]:
    """What the curves are drawn against, whether on a log axis, and how much they are smoothed."""
    left, middle, right, last = st.columns([2.2, 0.8, 1.3, 0.8], vertical_alignment="center")
    axis = left.segmented_control(
        "Horizontal axis",
        list(AXES),
        format_func=AXES.__getitem__,
        default="step",
        key="axis",
        label_visibility="collapsed",
        persist_state="session",
    )
    log_y = middle.toggle("Log axis", key="log_y", persist_state="session")
    smoothing = right.select_slider(
        "Smoothing",
        [0.0, 0.3, 0.6, 0.8, 0.9, 0.95],
        key="smoothing",
        persist_state="session",
        format_func=lambda weight: f"smoothing {weight:g}" if weight else "no smoothing",
        label_visibility="collapsed",
    )
    with last:
        ghost.pin_button(session.snapshot())
    return axis or "step", log_y, smoothing


axis, log_y, smoothing = chart_options()
session.live("The curves", charts)
session.live("The filters", filters)
