"""A shared server: what this visitor has of it, the queue, the owner's key. Nothing where one person works alone."""

from __future__ import annotations

import streamlit as st

from ui import session
from ui.words import Markdown

KEY = "owner-key"


def visitors() -> None:
    """A popover in the sidebar."""
    found = session.standing()
    if found is None:
        return
    label = "Shared server: owner" if found.is_owner else "Shared server"
    with st.popover(label, icon=":material/group:", width="stretch", help="What is yours, and how long the queue is."):
        st.markdown(_yours(found))
        st.markdown(_queue(found))
        if found.is_owner:
            st.button("Be a visitor again", key="leave-key", on_click=session.leave_key)
        elif found.has_key:
            st.text_input("Owner's key", type="password", key=KEY, max_chars=200)
            st.button("Open all runs", key="show-key", on_click=_show)


def _yours(found: session.Standing) -> Markdown:
    if found.is_owner:
        return "All runs of this server are listed under Runs, and obey you."
    limits = found.limits
    return (
        f"Yours, kept by a cookie of this browser: {found.n_runs:,} of {limits.runs_each:,} runs, "
        f"{found.megabytes:,.0f} of {limits.disk_each:,} MB. Others see a run of yours by its link alone, and can "
        "branch from it, but not change it."
    )


def _queue(found: session.Standing) -> Markdown:
    own = ", ".join(f"{number:,}" for number in found.own_numbers)
    yours = f" (yours: number {own})" if own else ""
    return (
        f"Training: {found.training:,} of {found.places:,} places taken, {found.waiting:,} waiting{yours}.  \n"
        f"Workers of searches: {found.working:,} of {found.limits.workers:,}, {found.workers_waiting:,} waiting."
    )


def _show() -> None:
    session.show_key(session.widget_value(KEY) or "")
