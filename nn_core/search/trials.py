"""Trials of a search: opened as runs, and scored on the test images once."""

from __future__ import annotations

import os
import secrets
import shutil
from typing import Any

from nn_core.data import load_dataset
from nn_core.machine.disk import reason
from nn_core.nn.metrics import accuracy
from nn_core.nn.network import from_weights
from nn_core.search.database_errors import SearchError, in_a_sentence
from nn_core.search.storage import trials_folder
from nn_core.search.study import check_data, load_study
from nn_core.store.run_store import RunStore, StoreError
from nn_core.training.film import exact_frame

QUEUED = "queued"  # what a trial in the queue is going to draw: Optuna's parameters, noted with it
NOT_HERE = "the run of trial {} is not on this machine; train it again from its settings"


def open_trial(name: str, number: int, store: RunStore, storage: str = "") -> str:
    """Copy a trial's run, with its curves and frames, into `store`; returns its id there.

    Raises SearchError where it was trained on another machine, or its run cannot be read.
    """
    _, trial, _ = _trial(name, number, storage)
    run_id = _run_id(trial)
    if run_id in store:
        return run_id
    source = RunStore(trials_folder(name)).run_folder(run_id)
    if not source.holds_a_run():
        raise SearchError(NOT_HERE.format(number))
    if by := source.trained_by():  # who copies what is being written gets half of it
        raise SearchError(f"the run of trial {number} could not be copied: {by} Pause it there first")
    target = store.run_folder(run_id).path
    arriving = target.with_name(f".arriving-{run_id}-{secrets.token_hex(4)}")  # another program may copy it too
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source.path, arriving, ignore=shutil.ignore_patterns(".*"))
        try:
            os.replace(arriving, target)
        except OSError:
            if run_id not in store:
                raise
            shutil.rmtree(arriving, ignore_errors=True)  # the other one was quicker
        store.rename(run_id, f"{name}, trial {number}"[:80])
    except (OSError, StoreError) as error:
        shutil.rmtree(arriving, ignore_errors=True)
        why = reason(error) if isinstance(error, OSError) else error
        raise SearchError(f"the run of trial {number} could not be copied: {why}") from None
    return run_id


def test_accuracy(name: str, number: int, storage: str = "") -> float:
    """The test accuracy of a trial's network as it ended; it is kept with the search, and no other trial gets one.

    Raises SearchError where another trial has been tested, or this one's run is not on this machine.
    """
    study, trial, info = _trial(name, number, storage)
    known = study.user_attrs.get("test")
    if known:
        if known[0] == number:
            return float(known[1])
        raise SearchError(
            f"the test images were read for trial {known[0]} of this search already: to choose by them would spoil them"
        )
    run_id = _run_id(trial)
    try:
        checkpoint = RunStore(trials_folder(name)).checkpoint(run_id)
    except StoreError:
        raise SearchError(NOT_HERE.format(number)) from None
    data = load_dataset(checkpoint.config.dataset)
    check_data(info, data)
    model = from_weights(checkpoint.config, exact_frame(checkpoint).weights())
    found = accuracy(data.test_labels, model.predict(data.test_images))
    with in_a_sentence(name, storage):
        study.set_user_attr("test", [number, found])
    return found


def holds_run(name: str, run_id: str) -> bool:
    """Whether the run of a trial of this search is on this machine."""
    return bool(run_id) and RunStore(trials_folder(name)).run_folder(run_id).holds_a_run()


def _trial(name: str, number: int, storage: str) -> tuple[Any, Any, Any]:
    study, info, _ = load_study(name, storage, heartbeat=False)
    with in_a_sentence(name, storage):
        trials = study.get_trials(deepcopy=False)
    found = next((trial for trial in trials if trial.number == number), None)
    if found is None:
        raise SearchError(f"there is no trial {number} in the search {name}")
    return study, found, info


def _run_id(trial: Any) -> str:
    run_id = trial.user_attrs.get("run")
    if not run_id:
        raise SearchError(f"trial {trial.number} has no network: it did not come to its end")
    return str(run_id)
