"""One trial of a search as a run: trained, scored and recorded as any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.nn.network import count_params
from nn_core.search.spec import TARGET
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
        self.reached: float | None = None  # seconds until TARGET
        self.ends: list[Scores] = []  # at the end of each epoch
        self.obeyed = time.monotonic()  # when it was last looked whether the search is paused or stopped

    def one_epoch(self, obey: Callable[[], None]) -> None:
        """Train to the end of the epoch; `obey` is called now and then."""
        trainer = self.trainer
        end = round(trainer.epoch) + 1
        while trainer.epoch < end - 1e-9 and trainer.step():
            self._look_at_the_target()
            if time.monotonic() - self.obeyed > LOOK_SECONDS:
                obey()
                self.obeyed = time.monotonic()
        self.ends.append(trainer.score())
        self._look_at_the_target()
        self.recorder.note()

    def _look_at_the_target(self) -> None:
        scores = self.trainer.scores
        if self.reached is None and scores is not None and scores.val_accuracy >= TARGET:
            self.reached = self.trainer.seconds

    def value_at_epoch(self, objective: str) -> float:
        """What is reported after an epoch, in the direction of the objective."""
        scores = self.ends[-1]
        if objective == "val_accuracy":
            return scores.val_accuracy
        return 1 - scores.val_accuracy if objective == "seconds_to_97" else scores.val_loss

    def values(self, objectives: tuple[str, ...]) -> list[float] | None:
        """One value for each objective; None where one was not reached."""
        found: dict[str, float | None] = {
            "val_accuracy": max(scores.val_accuracy for scores in self.ends),
            "val_loss": min(scores.val_loss for scores in self.ends),
            "seconds_to_97": self.reached,
            "weights": float(count_params(self.trainer.config)),
            "seconds": self.trainer.seconds,
        }
        values = [value for name in objectives if (value := found[name]) is not None]
        return values if len(values) == len(objectives) else None

    def keep(self, status: str) -> None:
        """Write the run down."""
        self.recorder.keep(status)

    def curves(self) -> dict[str, dict[str, list[float]]]:
        """The curves, thinned, JSON-ready; no numbers that are not finite."""
        return {name: _thinned(self.trainer.history[name]) for name in CURVES if name in self.trainer.history.series()}


def _thinned(series: Any) -> dict[str, list[float]]:
    import numpy as np

    finite = np.flatnonzero(np.isfinite(series.value))
    at = finite[np.unique(np.linspace(0, len(finite) - 1, min(MOST_POINTS, len(finite))).round().astype(int))]
    columns = {"step": series.step, "epoch": series.epoch, "seconds": series.seconds, "value": series.value}
    return {key: [float(f"{number:.6g}") for number in column[at]] for key, column in columns.items()}
