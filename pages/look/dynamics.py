"""Dynamics: what training does to the network while it does it; a panel an instrument, over the course of the run."""

import streamlit as st

from ui import session
from ui.panels import ghost
from ui.panels.chart_options import AXES
from ui.panels.dynamics.panel import show
from ui.panels.dynamics.panels import panels
from ui.panels.empty_state import empty_state
from ui.panels.gallery import switch

if not empty_state("What training does to your network, step by step,"):
    shot = session.snapshot()
    assert shot is not None
    left, right = st.columns([2.4, 1], vertical_alignment="center")
    with left:
        axis = switch("Horizontal axis", AXES, key="dynamics-axis")
    with right:
        ghost.pin_button(shot)
    ghost.line(shot)
    all_panels = panels(shot.config)
    columns = st.columns(2)
    for number, panel in enumerate(each for each in all_panels if not each.is_wide):
        with columns[number % 2]:
            show(panel, axis)
    for panel in all_panels:
        if panel.is_wide:
            show(panel, axis)
