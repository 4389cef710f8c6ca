"""The tour of the first minute: a few sentences beside the real controls, which work all the while."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import streamlit as st

_HERE = Path(__file__)
_LOOKS = _HERE.with_name("header_button.css"), _HERE.with_suffix(".css")
_component = st.components.v2.component(
    "glassnet_tour",
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
    css="\n".join(path.read_text(encoding="utf-8") for path in _LOOKS),
)


class Step(NamedTuple):
    """One bubble: what it says, and the keys of the widgets beside which it may stand, the first that is seen."""

    title: str
    text: str
    beside: tuple[str, ...]


STEPS = (
    Step(
        "Press Train",
        "A network with random weights begins to learn, and you see it at once. Pause stops it at any time.",
        ("empty-train", "train", "pause", "bar-train", "bar-pause"),
    ),
    Step(
        "Change a setting while it learns",
        "Move the learning rate and watch the curves. Settings further down start a new network.",
        ("set-lr",),
    ),
    Step(
        "Go back in time",
        "Once it has learned for a moment, drag this slider: every page shows the network as it was at that step.",
        ("scrubber", "bar-scrubber"),
    ),
    Step(
        "Look at it from all sides",
        "Draw a digit for it, look at its weights, find its mistakes. All pages show the same network.",
        ("page-links", "navigation"),
    ),
)


def tour(offer: bool) -> None:
    """The header's button Tour; on the first visit of a browser the tour begins by itself, if `offer` then."""
    steps = [{"title": step.title, "text": step.text, "beside": list(step.beside)} for step in STEPS]
    _component(key="tour", data={"steps": steps, "offer": offer}, height="content", width="content")
