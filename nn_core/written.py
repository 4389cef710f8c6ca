"""What of a checkpoint is written down or shown beside it: its summary, its best step, its weights as a frame."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from nn_core.archive import edits_to_json
from nn_core.checkpoint import Checkpoint, Parent
from nn_core.frames import Frame
from nn_core.history import History
from nn_core.models import MLP


def summary_of(checkpoint: Checkpoint, status: str, size: int, since: int = 0) -> dict[str, Any]:
    """What summary.json says of a run that stands at this checkpoint; its best is looked for from step `since` on."""
    accuracy = checkpoint.history["val/accuracy"]
    best, best_step = best_of(checkpoint.history, since)
    return {
        "config": checkpoint.config.to_dict(),
        "edits": edits_to_json(checkpoint.edits),
        "status": status,
        "step": checkpoint.step,
        "epoch": checkpoint.epoch_index + checkpoint.position / checkpoint.config.n_train,
        "seconds": checkpoint.seconds,
        "val_accuracy": accuracy.last if len(accuracy) else None,
        "best_val_accuracy": best,
        "best_step": best_step,
        "changed": time.time(),
        "size": size,
    }


def best_of(history: History, since: int = 0) -> tuple[float, int] | tuple[None, None]:
    """The highest validation accuracy from step `since` on, and the first step that had it."""
    accuracy = history["val/accuracy"]
    first = int(np.searchsorted(accuracy.step, since))
    if first == len(accuracy):
        return None, None
    at = first + int(np.argmax(accuracy.value[first:]))
    return float(accuracy.value[at]), int(accuracy.step[at])


def exact_frame(checkpoint: Checkpoint) -> Frame:
    """The weights of a checkpoint by name."""
    model = MLP(checkpoint.config.replace(init="zeros"), np.random.default_rng(0))
    model.flat[...], model.running[...] = checkpoint.arrays["params"], checkpoint.arrays["running"]
    epoch = checkpoint.epoch_index + checkpoint.position / checkpoint.config.n_train
    return Frame(checkpoint.step, epoch, checkpoint.images_seen, checkpoint.seconds, model.weights(), exact=True)


def parent_to_json(parent: Parent | None) -> dict[str, Any] | None:
    """JSON-ready."""
    return None if parent is None else {"run": parent.run, "step": parent.step, "exact": parent.exact}
