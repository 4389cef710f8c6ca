"""Weights: what each first-layer unit looks for and which images excite it most; all weights of every other layer."""

import numpy as np
import streamlit as st

from nn_core.explain import ORDERS, class_votes, first_filters, outgoing_weights, unit_order
from nn_core.runs import Snapshot
from ui import session
from ui.charts import tiles
from ui.panels import ghost
from ui.panels import unit as unit_panel
from ui.panels.empty_state import example
from ui.panels.gallery import first_layer_words, next_layer_words, switch, unit_name
from ui.panels.layer_weights import choose_layer, layer_names, layer_weights
from ui.texts import linked
from ui.words import plain


def filters() -> None:
    """Of the first layer the wall of all units at the left, the chosen one at the right; of another all its weights."""
    shot = session.shown()
    if shot is None:
        return
    layer = choose_layer(shot.weights)
    if layer != layer_names(shot.weights)[0]:
        layer_weights(shot, layer)
        return
    click = session.clicked("weights-wall")
    if click:
        session.choose("unit", int(click["z"]))
    unit = min(session.chosen("unit", 0), first_filters(shot.weights).shape[1] - 1)
    left, right = st.columns([1.45, 1])
    with left:
        wall(shot, unit)
    with right:
        unit_panel.detail(shot, unit)


def wall(shot: Snapshot, unit: int) -> None:
    """All filters in the chosen order, each over its outgoing weights."""
    W, outgoing = first_filters(shot.weights), outgoing_weights(shot.weights)
    sort, scale = st.columns([1.5, 1], vertical_alignment="center")
    with sort:
        order = switch("Sort the units", ORDERS, key="weights-order")
    own_scale = scale.toggle(
        "Scale per tile",
        key="weights-own-scale",
        persist_state="session",
        help=linked(
            "Full colour is each filter's own largest weight, instead of one weight for all: faint filters show "
            "their form, but no longer how faint they are."
        ),
    )
    norms, votes = np.linalg.norm(W, axis=0), class_votes(shot.weights).argmax(axis=1)
    speaks = [f", raises the score of {classes[vote]} most" if outgoing is not None else "" for vote in votes]
    # while training and while looking back the order is kept, so that no tile runs away from the pointer
    live = session.live_snapshot() or shot
    key = (shot.run_id, order, None if live.is_training else live.step)
    sorted_at, units = session.steady("unit order", key, lambda: (shot.step, unit_order(shot.weights, order)))
    of_run = None if shot.run_id == session.SHIPPED else shot  # a ghost stands behind a run alone
    ghost.walls(
        of_run,
        W,
        key="weights-wall",
        height=540,
        clickable=True,
        outgoing=outgoing,
        order=units,
        labels=[f"{unit_name(shot.config, at, classes)}: norm {norm:.2f}{speaks[at]}" for at, norm in enumerate(norms)],
        chosen=unit,
        shared_scale=not own_scale,
        aspect=0.6 if of_run and ghost.behind(of_run) else 1.15,
        title=f"W1 {session.when(shot.run_id, shot.step)}, {ORDERS[order]}"
        + (f" (as of step {sorted_at:,})" if sorted_at != shot.step and order != "index" else ""),
    )
    largest = plain(unit_name(shot.config, int(norms.argmax()), classes).lower())
    many = plain(first_layer_words(shot.config)[1])
    text = f"{len(norms):,} {many}, norms from {norms.min():.2f} to {norms.max():.2f} ({largest})."
    if outgoing is not None and len(outgoing) <= tiles.MANY:
        text += (
            f" Under each tile: its weights to {plain(next_layer_words(shot.weights, classes))}, from left to right."
        )
    st.caption(text + unit_panel.linearly(shot.weights))


example()
classes = session.dataset().class_names
session.live("The weights", filters)
