"""The titles of the two groups of settings: what a change would do, and the way back from the last one."""

from __future__ import annotations

import streamlit as st

from nn_core.config.run_config import setting
from nn_core.training import Edit
from ui import session
from ui.sidebar.settings import labels
from ui.words import Markdown, plain


def takes_effect_now() -> None:
    """The title of the live settings, and buttons that take the newest change back or make it again; of one height."""
    at = session.looked_at_step()
    with st.container(key="live-title", horizontal=True, vertical_alignment="center", gap="small"):
        if at is not None:
            st.markdown(
                f":orange[**For a branch from step {at:,}**]",
                width="content",
                help="While you look back, the settings are those of a branch that would begin at this step: "
                "**Branch** starts it. The run keeps the settings it was trained with.",
            )
            return
        st.markdown("**Takes effect now**", width="content")
        undo, redo = session.changes_to_undo_and_redo()
        if undo is not None:
            about = f"Back to {_told(undo, undo.old)}, as it was up to step {undo.step:,}."
            _button("Undo", "undo-live", undo, undo.old, about)
        if redo is not None:
            _button("Redo", "redo-live", redo, redo.new, f"{_told(redo, redo.new)} again.")


def _button(label: Markdown, key: str, edit: Edit, value: object, about: Markdown) -> None:
    icon = f":material/{label.lower()}:"
    st.button(
        label, icon=icon, key=key, on_click=session.set_back, args=(edit.setting, value), type="tertiary", help=about
    )


def _told(edit: Edit, value: object) -> Markdown:
    item = setting(edit.setting)
    return f"{item.label} {plain(item.written(value))}"


def new_network() -> None:
    """Says how many sliders are not those of the network on the page, and offers the way back; of one height."""
    own, pending, past = session.settings_on_page(), session.pending_changes(), session.looked_at_step() is not None
    with st.container(key="new-network-title", horizontal=True, vertical_alignment="center", gap="small"):
        title = ":orange[**For that branch too**]" if past else "**Starts a new network**"
        st.markdown(title, width="content")
        if own is None or not pending:
            return
        st.markdown(f":orange-badge[{len(pending)} changed]", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo-draft",
            on_click=session.set_draft,
            args=(own,),
            type="tertiary",
            help=f"Back to the settings of the network on the page. Changed: {labels(pending)}.",
        )
