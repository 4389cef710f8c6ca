"""The time machine's slider over the kept frames of a run: a Streamlit component that moves at once and can play.

`st.slider` waits some 200 ms before it tells of a move, and cannot play.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from nn_core.runs import Snapshot
from ui.charts.curve_axes import edit_text

_component = st.components.v2.component(
    "glassnet_scrubber",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    css=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
)


def scrubber(
    live: Snapshot | None,
    at: int | None,
    *,
    serial: int,
    key: str,
    whole: bool,
    on_look: Callable[[], None],
    on_branch: Callable[[], None],
) -> None:
    """Draw the slider for the run `live`, looked at as of step `at` (None: now).

    Before the next run of the script, `on_look` or `on_branch` is called; the session state of `key` then holds as
    "look" {"step", "serial"} (step None: now), or as "branch" {"step"}. The serial of the last look that was followed
    must be given back as `serial`. Of several sliders on a page one should stand outside of any fragment, and say so
    with `whole`: then all are heard through it.
    """
    message = {**_message(live, at, serial), "whole": whole}
    _component(key=key, data=message, on_look_change=on_look, on_branch_change=on_branch)


def _message(live: Snapshot | None, at: int | None, serial: int) -> dict[str, Any]:
    """What ui/components/scrubber.js draws. The frame of the newest step is not among the frames: it is "now"."""
    if live is None:
        return {"run": None, "frames": [], "live": 0, "epoch": 0.0, "at": None, "edits": [], "serial": serial}
    return {
        "run": live.run_id,
        "frames": [[frame.step, round(frame.epoch, 3)] for frame in live.film if frame.step < live.step],
        "live": live.step,
        "epoch": live.epoch,
        "at": at,
        "edits": [{"step": edit.step, "text": edit_text(edit)} for edit in live.edits],
        "canBranch": bool(live.step) and not live.is_training,
        "serial": serial,
    }
