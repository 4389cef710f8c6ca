"""Weights: what each first-layer unit looks for, what it speaks for, and which images excite it most."""

import numpy as np
import streamlit as st

from nn_core.explain import ORDERS, class_votes, first_shifts, outgoing_weights, unit_order
from nn_core.filters import first_filters, hidden_sizes
from nn_core.runner import Snapshot
from ui import controls, figures, ghost, session, tiles
from ui.gallery import first_layer_words, next_layer_names, next_layer_words, outputs_words, switch, unit_name
from ui.live_plot import live_plot

N_EXCITING = 16


def filters() -> None:
    """The wall of all units at the left, the chosen one at the right."""
    shot = session.snapshot()
    if shot is None:
        return
    click = session.clicked("weights-wall")
    if click:
        session.choose("unit", int(click["z"]))
    unit = min(session.chosen("unit", 0), first_filters(shot.weights).shape[1] - 1)
    left, right = st.columns([1.45, 1])
    with left:
        wall(shot, unit)
    with right:
        detail(shot, unit)


def wall(shot: Snapshot, unit: int) -> None:
    """All filters in the chosen order, each over its outgoing weights."""
    W, outgoing = first_filters(shot.weights), outgoing_weights(shot.weights)
    sort, scale = st.columns([1.5, 1], vertical_alignment="center")
    with sort:
        order = switch("Sort the units", ORDERS, key="weights-order")
    own_scale = scale.toggle(
        "A scale for each tile",
        key="weights-own-scale",
        persist_state="session",
        help="Full colour is each filter's own largest weight, instead of one weight for all: faint filters show "
        "their form, but no longer how faint they are.",
    )
    norms, votes = np.linalg.norm(W, axis=0), class_votes(shot.weights).argmax(axis=1)
    speaks = [f", speaks most for {classes[vote]}" if outgoing is not None else "" for vote in votes]
    # while training and while looking back the order is kept, so that no tile runs away from the pointer
    live = session.live_snapshot() or shot
    key = (shot.run_id, order, None if live.is_training else live.step)
    sorted_at, units = session.steady("unit order", key, lambda: (shot.step, unit_order(shot.weights, order)))
    ghost.walls(
        shot,
        W,
        key="weights-wall",
        height=540,
        clickable=True,
        outgoing=outgoing,
        order=units,
        labels=[f"{unit_name(shot.config, at, classes)}: norm {norm:.2f}{speaks[at]}" for at, norm in enumerate(norms)],
        chosen=unit,
        shared_scale=not own_scale,
        aspect=0.6 if ghost.behind(shot) else 1.15,
        title=f"W1 at step {shot.step:,}, {ORDERS[order]}"
        + (f" (as of step {sorted_at:,})" if sorted_at != shot.step and order != "index" else ""),
    )
    largest = unit_name(shot.config, int(norms.argmax()), classes).lower()
    many = first_layer_words(shot.config)[1]
    text = f"{len(norms):,} {many}, norms from {norms.min():.2f} to {norms.max():.2f} ({largest})."
    if outgoing is not None and len(outgoing) <= tiles.MANY:
        text += f" Under each tile its weights to {next_layer_words(shot.weights, classes)}, from left to right."
    st.caption(text)


def detail(shot: Snapshot, unit: int) -> None:
    """One unit: its filter, its outgoing weights, and the validation images that excite it most."""
    W, outgoing, dark = first_filters(shot.weights), outgoing_weights(shot.weights), session.is_dark()
    session.show_in_widget("weights-unit", unit)
    picked, facts = st.columns([1, 1.6], vertical_alignment="center")
    picked.number_input(
        "Unit",
        0,
        W.shape[1] - 1,
        unit,
        key="weights-unit",
        icon=":material/tag:",
        label_visibility="collapsed",
        on_change=lambda: session.choose("unit", session.widget_value("weights-unit")),
    )
    w, shift = W[:, unit], float(first_shifts(shot.weights)[unit])
    normalized = "norm1.mean" in shot.weights
    facts.markdown(
        f"**{unit_name(shot.config, unit, classes)}**: norm {np.linalg.norm(w):.2f}, "
        f"{'shift' if normalized else 'bias'} {shift:z.3f}",
        help="Batch normalization takes the bias off: its own shift takes that place." if normalized else None,
    )
    own_scale = session.widget_value("weights-own-scale")
    limit = float(tiles.weight_limits(W, not own_scale)[unit])
    live_plot(figures.filter_detail(w, limit=limit, dark=dark, title="Weights"), key="weights-filter", height=310)
    if outgoing is not None:
        to = classes if len(hidden_sizes(shot.weights)) == 1 else next_layer_names(shot.weights)
        best = classes[class_votes(shot.weights)[unit].argmax()]
        linearly = ", taken linearly" if len(hidden_sizes(shot.weights)) > 1 else ""
        bars = figures.outgoing_bars(
            outgoing[unit],
            names=to,
            limit=float(np.abs(outgoing).max()),
            dark=dark,
            title="Outgoing weights: " + (f"speaks most for {best}{linearly}" if outgoing[unit].any() else "all zero"),
        )
        live_plot(bars, key="weights-outgoing", height=140)
    _exciting(shot, unit)


def _exciting(shot: Snapshot, unit: int) -> None:
    """The validation images on which a unit puts out most."""
    images, labels = session.dataset().split("val")
    found = session.strongest(session.reader("live"), 0, N_EXCITING)
    name = unit_name(shot.config, unit, classes)
    if found.dead[unit] and hidden_sizes(shot.weights):
        st.info(f"{name} is dead: it puts out 0 for all {len(labels):,} validation images.")
        return
    indices, values = found.images[unit], found.values[unit]
    captions = [
        f"Validation image {i:,}, labelled {classes[labels[i]]}: {value:z.2f}"
        for i, value in zip(indices, values, strict=True)
    ]
    title = f"Excite it most, of {len(labels):,} validation images"
    live_plot(
        figures.image_wall(images[indices], captions=captions, columns=8, title=title), key="weights-images", height=130
    )
    what = outputs_words(shot.weights)
    text = f"{what} from {values[-1]:.2f} to {values[0]:.2f}." if values[0] > values[-1] else "All images alike."
    st.caption(text)


if not controls.empty_state("What the units look for"):
    classes = session.dataset().class_names
    session.live("The weights", filters)
