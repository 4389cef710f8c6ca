"""The network that comes with Glassnet, in the place of a run that a page would show while there is none."""

from __future__ import annotations

import streamlit as st

from nn_core import load_shipped
from nn_core.nn.network import Network
from nn_core.runs import Snapshot
from ui.session.current import dataset
from ui.session.time_machine import snapshot

SHIPPED = "shipped"  # beside the ids of runs


@st.cache_resource(show_spinner=False)
def shipped_model() -> Network:
    """The network that comes with Glassnet; one copy for all visitors."""
    return load_shipped()


def shown() -> Snapshot | None:
    """What the pages look at: the run as `snapshot` gives it, and before there is one the shipped network.

    None where there is no run and the data set is not the one that the shipped network was trained on.
    """
    shot = snapshot()
    if shot is None and dataset().name == shipped_model().config.dataset:
        return _shipped_snapshot()
    return shot


@st.cache_resource(show_spinner=False)
def _shipped_snapshot() -> Snapshot:
    model = shipped_model()
    return Snapshot(
        run_id=SHIPPED,
        started_as=model.config,
        config=model.config,
        status="finished",
        message="",
        speed="full",
        step=0,
        epoch=0.0,
        images_seen=0,
        seconds=0.0,
        samples_per_second=0.0,
        weights=model.weights(),
        series={},
        edits=(),
        scores=None,
    )


def when(run_id: str, step: int) -> str:
    """Of which network, or of which step of it, a number or picture is: "at step 1,375"."""
    return "in the example network" if run_id == SHIPPED else f"at step {step:,}"
