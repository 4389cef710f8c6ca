"""How curves are drawn: the widgets that pages with charts of loss and accuracy share."""

from __future__ import annotations

from collections.abc import Mapping

from streamlit.delta_generator import DeltaGenerator

from nn_core.training import Axis
from ui.panels.gallery import switch

AXES: Mapping[str, str] = {
    "step": "steps",
    "epoch": "epochs",
    "images": "images",
    "seconds": "seconds",
    "lr_step": "lr × step",
}
SMOOTHINGS = [0.0, 0.3, 0.6, 0.8, 0.9, 0.95]


def chart_options(
    against: DeltaGenerator, log: DeltaGenerator, smooth: DeltaGenerator, *, key: str
) -> tuple[Axis, bool, float]:
    """What the curves are drawn against, whether on a log axis, and how much they are smoothed.

    The widgets are put into the columns `against`, `log` and `smooth`; their keys begin with `key`.
    """
    with against:
        axis: Axis = switch("Horizontal axis", AXES, key=f"{key}-axis")
    log_y = log.toggle("Log axis", key=f"{key}-log", persist_state="session")
    smoothing = smooth.select_slider(
        "Smoothing",
        SMOOTHINGS,
        key=f"{key}-smoothing",
        persist_state="session",
        format_func=lambda weight: f"smoothing {weight:g}" if weight else "no smoothing",
        label_visibility="collapsed",
    )
    return axis, log_y, smoothing
