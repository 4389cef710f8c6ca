"""Imports a file: a run's archive, or weights, ours or another framework's, from which a new run begins."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from nn_core.config.errors import ConfigError
from nn_core.data import DataError, load_dataset
from nn_core.export.foreign import files
from nn_core.export.foreign.questions import Answers
from nn_core.export.run_zip import from_archive
from nn_core.export.source import ExportError, one_line
from nn_core.export.weights import MAX_FILE_BYTES, Imported
from nn_core.machine.disk import open_plain, reason
from nn_core.runs.branching import branch_at_frame
from nn_core.store.recorder import Recorder
from nn_core.store.run_store import MAX_NAME, RunStore, new_id
from nn_core.store.run_writer import RunWriter
from nn_core.training.film import Frame
from nn_core.training.history import History
from nn_core.training.trainer import Trainer

NO_ANSWERS: Answers = MappingProxyType({})
ENDINGS = (".zip", *files.ENDINGS)


def bring_in(
    source: bytes | Path, file_name: str, store: RunStore, answers: Answers = NO_ANSWERS
) -> tuple[str, tuple[str, ...]]:
    """Add what a file holds to the stored runs; returns the run's id, and sentences on how it was understood.

    Whether it is an archive is told by its first bytes, not by its name. Raises ExportError, one sentence; as Ambiguous
    where weights of another framework leave something open that `answers` do not say.
    """
    with _opened(source) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(8)
        file.seek(0)
        if not start:
            raise ExportError(f"{one_line(file_name)} is empty")
        if files.is_pickle(file_name, start):
            raise ExportError(f"{one_line(file_name)} {files.NO_PICKLE}")
        if start[:2] == b"PK":
            found = files.from_zip(file, size, answers)
            return _with_weights(found, file_name, store) if found else (from_archive(file, size, store), ())
        if not file_name.lower().endswith(ENDINGS):
            raise ExportError(
                f"the file must be a run's archive or weights ({', '.join(ENDINGS)}), got {one_line(file_name)}"
            )
        if size > MAX_FILE_BYTES:
            raise ExportError(f"the file of weights must be at most {MAX_FILE_BYTES:,} bytes, got {size:,}")
        return _with_weights(files.from_file(file.read(), answers), file_name, store)


def _opened(source: bytes | Path) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return open_plain(source)
    except OSError as error:
        raise ExportError(f"{source} cannot be read: {reason(error).lower()}") from None


def _with_weights(found: Imported, file_name: str, store: RunStore) -> tuple[str, tuple[str, ...]]:
    """A new run that begins with these weights and a fresh optimizer, paused; returns what `bring_in` does."""
    title, remarks, trainer = found.title or Path(one_line(file_name)).stem, found.remarks, _begun(found)
    del found  # the weights are in the trainer now; two copies of large ones would take much memory
    scores = trainer.score()
    if not math.isfinite(scores.val_loss):
        raise ExportError("the network's answers are not finite numbers")
    run_id = new_id()
    writer = RunWriter(store, run_id, trainer.data)
    recorder = Recorder(trainer, writer)
    recorder.rests(trainer.model.weights())
    recorder.keep("paused")
    if writer.problem:
        raise ExportError(f"the weights could not be written to {store.folder}: {writer.problem}")
    store.rename(run_id, f"weights of {title}"[:MAX_NAME].strip())
    return run_id, remarks


def _begun(found: Imported) -> Trainer:
    """A trainer with these weights, at the step that the file names, or at 1: step 0 is the network the seed gives."""
    try:
        data = load_dataset(found.config.dataset)
        frame = Frame(max(1, found.step), found.epoch, 0, 0.0, found.weights, exact=True)
        return Trainer.resume(branch_at_frame(frame, found.config, data, found.config, History(), ()), data)
    except (ConfigError, DataError) as error:
        raise ExportError(f"the network cannot be trained here: {error}") from None
