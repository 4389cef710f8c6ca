"""The verdict on a run, in one sentence, with a button that mends what is wrong; and the others, with their dates."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nn_core.config import LIVE_SETTINGS
from nn_core.config.run_config import setting
from nn_core.instruments.dead_units import count_dead
from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import Health, verdicts
from nn_core.instruments.registry import INSTRUMENTS
from nn_core.runs import Snapshot
from ui import session
from ui.words import plain

COLOURS = {"idle": "gray", "good": "green", "warning": "orange", "bad": "red"}  # of a badge, by level


def show(shot: Snapshot) -> None:
    """The verdict, why, a button that mends it, and one that opens the others."""
    found = _verdicts_on(shot)
    first = found[0]
    with st.container(key="verdict"):  # of one height, so that nothing below it moves
        text, right = st.columns([3.4, 1.6], vertical_alignment="center")
    past = session.looked_at_step() is not None
    note = "" if past or shot.status in ("diverged", "failed") else plain(shot.message)
    why = first.why
    if past:
        why = why if shot.step else "The weights are as they were drawn, before any learning."
        note = f":orange[Looking back at step {shot.step:,}.]"
    text.markdown(f":{COLOURS[first.level]}-badge[{plain(first.verdict)}] {plain(why)} {note}")
    with right, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        may_mend = not past and not _was_just_changed(shot)  # what was wrong then is not mended now
        button = st.empty()
        if may_mend:
            _fix(button, first, "fix")
        _others(shot, found[1:] if may_mend else [])


def _fix(place: DeltaGenerator, found: Health, key: str) -> None:
    """The button that applies a remedy, where there is one."""
    if not found.fix:
        place.empty()  # at once: an element that is not drawn again stays until all else is drawn
        return
    settings = ", ".join(
        f"{setting(name).word} {plain(setting(name).written(value))}" for name, value in found.fix.items()
    )
    starts = found.restart or not set(found.fix) <= set(LIVE_SETTINGS)
    place.button(
        f"{'Restart with' if starts else 'Set'} {settings}", key=key, on_click=apply, args=(dict(found.fix), starts)
    )


def _others(shot: Snapshot, others: list[Health]) -> None:
    """Behind a button: what else is the matter, the most urgent first, and when each verdict held."""
    if not shot.events and not others:
        return
    opened = st.popover("Events", icon=":material/event_note:", key="events", on_change="rerun", type="tertiary")
    if not opened.open:
        return
    with opened:
        for number, one in enumerate(others):
            st.markdown(f":{COLOURS[one.level]}-badge[{plain(one.verdict)}] {plain(one.why)}")
            _fix(st.empty(), one, f"fix-{number}")
        st.caption("When each verdict held. A press shows the run as it was when it began.")
        with st.container(height=240 if len(shot.events) > 7 else "content", border=False, gap=None):
            for number, event in enumerate(reversed(shot.events)):
                st.button(
                    f":{COLOURS[event.level]}-badge[{plain(event.verdict)}] steps {plain(event.steps)}",
                    key=f"event-{number}",
                    icon=":material/history:",
                    help=plain(event.why),
                    type="tertiary",
                    on_click=session.look,
                    args=(event.began,),
                )


def _was_just_changed(shot: Snapshot) -> bool:
    """Whether the newest scores are from before the newest change: the verdict is on what it has mended, perhaps."""
    return bool(shot.edits) and (shot.scores is None or shot.scores.step <= shot.edits[-1].step)


def _verdicts_on(shot: Snapshot) -> list[Health]:
    """All that is said of a snapshot, the most urgent first."""
    past = session.looked_at_step() is not None
    series = {name: one.until(shot.step) for name, one in shot.series.items()} if past else shot.series
    counted = None
    if shot.config.activation == "relu" and shot.step and not INSTRUMENTS["dead_units"].series(series):
        counted = count_dead(shot.model, session.dataset())
    stopped = shot.message if shot.status in ("diverged", "failed") and not past else ""
    data = session.dataset()
    return verdicts(Evidence(shot.config, series, shot.weights, shot.step, shot.epoch, stopped, counted, data))


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
