"""Trying the gradient out: one weight moved by a slider, and a layer's gradients held against differences."""

from __future__ import annotations

import time

import numpy as np
import streamlit as st

from nn_core.explain.walkthrough.step import Step
from nn_core.explain.walkthrough.trials import MOST_CHECKED, Check, check_gradients, loss_at, move, probabilities_at
from ui import session
from ui.charts.arrays import error_picture, weight_curve
from ui.charts.bars import probability_bars
from ui.charts.figure import short_number
from ui.components.live_plot import live_plot
from ui.panels.backprop.picture import class_names
from ui.panels.backprop.weight import choose_weight, params
from ui.words import plain

CHECK_SECONDS = 6.0  # that a check may take; of a slow network fewer weights are checked
N_STOPS = 81  # of the slider
MOVING = "Moving each weight up and down"


def change_weight(step: Step) -> None:
    """A slider moves the weight; loss and probabilities follow, beside what the gradient predicts."""
    name, index = choose_weight(step)
    own = float(step.before[name][index])
    reach = float(np.ceil(max(1.0, 2 * abs(own))))
    key = f"backprop-move-{name}-{'-'.join(map(str, index))}"
    by = st.slider("Change this weight by", -reach, reach, 0.0, 2 * reach / (N_STOPS - 1), key=key, format="%+.3f")
    moved = session.steady("backprop-moved", (step, name, index), lambda: move(step, name, index, reach))
    loss, p = probabilities_at(step, name, index, own + by)
    left, right = st.columns([1.6, 1])
    with left:
        figure = weight_curve(moved, own=own, now=own + by, loss_now=loss, dark=session.is_dark())
        live_plot(figure, key="backprop-curve", height=320)
    with right:
        live_plot(
            probability_bars(p[0], names=class_names(step), dark=session.is_dark()),
            key="backprop-probabilities",
            height=300,
        )
    before, predicted = step.data_loss + step.penalty, step.data_loss + step.penalty + moved.slope * by
    st.caption(
        f"The weight {own:.6g} becomes {own + by:.6g}: the loss goes from {before:.6g} to {loss:.6g}. "
        f"The gradient {moved.slope:.6g} predicts {predicted:.6g}: right for small changes, wrong where it bends."
        f"{' The bars are those of the first image.' if step.m > 1 else ''}"
    )


def check(step: Step) -> None:
    """Backprop against central differences over the weights of one array."""
    names = params(step)
    name = st.selectbox("Gradients of", names, key=f"backprop-check-{'-'.join(names)}", width=220)
    pressed = st.button("Check the gradients", icon=":material/rule:", key="backprop-check", type="primary")
    found: Check | None = session.chosen("backprop-checked")
    if pressed:
        found = _check(step, name)
        session.choose("backprop-checked", found)
        session.choose("backprop-checked-step", step)
    if found is None or found.name != name or session.chosen("backprop-checked-step") is not step:
        st.caption(
            "Each weight is moved a little up and down; the loss must change as backprop says. Press the button."
        )
        return
    live_plot(error_picture(found, dark=session.is_dark()), key="backprop-errors", height=320)
    worst = found.worst
    place = ", ".join(map(str, worst))
    n = found.backprop.size
    of = f"{found.n_checked:,} of {n:,} gradients" if found.n_checked < n else f"all {n:,} gradients"
    st.markdown(
        f"Checked {of} in float64. The largest relative error is **{short_number(float(found.errors[worst]))}**, at "
        f"{plain(name)} [{plain(place)}]: backprop {found.backprop[worst]:.8g}, "
        f"central difference {found.numerical[worst]:.8g}."
    )
    st.caption(
        "Below 1e-5 they agree. At a kink (of ReLU, of max pooling) a difference over both sides may miss the slope."
    )


def _check(step: Step, name: str) -> Check:
    """The check with its progress; of a slow network fewer weights, and a press on Cancel ends it."""
    started = time.perf_counter()
    loss_at(step)
    once = time.perf_counter() - started
    most = int(np.clip(CHECK_SECONDS / (2 * once + 1e-6), 20, MOST_CHECKED))
    bar = st.progress(0.0, MOVING)
    cancel = st.empty()
    cancel.button("Cancel", icon=":material/close:", key="backprop-cancel")

    def moves(share: float) -> None:
        bar.progress(share, MOVING)

    try:
        return check_gradients(step, name, moves, most)
    finally:
        bar.empty()
        cancel.empty()
