"""One trial of a search as a run: trained, scored and recorded as any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.search.storage import trials_folder
from nn_core.store.recorder import Recorder
from nn_core.store.run_store import RunStore, new_id
from nn_core.store.run_writer import RunWriter
from nn_core.training.state import Scores
from nn_core.training.trainer import Trainer

LOOK_SECONDS = 0.5  # between two looks at whether the search is paused or stopped
MOST_POINTS = 100  # of each curve that are kept with a trial
CURVES = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")


class TrialRun:
    """The training of one trial, kept as a run in the search's folder on this machine."""

    def __init__(self, config: RunConfig, data: Dataset, search: str) -> None:
        self.id = new_id()
        self.trainer = Trainer(config, data)
        self.recorder = Recorder(self.trainer, RunWriter(RunStore(trials_folder(search)), self.id, data))
        self.epoch_ends: list[Scores] = []  # the scores at the end of each epoch
        self.obeyed = time.monotonic()  # when it was last looked whether the search is paused or stopped

    def one_epoch(self, obey: Callable[[], None]) -> None:
        """Train to the end of the epoch and score; `obey` is called every LOOK_SECONDS meanwhile."""
        trainer = self.trainer
        end = round(trainer.epoch) + 1
        while trainer.epoch < end - 1e-9 and trainer.step():
            if time.monotonic() - self.obeyed > LOOK_SECONDS:
                obey()
                self.obeyed = time.monotonic()
        self.epoch_ends.append(trainer.score())
        self.recorder.note()

    def keep(self, status: str) -> None:
        """Store the run with this status."""
        self.recorder.keep(status)

    def __repr__(self) -> str:
        return f"TrialRun({self.id}, epoch {self.trainer.epoch:.1f})"

    def curves(self) -> dict[str, dict[str, list[float]]]:
        """At most MOST_POINTS finite points of each curve, ready for JSON."""
        return {name: _thinned(self.trainer.history[name]) for name in CURVES if name in self.trainer.history}


def _thinned(series: Any) -> dict[str, list[float]]:
    import numpy as np

    finite = np.flatnonzero(np.isfinite(series.value))
    at = finite[np.unique(np.linspace(0, len(finite) - 1, min(MOST_POINTS, len(finite))).round().astype(int))]
    columns = {"step": series.step, "epoch": series.epoch, "seconds": series.seconds, "value": series.value}
    return {key: [float(f"{number:.6g}") for number in column[at]] for key, column in columns.items()}
