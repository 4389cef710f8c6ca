"""Runs on disk: one folder a run, written while it trains, opened, listed, named, deleted and brought back."""

from nn_core.store.files import ArchiveError, edits_to_json
from nn_core.store.opened_run import OpenedRun
from nn_core.store.recorder import Recorder
from nn_core.store.run_folder import CHECKPOINT, FRAME, RunFolder
from nn_core.store.run_store import (
    MAX_NAME,
    MAX_NOTE,
    MAX_TAG,
    MAX_TAGS,
    RUN_ID,
    RunStore,
    StoredRun,
    StoreError,
    new_id,
    runs_folder,
)
from nn_core.store.run_writer import RunWriter
from nn_core.store.summary import parent_to_json, summary_of

__all__ = [
    "CHECKPOINT",
    "FRAME",
    "MAX_NAME",
    "MAX_NOTE",
    "MAX_TAG",
    "MAX_TAGS",
    "RUN_ID",
    "ArchiveError",
    "OpenedRun",
    "Recorder",
    "RunFolder",
    "RunStore",
    "RunWriter",
    "StoreError",
    "StoredRun",
    "edits_to_json",
    "new_id",
    "parent_to_json",
    "runs_folder",
    "summary_of",
]
