"""Sentences that stand at the top of the page until they are dismissed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.words import plain


def notify(sentence: str, about: str = "") -> None:
    """Say something (as plain text) at the top of the page until it is dismissed.

    With `about`, the name of a setting, it says why a value was refused: it replaces the last such sentence on that
    setting, and disappears with the next change of the settings.
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
    """Take back the sentences on refused values; called when the settings change."""
    for sentence in st.session_state.pop("refusals", {}).values():
        if sentence in _notices():
            _notices().remove(sentence)


def _notices() -> list[str]:
    notices: list[str] = st.session_state.setdefault("notices", [])
    return notices


def notice_board() -> Callable[[str], None]:
    """A `notify` for this visitor that any thread may call; the sentence shows when the page is drawn next."""
    notices = _notices()

    def pin(sentence: str) -> None:
        if sentence not in notices:
            notices.append(sentence)

    return pin


def show_notices() -> None:
    """The sentences, each with a button that dismisses it."""
    notices = _notices()
    for at, sentence in enumerate(notices):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(plain(sentence), icon=":material/info:")
            st.button(
                "Dismiss",
                icon=":material/close:",
                key=f"dismiss-{at}",
                on_click=notices.remove,
                args=(sentence,),
                type="tertiary",
            )
