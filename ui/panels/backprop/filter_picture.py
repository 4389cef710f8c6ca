"""The filter that the chosen weight belongs to: a click on one of its pixels chooses that weight."""

from __future__ import annotations

import streamlit as st

from nn_core.data.dataset import N_PIXELS
from nn_core.explain.walkthrough.back import Index
from nn_core.explain.walkthrough.step import Step
from nn_core.machine.memory import Array
from ui import session
from ui.charts.arrays import Laid, array_picture
from ui.components.live_plot import live_plot
from ui.panels.backprop.weight import pick, picked

KEY = "backprop-filter"


def take_click(step: Step) -> None:
    """Choose the weight whose pixel was clicked; call it before anything that shows what is chosen."""
    name, index = picked(step)
    found, click = _filter(step, name, index), session.clicked(KEY)
    if found is None or not click or click["x"] is None or click["y"] is None:
        return
    values, _ = found
    place = Laid(values).index(int(click["y"]), int(click["x"]))
    pick(name, (place[1], index[1]) if values.ndim == 2 else (*index[:2], *place[2:]))


def draw(step: Step) -> None:
    """The filter of the chosen weight, its pixel framed; nothing where its layer has no filters."""
    name, index = picked(step)
    found = _filter(step, name, index)
    if found is None:
        return
    values, place = found
    kernel = f"The kernel from map {index[1]:,} to map {index[0]:,}"
    title = f"The filter of unit {index[1]:,}" if values.ndim == 2 else kernel
    figure, _ = array_picture(values, chosen=place, dark=session.is_dark(), title=title)
    live_plot(figure, key=KEY, height=260, clickable=True)
    st.caption("Click a pixel to choose its weight.")


def _filter(step: Step, name: str, index: Index) -> tuple[Array, Index] | None:
    """The weights (1, 784) from all pixels into a unit, or the kernel (1, 1, K, K); and where the chosen one lies."""
    W = step.before[name]
    if W.ndim == 4:
        return W[index[0] : index[0] + 1, index[1] : index[1] + 1], (0, 0, *index[2:])
    if W.ndim == 2 and len(W) == N_PIXELS:
        return W[:, index[1]][None], (0, index[0])
    return None
