"""Which network reads the sketch: the run on the pages, a stored one, or the one that comes with Glassnet."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from nn_core import load_shipped
from nn_core.network import Network, from_weights, outline
from nn_core.store import StoredRun, StoreError
from nn_core.written import exact_frame
from ui import sketchpad
from ui.session.notices import notify
from ui.session.sights import choose, chosen
from ui.session.stored import run_in_memory, runs, store, stored_run
from ui.session.time_machine import looked_at_step, snapshot

LIVE, SHIPPED = "live", "shipped"  # beside the ids of runs
MOST = 50  # stored runs in the menu, the newest ones


@dataclass(frozen=True, eq=False)
class Reader:
    """A network that reads sketches, and which one it is, in a line."""

    model: Network
    caption: str


def readers() -> dict[str, str]:
    """What the menu offers: key -> label."""
    shot = snapshot()
    here = {} if shot is None else {LIVE: f"The run on these pages: {outline(shot.config)}"}
    others = [run for run in runs() if run.step and (shot is None or run.id != shot.run_id)][:MOST]
    return here | {SHIPPED: "The network that comes with Glassnet"} | {run.id: _label(run) for run in others}


def _label(run: StoredRun) -> str:
    accuracy = "" if run.val_accuracy is None else f", {run.val_accuracy:.1%}"
    return f"{outline(run.config)}{accuracy}: {run.title}"


def chosen_reader(offered: dict[str, str]) -> str:
    """The key of the reader that was picked by hand, where it is still offered; else the run, else the shipped one."""
    key = chosen("reader")
    return key if key in offered else next(iter(offered))


def choose_reader(key: str) -> None:
    """Let this one read from now on."""
    choose("reader", key)


def reader(key: str) -> Reader:
    """The network of that key; where a stored one cannot be read, says so and gives the shipped one."""
    shot = snapshot()
    if key == LIVE and shot is not None:
        return Reader(shot.model, sketchpad.reader(shot, looked_at_step() is not None))
    run = stored_run(key) if key != SHIPPED else None
    if run is not None:
        try:
            return Reader(_model(run), sketchpad.stored_reader(run))
        except StoreError as error:
            notify(str(error))
    model = _shipped()
    return Reader(model, sketchpad.shipped_reader(model))


def _model(run: StoredRun) -> Network:
    live = run_in_memory(run.id)
    return live.snapshot.model if live is not None else _stored_model(run.id, run.changed)


@st.cache_resource(show_spinner=False, max_entries=8)
def _stored_model(run_id: str, changed: float) -> Network:
    kept = store()
    if kept is None:
        raise StoreError("no runs are kept on this server")
    checkpoint = kept.load(run_id).checkpoint
    return from_weights(checkpoint.config, exact_frame(checkpoint).weights())


@st.cache_resource(show_spinner=False)
def _shipped() -> Network:
    return load_shipped()
