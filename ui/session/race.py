"""This visitor's race: two to four runs that train in turns, under one transport bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nn_core import ConfigError, DataError, RunConfig, load_dataset
from nn_core.config import shorten
from nn_core.runs import Run
from ui.session.current import COMMAND_SECONDS, current_run
from ui.session.notices import notify
from ui.session.server import registry
from ui.session.visitor import may_change

FEWEST, MOST = 2, 4  # racers


def race() -> list[Run]:
    """The runs that race, in their order; none where there is no race, or one of them is gone."""
    ids: list[str] = st.session_state.get("race", [])
    runs = [run for run in map(registry().get, ids) if run is not None]
    context = get_script_run_ctx(suppress_warning=True)
    for run in runs:
        if context is not None and may_change(run.id):
            run.attach(context.session_id)
    return runs if len(runs) == len(ids) else []


def race_trains() -> bool:
    """Whether any racer trains, or was asked to: on a busy machine it may take a while."""
    return any(run.snapshot.is_training or run.is_asked for run in race())


def start_race(configs: Sequence[RunConfig]) -> None:
    """Race new runs of these settings from step 0; the run on the pages pauses."""
    run = current_run()
    if run is not None and run.snapshot.is_training and may_change(run.id):
        run.pause()
    _pause_own()
    try:
        racers = registry().create_team(configs, [load_dataset(config.dataset) for config in configs])
    except (ConfigError, DataError) as error:
        notify(str(error))
        return
    except MemoryError:
        notify("There is not enough memory for all of these networks at once.")
        return
    st.session_state["race"] = [run.id for run in racers]
    command_race(Run.play)


def join_race(run_ids: str) -> None:
    """Show the race that an address names by its runs ("1f2e3d4c-..."), if this server knows them, else say why not."""
    ids = run_ids.split("-") if run_ids else []
    st.session_state["race"] = ids if FEWEST <= len(ids) <= MOST else []
    if not race():
        end_race()
    if ids and not FEWEST <= len(ids) <= MOST:
        notify(f"The race in this link was ignored: it must name {FEWEST} to {MOST} runs, got {shorten(run_ids)}.")
    elif ids and not race():
        gone = ", ".join(shorten(one) for one in ids if registry().get(one) is None)
        notify(f"The race in this link was ignored, because this server does not know the run {gone}.")


def command_race(send: Callable[[Run], Event]) -> None:
    """One command to all racers."""
    for done in [send(run) for run in race()]:
        done.wait(COMMAND_SECONDS)


def end_race() -> None:
    """Pause the racers, where they are this visitor's, and leave the race; the runs stay in the list."""
    _pause_own()
    st.session_state["race"] = []


def _pause_own() -> None:
    if all(may_change(run.id) for run in race()):
        command_race(Run.pause)
