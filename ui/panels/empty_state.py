"""What stands in the place of a panel, or over it, while nothing is trained."""

from __future__ import annotations

import streamlit as st

from nn_core.nn.network import outline
from nn_core.runs import Run
from ui import session
from ui.words import Markdown, plain


def empty_state(what: Markdown) -> bool:
    """Where nothing is trained yet: says so, offers to train the settings of the sidebar, and returns True."""
    if session.snapshot() is not None:
        return False
    _line(f":gray-badge[no network yet] {what} appears here once one is trained.")
    return True


def example() -> None:
    """Where nothing is trained yet: says that the page shows the network that comes with Glassnet instead."""
    if session.snapshot() is not None:
        return
    shot = session.shown()
    if shot is None:
        empty_state("Your network")
        return
    name = f"the one that comes with Glassnet, **{plain(outline(shot.config))}**"
    _line(f":blue-badge[example] Until you train a network, this page shows {name}.")


def _line(sentence: Markdown) -> None:
    with st.container(key="verdict"), st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(sentence, width="content")
        st.space("stretch")
        train_button()


def train_button() -> None:
    """The one button of a page on which nothing is trained yet: it trains the settings of the sidebar."""
    config = session.draft()
    st.button(
        "Train a network",
        icon=":material/play_arrow:",
        type="primary",
        key="empty-train",
        on_click=session.command(Run.play),
        help=f"With the settings of the sidebar: {plain(config.title())}. It stops by itself after "
        f"{config.epochs:,} epochs; Pause stops it at any time.",
    )
