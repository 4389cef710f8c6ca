"""Runs on disk: what is written comes back bit for bit, what is damaged is named, and nothing is written elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.archive import pack_checkpoint, read_checkpoint
from nn_core.checkpoint import Checkpoint
from nn_core.data import Dataset
from nn_core.history import History
from nn_core.knobs import choices

SMALL = RunConfig(hidden=(12,), n_train=500, batch_size=50, epochs=100, lr=0.05, eval_every=7)
BUSY = {"dropout": 0.3, "rotation": 10.0, "noise": 0.1, "label_noise": 0.2, "l2": 0.001}


def through_disk(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    path = folder / "checkpoint.safetensors"
    path.write_bytes(pack_checkpoint(checkpoint))
    return read_checkpoint(path, checkpoint.history)


def state_of(trainer: Trainer) -> dict[str, bytes]:
    """Everything that decides how a trainer goes on, and what it shows, as bytes; times of day left out."""
    checkpoint = trainer.checkpoint()
    arrays = {name: array.tobytes() for name, array in checkpoint.arrays.items()}
    curves = {
        f"curve {name}": np.delete(series.points, 3, axis=1).tobytes()
        for name, series in checkpoint.history.series().items()
        if name != "train/lr"
    }
    counters = (checkpoint.step, checkpoint.epoch_index, checkpoint.position, checkpoint.images_seen)
    streams = (checkpoint.dropout_state, checkpoint.augment_state, checkpoint.updates, checkpoint.early_stopping)
    return arrays | curves | {"rest": repr((counters, streams, checkpoint.batch_losses, checkpoint.edits)).encode()}


CASES = [
    *({"optimizer": name} for name in choices("optimizer")),
    *({"normalization": name} for name in choices("normalization")),
    {"early_stopping": 2},
    BUSY,
    BUSY | {"optimizer": "adamw", "hidden": (9, 8), "normalization": "batch"},
]


@pytest.mark.parametrize("settings", CASES, ids=lambda case: ",".join(map(str, case.values()))[:40])
def test_a_checkpoint_that_went_through_the_disk_goes_on_bit_for_bit(
    settings: dict[str, object], tiny: Dataset, tmp_path: Path
):
    never_stopped = Trainer(SMALL.replace(**settings), tiny)
    never_stopped.replay([], 23)
    resumed = Trainer.resume(through_disk(never_stopped.checkpoint(), tmp_path), tiny)
    for trainer in (never_stopped, resumed):
        trainer.change("lr", 0.03)
        trainer.replay([], 41)
    assert resumed.step_count == 41
    assert state_of(resumed) == state_of(never_stopped)


def test_a_checkpoint_without_its_curves_still_has_its_weights(tiny: Dataset, tmp_path: Path):
    trainer = Trainer(SMALL, tiny)
    trainer.replay([], 10)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(pack_checkpoint(trainer.checkpoint()))
    lost = read_checkpoint(path, History())
    assert lost.history.series() == {}
    assert lost.arrays["params"].tobytes() == trainer.model.flat.tobytes()
