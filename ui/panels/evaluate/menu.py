"""The menu of the networks that can stand beside the one on the page."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui import session

PICKED = "evaluate-beside"


def choose_beside() -> str:
    """The key of the network that is chosen; the ghost, where one is pinned and nothing else was chosen."""
    offered, shot, pinned = session.networks_beside(), session.snapshot(), session.ghost()
    key = f"{PICKED}-{shot.run_id if shot is not None else 'none'}-{pinned.id if pinned is not None else 'none'}"
    picked = session.chosen(PICKED)
    session.show_in_widget(key, picked if picked in offered else next(iter(offered)))
    return st.selectbox(
        "Compare with",
        list(offered),
        format_func=lambda network: offered.get(network, network),
        key=key,
        on_change=session.by_hand(key, partial(session.choose, PICKED)),
        label_visibility="collapsed",
        help="A second network, which reads the same images",
    )
