"""Which step of the current run this visitor looks at: the newest, or a frame of its film; and branches from there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nn_core import ConfigError, DataError, RunConfig, load_dataset
from nn_core.nn.network import outline
from nn_core.runs import SHAPING, Snapshot
from nn_core.store import StoreError
from nn_core.training import Frame
from ui.session.current import COMMAND_SECONDS, current_run, draft, pending_changes, set_speed, show, speed
from ui.session.looking_back import begin_look, end_look, frame_looked_at, is_looking_back
from ui.session.notices import notify
from ui.session.runs import open_run
from ui.session.server import registry
from ui.session.visitor import may_change


def live_snapshot() -> Snapshot | None:
    """The current run as it is now."""
    run = current_run()
    return run.snapshot if run else None


def snapshot() -> Snapshot | None:
    """The current run as this visitor looks at it: at the chosen frame, else as it is now."""
    live, frame = live_snapshot(), frame_looked_at()
    if live is None or frame is None:
        return live
    kept: tuple[Snapshot, Frame, Snapshot] | None = st.session_state.get("looked back")
    if kept is None or kept[0] is not live or kept[1] is not frame:
        kept = live, frame, live.at(frame)
        st.session_state["looked back"] = kept
    return kept[2]


def looked_at_step() -> int | None:
    """The step that this visitor looks back at; None: at the run as it is now."""
    frame = frame_looked_at()
    return frame.step if frame is not None else None


def earlier_steps() -> list[int]:
    """The steps of the current run that one can look back at, ascending."""
    live = live_snapshot()
    return [frame.step for frame in live.film if frame.step < live.step] if live is not None else []


def look(step: int | None) -> None:
    """Look at the newest kept frame at or before a step, or at the run as it is now (None, or a step not yet made)."""
    live = live_snapshot()
    frame = None
    st.session_state["asked for"] = step
    if live is not None and step is not None and step < live.step and live.film:
        before = [frame for frame in live.film if frame.step <= step]
        frame = before[-1] if before else live.film[0]
        frame = frame if frame.step < live.step else None
    if live is None or frame is None:
        end_look()
    else:
        then = live.config_at(frame.step)
        begin_look(live.run_id, frame, then, _of_a_branch(then))


def _of_a_branch(then: RunConfig) -> RunConfig:
    """The settings of a branch from where the run had those of `then`: what was changed by hand stays changed.

    On the first look back these are the pending changes, but for those that only a new network can have.
    """
    names = [name for name in pending_changes() if is_looking_back() or name not in SHAPING]
    try:
        return then.replace(**{name: getattr(draft(), name) for name in names})
    except ConfigError:
        return then


def asked_for() -> int | None:
    """The step that was last asked for; the frame that is looked at may be an earlier one."""
    step: int | None = st.session_state.get("asked for")
    return step


def look_from_address(text: str) -> None:
    """Look at the step that an address names, and say so where it is not quite that one."""
    live = live_snapshot()
    if live is None:
        notify("The step in this link was ignored, because the link names no run that is here.")
        return
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        notify(f"The step in this link was ignored: step must be a whole number from 0 on, got {shown!r}.")
        return
    step = int(text)
    look(step)
    found = looked_at_step()
    if step > live.step:
        notify(f"The run has not reached step {step:,} of this link: it is at step {live.step:,}, shown here.")
    elif found is not None and found != step:
        where = "before it" if found < step else "after it"
        notify(f"No frame of step {step:,} is kept. This is the nearest one {where}, of step {found:,}.")


def go_to(run_id: str, step: int) -> None:
    """Show another run as it was at a step."""
    open_run(run_id)
    run = current_run()
    if run is not None and run.id == run_id:
        look_from_address(str(step))


def branch(step: int | None) -> None:
    """Make a new run of the sidebar's settings current, which begins with the network of a step (None: the newest).

    It does not train yet; the one that it comes from pauses and stays. Another visitor's goes on: the newest is then
    that of its newest frame.
    """
    parent, pace = current_run(), speed()
    if parent is None:
        return
    if parent.snapshot.is_training and may_change(parent.id):
        parent.pause().wait(5)
    config = draft()
    try:
        shot = parent.snapshot
        newest = shot.film[-1].step if shot.is_training and shot.film else shot.step
        at = newest if step is None else step
        run = registry().branch(parent.id, at, config, load_dataset(config.dataset))
    except (ConfigError, DataError, StoreError) as error:
        notify(f"There is no branch: {error}.".replace("..", "."))
        return
    except MemoryError:
        notify(f"There is not enough memory for the network {outline(config)}.")
        return
    show(run)
    set_speed(pace)


def train_branch() -> None:
    """Branch off the current run as it stands, and train the branch."""
    parent = current_run()
    branch(None)
    run = current_run()
    if run is not None and run is not parent:
        run.play().wait(COMMAND_SECONDS)


def parent_title(shot: Snapshot) -> str:
    """What the run that this one branched from is called, or that it is no longer here; "" where there is none."""
    if shot.parent is None:
        return ""
    parent: Any = registry().in_memory(shot.parent.run)
    kept = registry().store
    try:
        if kept is not None and shot.parent.run in kept:
            return kept.get(shot.parent.run).title
    except StoreError:
        pass
    return parent.settings.title() if parent is not None else ""
