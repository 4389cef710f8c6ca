"""Evaluate: how well the chosen split is read, how sure one may be of that, and the very images behind every number."""

import streamlit as st

from ui import session
from ui.panels.empty_state import example
from ui.panels.evaluate.confidence import confidence_view
from ui.panels.evaluate.errors import errors_view
from ui.panels.evaluate.matrix import matrix_view
from ui.panels.evaluate.menu import choose_beside
from ui.panels.evaluate.place import Place
from ui.panels.evaluate.robustness import robustness_view
from ui.panels.evaluate.summary import summary
from ui.panels.gallery import switch

VIEWS = {"matrix": matrix_view, "errors": errors_view, "confidence": confidence_view, "robustness": robustness_view}


def evaluation() -> None:
    """The choices, the figures of the split, and one view of it."""
    with st.container(horizontal=True):
        view = switch("View", {name: name.capitalize() for name in VIEWS}, key="evaluate-view")
        what = switch("Split", session.what_to_evaluate(), key="evaluate-split")
    reading = session.reading(what)
    if reading is None:
        return
    left, right = st.columns([3.2, 1], vertical_alignment="top")
    with right:
        beside = session.beside(choose_beside(), reading.split)
    at = Place(session.dataset(), reading, beside)
    with left:
        summary(at)
    VIEWS[view](at)


example()
session.live("The evaluation", evaluation)
