"""What of a checkpoint is written down or shown beside it: its summary, its best step, its weights as a frame."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from nn_core.store.files import edits_to_json
from nn_core.training.history import History
from nn_core.training.state import Checkpoint, Parent


def summary_of(checkpoint: Checkpoint, status: str, size: int, parent: Parent | None = None) -> dict[str, Any]:
    """What summary.json says of a run that stands at this checkpoint."""
    accuracy = checkpoint.history["val/accuracy"]
    best, best_step = best_of(checkpoint.history, parent)
    return {
        "config": checkpoint.config.to_dict(),
        "edits": edits_to_json(checkpoint.edits),
        "status": status,
        "step": checkpoint.step,
        "epoch": checkpoint.epoch,
        "seconds": checkpoint.seconds,
        "val_accuracy": accuracy.last if len(accuracy) else None,
        "best_val_accuracy": best,
        "best_step": best_step,
        "changed": time.time(),
        "size": size,
    }


def best_of(history: History, parent: Parent | None = None) -> tuple[float, int] | tuple[None, None]:
    """A run's own highest validation accuracy, and the first step that had it.

    Up to and with the step where it branched off, the curves are its parent's.
    """
    accuracy = history["val/accuracy"]
    first = 0 if parent is None else int(np.searchsorted(accuracy.step, parent.step, side="right"))
    if first == len(accuracy):
        return None, None
    at = first + int(np.argmax(accuracy.value[first:]))
    return float(accuracy.value[at]), int(accuracy.step[at])


def parent_to_json(parent: Parent | None) -> dict[str, Any] | None:
    """JSON-ready."""
    return None if parent is None else {"run": parent.run, "step": parent.step, "exact": parent.exact}


def parent_from_json(value: Any) -> Parent | None:
    """The inverse; raises KeyError, TypeError and ValueError."""
    return None if value is None else Parent(str(value["run"]), int(value["step"]), bool(value["exact"]))
