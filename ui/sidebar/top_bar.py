"""The bar over every page: page links where the header has no room, Train and the accuracy where the sidebar is folded.

The style sheet ui/layout.css shows each part only where it is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.navigation.page import Page

from nn_core.runs import Snapshot
from ui import session
from ui.components.keyboard import keyboard
from ui.components.page_links import watch_page_links
from ui.components.presentation import presentation_button
from ui.components.tour import tour
from ui.panels import time_machine
from ui.panels.looking_at import looking_at
from ui.sidebar.transport import train_button
from ui.words import Html, accuracy_of, step_of, words_of


def top_bar(pages: Sequence[Page], page_name: str) -> None:
    """Page links, the main button, the accuracy and the time machine, in the page; the header's own buttons."""
    with st.container(key="header-tools", horizontal=True, vertical_alignment="center"):
        watch_page_links()
        tour(offer=session.comes_to_look_around())
        presentation_button()
        keyboard()
        looking_at(page_name)
    with st.container(key="page-links", horizontal=True, vertical_alignment="center"):
        for page in pages:
            st.page_link(page, label=page.title)
    with st.container(key="glance", horizontal=True, vertical_alignment="center"):
        train_button("bar-")
        if session.live_snapshot() is not None:
            with st.container(key="glance-machine"):
                time_machine.slider("bar-scrubber", whole=True)
        with st.container(width="content"):
            session.live("The accuracy", _glance)


def _glance() -> None:
    """The accuracy, large, and where the run stands."""
    shot = session.snapshot()
    st.html(glance(shot) if shot is not None else '<div class="glance"><span>No network yet</span></div>')


def glance(shot: Snapshot) -> Html:
    """The last score at or before the step that is looked at, as HTML."""
    doing = "looking back" if session.looked_at_step() is not None else words_of(shot.status).short
    return (
        f'<div class="glance"><b>{accuracy_of(shot)}</b><span>of the validation images read right<br>'
        f"epoch {shot.epoch:.1f} · {step_of(shot)} · {doing}</span></div>"
    )
