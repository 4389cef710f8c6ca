"""The verdict on a run, in one sentence with a button that mends what is wrong."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nn_core.config import LIVE_SETTINGS
from nn_core.config.run_config import setting
from nn_core.instruments.dead_units import count_dead
from nn_core.instruments.health import Health, health
from nn_core.runs import Snapshot
from ui import session
from ui.words import plain


def show(shot: Snapshot) -> None:
    """The verdict on a run, why, and a button that mends it."""
    found = _verdict_on(shot)
    colour = {"idle": "gray", "good": "green", "warning": "orange", "bad": "red"}[found.level]
    with st.container(key="verdict"):  # of one height, so that nothing below it moves
        text, button = st.columns([3.6, 1.4], vertical_alignment="center")
    past = session.looked_at_step() is not None
    note = "" if past or shot.status in ("diverged", "failed") else plain(shot.message)
    why = found.why
    if past:
        why = why if shot.step else "The weights are as they were drawn, before any learning."
        note = f":orange[Looking back at step {shot.step:,}.]"
    text.markdown(f":{colour}-badge[{plain(found.verdict)}] {plain(why)} {note}")
    if not found.fix or past or _was_just_changed(shot):  # what was wrong then is not mended now
        button.empty()  # at once: an element that is not drawn again stays until all else is drawn
        return
    settings = ", ".join(
        f"{setting(name).word} {plain(setting(name).format(value))}" for name, value in found.fix.items()
    )
    starts = found.restart or not set(found.fix) <= set(LIVE_SETTINGS)
    button.button(
        f"{'Restart with' if starts else 'Set'} {settings}",
        key="fix",
        on_click=apply,
        args=(dict(found.fix), starts),
        width="stretch",
    )


def _was_just_changed(shot: Snapshot) -> bool:
    """Whether the newest scores are from before the newest change: the verdict is on what it has mended, perhaps."""
    return bool(shot.edits) and (shot.scores is None or shot.scores.step <= shot.edits[-1].step)


def _verdict_on(shot: Snapshot) -> Health:
    """The verdict on a snapshot."""
    dead = None
    if shot.config.activation == "relu" and shot.step:
        dead = count_dead(shot.model, session.dataset())
    past = session.looked_at_step() is not None
    stopped = shot.message if shot.status in ("diverged", "failed") and not past else ""
    series = {name: one.until(shot.step) for name, one in shot.series.items()} if past else shot.series
    return health(shot.config, series, shot.weights, step=shot.step, epoch=shot.epoch, stopped=stopped, dead=dead)


def apply(fix: dict[str, Any], starts_anew: bool) -> None:
    """Do what a verdict or a vital sign offers: change the run, or start a network where that one cannot be mended."""
    run = session.current_run()
    if run is None:
        return
    config = run.settings.replace(**fix)
    if not starts_anew and run.snapshot.status != "diverged":
        for name, value in fix.items():
            session.edit(name, value)
        run.play().wait(session.COMMAND_SECONDS)
    else:
        fresh = session.start(config)
        if fresh is not None:
            fresh.play().wait(session.COMMAND_SECONDS)
