"""A run as a parcel: from the store, or from the snapshot of one that is in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nn_core.checkpoint import Edit
from nn_core.config import RunConfig
from nn_core.export.parcel import ExportError, Parcel, cut
from nn_core.frames import Frame
from nn_core.snapshot import Snapshot
from nn_core.store import RunStore, StoreError
from nn_core.written import exact_frame


def from_store(store: RunStore, run_id: str, step: int | None = None) -> Parcel:
    """A stored run at its newest checkpoint, or at a step of which its film or a checkpoint is kept.

    Raises StoreError, and ExportError, naming the nearest steps, where nothing of that step is kept.
    """
    run, loaded = store.get(run_id), None
    try:
        loaded = store.load(run_id, step if step in store.checkpoint_steps(run_id) else None)
    except StoreError:
        if step is None:
            raise
    if loaded is not None and step in (None, loaded.checkpoint.step):
        frame, series = exact_frame(loaded.checkpoint), loaded.checkpoint.history.series()
        edits = loaded.checkpoint.edits
    else:
        frame, series, edits = _frame_at(store.film(run_id), step or 0, run_id), store.series(run_id), run.edits
    edits = tuple(edit for edit in edits if edit.step <= frame.step)
    return Parcel(
        run_id=run.id,
        name=run.name,
        config=store.settings_at(run_id, frame.step),
        edits=edits,
        step=frame.step,
        epoch=frame.epoch,
        seconds=frame.seconds,
        created=run.created,
        weights=frame.weights(),
        exact=frame.exact,
        series=cut(series, frame.step),
        skipped=loaded.skipped if loaded is not None and step is None else (),
    )


def from_snapshot(shot: Snapshot, name: str, created: float) -> Parcel:
    """A run in memory, as its snapshot shows it."""
    rounded = [frame for frame in shot.film if frame.step == shot.step and not frame.exact]
    exact = not any(_equal(frame, shot) for frame in rounded)
    edits = tuple(edit for edit in shot.edits if edit.step <= shot.step)
    since = shot.parent.step if shot.parent else -1  # the parent's edits are within the settings at the start
    then = _edited(shot.started_as, [edit for edit in edits if edit.step > since])
    return Parcel(
        run_id=shot.run_id,
        name=name,
        config=shot.config if len(edits) == len(shot.edits) else then,
        edits=edits,
        step=shot.step,
        epoch=shot.epoch,
        seconds=shot.seconds,
        created=created,
        weights=shot.weights,
        exact=exact,
        series=cut(shot.series, shot.step),
    )


def _edited(config: RunConfig, edits: Sequence[Edit]) -> RunConfig:
    """The settings after these live changes."""
    return config.replace(**{edit.field: edit.new for edit in edits})


def _equal(frame: Frame, shot: Snapshot) -> bool:
    return all(np.array_equal(values, shot.weights[name]) for name, values in frame.weights().items())


def _frame_at(film: Sequence[Frame], step: int, run_id: str) -> Frame:
    for frame in film:
        if frame.step == step:
            return frame
    nearest = sorted(sorted((frame.step for frame in film), key=lambda other: abs(other - step))[:2])
    hint = f"; the nearest kept are {' and '.join(f'{other:,}' for other in nearest)}" if nearest else ""
    raise ExportError(f"run {run_id} keeps no weights of step {step:,}{hint}")
