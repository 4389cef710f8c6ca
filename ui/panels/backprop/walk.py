"""The page Backprop: one training step of the network, or of weights that are given, walked stage by stage."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nn_core.explain.walkthrough.step import Step
from nn_core.nn.network import outline
from nn_core.runs import OUTLINED
from ui import session
from ui.panels.backprop import filter_picture, picture
from ui.panels.backprop.batch import Batch, choose_batch
from ui.panels.backprop.follow import follow
from ui.panels.backprop.given import given_step
from ui.panels.backprop.stages import SECONDS, plays, show_stages
from ui.panels.backprop.trials import change_weight, check
from ui.panels.backprop.weight import SECTION
from ui.panels.empty_state import example
from ui.panels.gallery import switch
from ui.session.walking import Walked, newer_step, training_step, walk_newest, walked
from ui.words import plain

WHOSE = {"network": "The network", "given": "Start from weights I give"}
SECTIONS = {"follow": "Follow one weight", "change": "Change this weight", "check": "Check the gradients"}
TOO_LARGE = "The loss of this step is too large for a number. "


def page() -> None:
    """The walk, drawn again by itself while it plays."""
    example()
    session.live("The held step", _held)
    playing = plays()

    def drawing() -> None:
        with session.guard("The training step"):
            _draw()
        if plays() != playing:
            st.rerun()

    st.fragment(drawing, run_every=SECONDS if playing else None)()


def _draw() -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        whose = switch("Whose step", WHOSE, key="backprop-whose")
    step = given_step() if whose == "given" else _own_step(row)
    if step is None:
        return
    if not _is_finite(step):
        st.info(TOO_LARGE + "Take smaller weights or another step of the time machine.")
        return
    picture.take_click(step)
    filter_picture.take_click(step)
    show_stages(step)
    st.subheader("Look closer", anchor="look-closer")
    chosen = switch("Look closer", SECTIONS, key=SECTION)
    {"follow": follow, "change": change_weight, "check": check}[chosen](step)


def _own_step(row: DeltaGenerator) -> Step | None:
    """The step of the run, or of the network that comes with Glassnet; None where there is neither."""
    of = walked()
    if of is None:
        st.info("Train a network, and its steps are walked here.")
        return None
    batch = choose_batch(row)
    step = training_step(of, batch.images, batch.labels)
    _about(of, step, batch)
    return step


def _is_finite(step: Step) -> bool:
    numbers = [step.data_loss + step.penalty, *(float(np.abs(values).max()) for values in step.after.values())]
    return bool(np.isfinite(numbers).all())


def _about(of: Walked, step: Step, batch: Batch) -> None:
    """Which network it is, at which step, and what it learns from."""
    dropout = " Dropout is left out: every unit takes part." if of.config.dropout else ""
    named = f"**{plain(outline(of.config))}** {plain(session.when(str(of.key[0]), of.step))}"
    settings, loss = plain(of.config.title(OUTLINED)), step.data_loss + step.penalty
    st.caption(f"{named}, {settings}. {batch.about} Loss {loss:.6g}. {of.about}{dropout}")


def _held() -> None:
    """While the run trains on: that this page stands still, at which step, and a button that takes the newest."""
    of = None if session.widget_value("backprop-whose") == "given" else walked()
    newer = newer_step(of) if of is not None else None
    if of is None or newer is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="backprop-held"):
        st.markdown(
            f":blue-badge[held at step {of.step:,}] It trains on, at step {newer:,} now; this page stands still.",
            width="content",
        )
        if st.button("Take the newest step", icon=":material/refresh:", key="backprop-newest"):
            walk_newest()
            st.rerun()
