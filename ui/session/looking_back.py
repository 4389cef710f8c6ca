"""The frame that this visitor looks back at, and the settings of the branch that would begin there."""

from __future__ import annotations

import streamlit as st

from nn_core import RunConfig
from nn_core.training import Frame


def frame_looked_at() -> Frame | None:
    """The chosen frame. It is held here, so that a film that is thinned meanwhile does not take it away."""
    run_id, frame = st.session_state.get("looked at", (None, None))
    return frame if run_id is not None and run_id == st.session_state.get("run") else None


def is_looking_back() -> bool:
    """Whether the pages show the run as it was at an earlier step."""
    return frame_looked_at() is not None


def begin_look(run_id: str, frame: Frame, then: RunConfig, draft: RunConfig) -> None:
    """Look at a frame of a run; `then` are its settings at that step, `draft` those of the branch from there."""
    st.session_state["looked at"] = (run_id, frame)
    keep_branch_draft(then, draft)


def end_look() -> None:
    """Show the run as it is now; the sidebar is the run's again."""
    st.session_state.pop("looked at", None)
    st.session_state.pop("branch draft", None)


def branch_draft() -> tuple[RunConfig, RunConfig]:
    """The settings of the run at the step that is looked at, and those of the branch that would begin there."""
    drafts: tuple[RunConfig, RunConfig] = st.session_state["branch draft"]
    return drafts


def keep_branch_draft(then: RunConfig, config: RunConfig) -> None:
    """Keep both."""
    st.session_state["branch draft"] = (then, config)
