"""Deleted runs: undo of the last deletion, and the trash, which is emptied only by hand."""

from __future__ import annotations

import streamlit as st

from ui import session
from ui.words import plain


def throw(run_ids: list[str]) -> None:
    """Move runs to the trash, and offer to undo it."""
    titles = {run.id: run.title for run in session.runs()}
    deleted = session.delete_runs(run_ids)
    session.choose("deleted", {run_id: titles.get(run_id, run_id) for run_id in deleted})


def undo() -> None:
    """What was deleted last, with a button that brings it back."""
    deleted: dict[str, str] = session.chosen("deleted", {})
    if deleted:
        what = plain(next(iter(deleted.values()))) if len(deleted) == 1 else f"{len(deleted)} runs"
        st.markdown(f"Deleted **{what}**.", width="content")
        st.button(
            "Undo", icon=":material/undo:", key="undo-delete", on_click=_restore, args=(list(deleted),), type="tertiary"
        )


def popovers() -> None:
    """The trash, where there is anything in it."""
    thrown = session.in_trash()
    if thrown:
        with st.popover("Trash", icon=":material/delete:", type="tertiary"):
            many = "1 deleted run" if len(thrown) == 1 else f"{len(thrown)} deleted runs"
            st.markdown(f"{many}. The trash is never emptied by itself.")
            st.button("Bring back", key="restore-all", on_click=_restore, args=(thrown,), width="stretch")
            st.button("Remove for good", key="empty-trash", on_click=_empty, width="stretch")


def _restore(run_ids: list[str]) -> None:
    session.restore_runs(run_ids)
    session.choose("deleted", {})


def _empty() -> None:
    session.change_stored(lambda store: store.purge())
    session.choose("deleted", {})
