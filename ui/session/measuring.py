"""What pages have measured of the current run: instruments, while a panel shows them, and histograms of its frames."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from nn_core.instruments.measures.histograms import Spread, spread
from nn_core.machine.memory import Array
from nn_core.training import Frame, Trainer
from ui.session.current import current_run, dataset
from ui.session.selection import steady
from ui.session.visitor import may_change

ASK_SECONDS = 2.0  # between two requests for the same instrument
DRAW_SECONDS = 0.15  # that counting histograms may take of one drawing


def measure(name: str) -> bool:
    """Ask that the current run measures an instrument; a panel that shows it calls this whenever it is drawn.

    False where this visitor may not ask that of the run, or another program trains it.
    """
    run = current_run()
    if run is None or not may_change(run.id) or run.snapshot.status == "elsewhere":
        return False
    asked, now = st.session_state.setdefault("measured", {}), time.monotonic()
    if now - asked.get((run.id, name), float("-inf")) >= ASK_SECONDS:
        asked[run.id, name] = now
        run.measure([name])
    return True


def spreads() -> tuple[list[tuple[Frame, Spread]], int]:
    """The frames of the current run with their histograms, ascending, and how many are still to be counted.

    What has been counted is kept; of the rest as many as fit into DRAW_SECONDS, the newest first.
    """
    run = current_run()
    shot = run.snapshot if run is not None else None
    if shot is None:
        return [], 0
    data, started = dataset(), time.monotonic()
    kept: dict[tuple[int, float], Spread] = st.session_state.setdefault("spreads", {}).get(shot.run_id, {})
    labels = labels_trained_on()
    missing = [frame for frame in shot.film if (frame.step, frame.seconds) not in kept]
    n_missing = len(missing)
    for frame in _spaced(missing):
        kept[frame.step, frame.seconds] = spread(shot.config_at(frame.step), frame.weights(), data, labels)
        n_missing -= 1
        if time.monotonic() - started > DRAW_SECONDS:
            break
    there = {(frame.step, frame.seconds): frame for frame in shot.film}
    kept = {key: found for key, found in kept.items() if key in there}
    st.session_state["spreads"] = {shot.run_id: kept}
    st.session_state["spreads missing"] = n_missing
    return [(frame, kept[key]) for key, frame in there.items() if key in kept], n_missing


def is_counting() -> bool:
    """Whether there were frames left that `spreads` had no time for."""
    return bool(st.session_state.get("spreads missing"))


def _spaced(frames: Sequence[Frame]) -> list[Frame]:
    """The newest, then every eighth, fourth, second: a picture of few frames shows the whole course."""
    order: list[Frame] = list(frames[-1:])
    for stride in (8, 4, 2, 1):
        order += [frame for frame in frames[::stride] if frame not in order]
    return order


def labels_trained_on() -> Array:
    """The labels (n_train,) that the current run learns from."""
    run = current_run()
    assert run is not None
    config = run.snapshot.started_as
    labels: Array = steady("labels trained on", (run.id, config.seed), lambda: Trainer.labels_of(config, dataset()))
    return labels
