"""Sentences that stand at the top of the page until they are dismissed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def notify(sentence: str, about: str = "") -> None:
    """Say something at the top of the page until it is dismissed.

    One that refuses a value of the setting `about` takes the place of the last one on it, and goes with the next change
    of the settings.
    """
    notices = _notices()
    refusals: dict[str, str] = st.session_state.setdefault("refusals", {})
    if about:
        if refusals.get(about) in notices:
            notices.remove(refusals[about])
        refusals[about] = sentence
    if sentence not in notices:
        notices.append(sentence)


def forget_refusals() -> None:
    """The settings have changed: what was said of values that they could not take is no longer to the point."""
    for sentence in st.session_state.pop("refusals", {}).values():
        if sentence in _notices():
            _notices().remove(sentence)


def _notices() -> list[str]:
    notices: list[str] = st.session_state.setdefault("notices", [])
    return notices


def notice_board() -> Callable[[str], None]:
    """`notify` for this visitor from a thread that Streamlit knows nothing of; it shows at the next drawing."""
    notices = _notices()

    def pin(sentence: str) -> None:
        if sentence not in notices:
            notices.append(sentence)

    return pin


def show_notices() -> None:
    """The sentences that wait to be read, each with a button that takes it away."""
    notices = _notices()
    for at, sentence in enumerate(notices):
        text, button = st.columns([12, 1], vertical_alignment="center")
        text.warning(sentence, icon=":material/info:")
        button.button("Dismiss", key=f"dismiss-{at}", on_click=notices.remove, args=(sentence,), type="tertiary")
