"""One weight followed: its way there, its chain of products, its update."""

from __future__ import annotations

import streamlit as st

from nn_core.explain.walkthrough.chain import chain, forward_lines
from nn_core.explain.walkthrough.step import Step
from nn_core.explain.walkthrough.update import update_lines
from ui.panels.backprop import filter_picture
from ui.panels.backprop.weight import choose_weight, show


def follow(step: Step) -> None:
    """The weight's way there, back and through the update, in lines that multiply out."""
    name, index = choose_weight(step)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**There:** what it adds to")
        for line in forward_lines(step, name, index, 0):
            show(line)
    with right:
        filter_picture.draw(step)
        st.markdown("**Back:** its gradient, factor by factor, up to the loss")
        for line in chain(step, name, index):
            show(line)
    with left:
        st.markdown("**The update:** from gradient to new weight")
        for line in update_lines(step, name, index):
            show(line)
    st.caption(
        "All in float64. Each number is shown with as many digits as the result needs: multiply what you see, and you "
        "get what you see. A number that comes back in a later line may be shown with more of its digits."
    )
