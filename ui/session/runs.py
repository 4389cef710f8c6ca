"""All runs that are kept: reading them, pinning one as the ghost, and opening, deleting and restoring them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from nn_core import DataError, RunConfig
from nn_core.runs import Run, as_they_are, same_start, score_on_test
from nn_core.store import RunStore, StoredRun, StoreError
from nn_core.training import Frame, Series
from ui.session.current import current_run, show
from ui.session.notices import notify
from ui.session.server import registry


def store() -> RunStore | None:
    """Where runs are kept; None where nothing is kept."""
    return registry().store


def runs() -> list[StoredRun]:
    """All runs as they are now, newest first: the stored ones and those in memory."""
    kept = store()
    return as_they_are(
        kept.runs() if kept is not None else [], [(run.snapshot, run.created) for run in registry().runs()]
    )


def stored_run(run_id: str) -> StoredRun | None:
    """One run as it is now, or None."""
    kept, live = store(), run_in_memory(run_id)
    try:
        found = [kept.get(run_id)] if kept is not None and run_id in kept else []
    except StoreError:
        found = []
    shots = [] if live is None else [(live.snapshot, live.created)]
    return next(iter(as_they_are(found, shots)), None)


def any_trains() -> bool:
    """Whether any run trains, on this server or in another program."""
    return any(run.snapshot.is_training for run in registry().runs()) or any(
        run.status == "elsewhere" for run in runs()
    )


def series_of(run: StoredRun) -> Mapping[str, Series]:
    """The curves of a run: as they are now if it is in memory, else as they were stored; none if unreadable."""
    live = run_in_memory(run.id)
    if live is not None:
        return live.snapshot.series
    return _or_nothing(lambda: _stored_series(run.id, run.changed), {})


def film_of(run: StoredRun) -> tuple[Frame, ...]:
    """The frames of a run, ascending in step; none if unreadable."""
    live = run_in_memory(run.id)
    if live is not None:
        return live.snapshot.film
    return _or_nothing(lambda: _stored_film(run.id, run.changed), ())


def run_in_memory(run_id: str) -> Run | None:
    """A run that is in memory, or None."""
    return registry().in_memory(run_id)


def _or_nothing(read: Callable[[], Any], nothing: Any) -> Any:
    try:
        return read()
    except StoreError as error:
        notify(str(error))
        return nothing


@st.cache_resource(show_spinner=False, max_entries=64)
def _stored_series(run_id: str, changed: float) -> Mapping[str, Series]:
    kept = store()
    return kept.series(run_id) if kept is not None else {}


@st.cache_resource(show_spinner=False, max_entries=4)
def _stored_film(run_id: str, changed: float) -> tuple[Frame, ...]:
    kept = store()
    return kept.film(run_id) if kept is not None else ()


@st.cache_data(show_spinner=False, max_entries=256)
def start_alike(a: RunConfig, b: RunConfig) -> bool:
    """Whether networks of these settings have the same weights before any learning."""
    return same_start(a, b)


# ---------------------------------------------------------------------------------------------- the ghost


def pinned_id() -> str | None:
    """The id of the run that is pinned as the ghost."""
    run_id: str | None = st.session_state.get("ghost")
    return run_id


def ghost() -> StoredRun | None:
    """The run that is pinned as the ghost, as it is now."""
    run_id = pinned_id()
    return stored_run(run_id) if run_id else None


def pin_ghost(run_id: str | None) -> None:
    """Draw this run dashed behind the current one from now on (None: no run); the address keeps it."""
    if run_id is not None and stored_run(run_id) is None:
        notify("The run that is to be the ghost is not on this server any more.")
        run_id = None
    st.session_state["ghost"] = run_id


# ---------------------------------------------------------------------------------------------- open, change, delete


def open_run(run_id: str) -> None:
    """Show a run on all pages; one that only the disk holds is brought back, at rest."""
    in_memory = run_in_memory(run_id)
    run = registry().get(run_id)
    if run is None:
        notify(registry().problem(run_id) or "This run is not on this server any more.")
        return
    if run is not in_memory and (remark := registry().remark(run.id)):
        notify(remark)
    show(run)


def change_stored(change: Callable[[RunStore], object]) -> None:
    """Change the store (rename, star and the like); a failure is said at the top of the page."""
    kept = store()
    try:
        if kept is not None:
            change(kept)
    except StoreError as error:
        notify(str(error))


def score_runs(run_ids: list[str]) -> None:
    """Score runs on the test images, each at its newest saved step; what cannot be scored is said."""
    kept = store()
    for run_id in run_ids:
        try:
            if kept is not None:
                score_on_test(kept, run_id)
        except (StoreError, DataError, MemoryError) as error:
            notify(str(error) or "There is not enough memory to score it.")


def delete_runs(run_ids: list[str]) -> list[str]:
    """Move runs to the trash; returns those that were moved. If the current run is among them, there is none after."""
    deleted = []
    kept = store()
    for run_id in run_ids:
        run = current_run()
        if kept is None or run_id not in kept:
            notify("A run that is not on the disk could not be brought back, so it is not deleted.")
            continue
        try:
            registry().delete(run_id)
        except StoreError as error:
            notify(str(error))
            continue
        deleted.append(run_id)
        if run is not None and run.id == run_id:
            st.session_state.pop("run", None)
    return deleted


def restore_runs(run_ids: list[str]) -> None:
    """Bring runs back from the trash."""
    for run_id in run_ids:
        try:
            registry().restore(run_id)
        except StoreError as error:
            notify(str(error))


def in_trash() -> list[str]:
    """The ids of the deleted runs that can be brought back."""
    kept = store()
    return kept.ids(trash=True) if kept is not None else []


def unreadable() -> dict[str, str]:
    """The ids of the stored runs that cannot be read, with a sentence why for each."""
    kept = store()
    return kept.unreadable() if kept is not None else {}
