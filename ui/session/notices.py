"""Sentences that stand at the top of the page until they are dismissed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def notify(sentence: str) -> None:
    """Say something at the top of the page until it is dismissed."""
    notices: list[str] = st.session_state.setdefault("notices", [])
    if sentence not in notices:
        notices.append(sentence)


def notice_board() -> Callable[[str], None]:
    """`notify` for this visitor from a thread that Streamlit knows nothing of; it shows at the next drawing."""
    notices: list[str] = st.session_state.setdefault("notices", [])

    def pin(sentence: str) -> None:
        if sentence not in notices:
            notices.append(sentence)

    return pin


def show_notices() -> None:
    """The sentences that wait to be read, each with a button that takes it away."""
    notices: list[str] = st.session_state.setdefault("notices", [])
    for at, sentence in enumerate(notices):
        text, button = st.columns([12, 1], vertical_alignment="center")
        text.warning(sentence, icon=":material/info:")
        button.button("Dismiss", key=f"dismiss-{at}", on_click=notices.remove, args=(sentence,), type="tertiary")
