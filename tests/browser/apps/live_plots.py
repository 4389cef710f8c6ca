"""Live charts alone: curves that grow by ten points a few times a second, and a matrix, a wall and a plain line."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from nn_core.training.history import Series
from ui.charts.curves import curves
from ui.charts.figure import make_figure
from ui.charts.matrix import confusion_matrix
from ui.charts.walls import tile_wall
from ui.components.live_plot import live_plot, warm_up
from ui.style import apply_style

COUNTS = np.full((10, 10), 3) + np.diag(np.arange(400, 500, 10))
WEIGHTS = np.random.default_rng(0).normal(0, 0.1, (784, 32))

st.set_page_config(layout="wide")
apply_style()
warm_up()
dark = st.context.theme.type == "dark"


def grown(n: int) -> dict[str, Series]:
    step = np.arange(n) * 25.0
    shape = np.exp(-np.arange(n) / 30)
    columns = {"train/loss": 0.1 + shape, "val/loss": 0.2 + shape}
    return {k: Series(k, np.stack([step, step / 430, step * 128, step / 2000, v], axis=1)) for k, v in columns.items()}


@st.fragment(run_every=0.3)
def growing_curves() -> None:
    ticks = st.session_state["ticks"] = st.session_state.get("ticks", 0) + 1
    figure = curves(grown(20 + 10 * ticks), kind="loss", dark=dark, sizes={"train": 5_000, "val": 5_000})
    event = live_plot(figure, key="curves", height=260, clickable=True)
    if event:
        st.session_state["curve click"] = event["name"]
    st.write(f"ticks {ticks}, curve {st.session_state.get('curve click', 'none')}")


def say(event: dict) -> None:
    st.write("clicked", json.dumps(event["customdata"]), "shift", event["shift"])


growing_curves()
line = {"type": "scatter", "x": [1, 2, 3], "y": [2, 1, 3]}
live_plot(make_figure([line], {"xaxis": {"title": {"text": "x"}}, "yaxis": {}}, "A line"), key="plain", height=90)
left, right = st.columns(2)
with left:
    live_plot(confusion_matrix(COUNTS, dark=dark, title="test"), key="matrix", height=330, on_click=say)
with right:
    if st.toggle("wall", value=True):
        event = live_plot(tile_wall(WEIGHTS, dark=dark), key="wall", height=200, clickable=True)
        st.write("unit", event["z"] if event else "none")
st.button("rerun")
