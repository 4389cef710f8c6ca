"""What a panel shows while no network has been trained."""

from __future__ import annotations

import streamlit as st

from nn_core.config.run_config import RunConfig
from nn_core.runs.run import Run
from nn_core.runs.snapshot import Snapshot
from ui import session
from ui.words import plain


def empty_state(what: str) -> bool:
    """Where no network is trained yet, says so, offers to train one, and returns True; `what` will appear here."""
    shot: Snapshot | None = session.snapshot()
    if shot is not None:
        return False
    with st.container(key="verdict"), st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":gray-badge[no network yet] {what} appears here once one is trained.", width="content")
        st.space("stretch")
        chosen = session.draft() != RunConfig()
        if chosen:
            st.button(
                "Train these settings",
                icon=":material/play_arrow:",
                type="primary",
                key="empty-train",
                on_click=session.command(Run.play),
                help=f"Those of the sidebar: {plain(session.draft().title())}.",
            )
        st.button(
            "Train the quick network",
            icon=None if chosen else ":material/play_arrow:",
            type="secondary" if chosen else "primary",
            key="empty-quick",
            on_click=session.train_preset,
            args=("quick",),
        )
    return True
