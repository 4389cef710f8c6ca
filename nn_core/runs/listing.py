"""All runs as they are now: those on disk, those in memory, and those in both."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import replace

from nn_core.runs.snapshot import Snapshot
from nn_core.store.run_store import StoredRun
from nn_core.store.summary import best_of


def as_they_are(stored: Iterable[StoredRun], live: Iterable[tuple[Snapshot, float]]) -> list[StoredRun]:
    """All runs, newest first: the stored ones, those in memory with their values of now, and those not yet stored.

    `live` are the snapshots of the runs in memory, each with the time of its start in seconds since 1970. A run is
    listed from its first step on; one that another program trains, with its values as that has saved them.
    """
    shots = {shot.run_id: (shot, created) for shot, created in live}
    runs = []
    for run in stored:
        shot, _ = shots.pop(run.id, (None, 0.0))
        if shot is not None and run.status != "elsewhere":
            run = _with_values_of(shot, run)
        elif run.status in ("training", "waiting"):
            run = replace(run, status="paused")
        runs.append(run)
    runs += [_with_values_of(shot, _unsaved(shot, created)) for shot, created in shots.values() if shot.step]
    return sorted(runs, key=lambda run: -run.created)


def _with_values_of(shot: Snapshot, run: StoredRun) -> StoredRun:
    best, at = best_of(shot.series.get("val/accuracy"), run.parent)
    if best is None:
        best, at = run.best_val_accuracy, run.best_step
    last = shot.scores.val_accuracy if shot.scores else run.val_accuracy
    now = replace(run, status=shot.status, step=shot.step, epoch=shot.epoch, seconds=shot.seconds, edits=shot.edits)
    return replace(now, val_accuracy=last, best_val_accuracy=best, best_step=at)


def _unsaved(shot: Snapshot, created: float) -> StoredRun:
    """A run that is in memory alone."""
    return StoredRun(
        id=shot.run_id,
        name="",
        config=shot.started_as,
        edits=shot.edits,
        parent=shot.parent,
        created=created,
        changed=time.time(),
        status=shot.status,
        step=shot.step,
        epoch=shot.epoch,
        seconds=shot.seconds,
        val_accuracy=None,
        best_val_accuracy=None,
        best_step=None,
        starred=False,
        size=0,
    )


def kept(ids: Iterable[str], runs: Collection[StoredRun]) -> list[StoredRun]:
    """The runs of these ids that there still are, in the order of the ids."""
    known = {run.id: run for run in runs}
    return [known[run_id] for run_id in ids if run_id in known]
