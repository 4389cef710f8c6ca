"""What is kept of a run while it trains: its film, its best network, and through a writer all of it on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.store.run_writer import RunWriter
from nn_core.store.summary import TRAINING, best_of
from nn_core.training.film import Film, Frame, halved
from nn_core.training.state import Checkpoint, Parent
from nn_core.training.trainer import Trainer


class Recorder:
    """Watches a trainer between its steps; used by the thread that makes them."""

    def __init__(
        self,
        trainer: Trainer,
        writer: RunWriter | None = None,
        film: Film | None = None,
        parent: Parent | None = None,
        best_accuracy: float = -1.0,
    ) -> None:
        self.film = film or Film()
        self.writer = writer
        self._trainer = trainer
        self._parent = parent  # whose scores up to the branch are not this run's
        self._best_accuracy = best_accuracy
        self._best: Checkpoint | None = None  # not yet on disk
        self._looked_at: Any = None  # the scores that were compared with the best
        self.note()

    def __repr__(self) -> str:
        return f"<Recorder of {self._trainer!r}>"

    @property
    def problem(self) -> str:
        """One sentence on what is not on disk, "" when all is well."""
        return self.writer.problem if self.writer is not None else ""

    def note(self) -> None:
        """After a step: a frame for the film where one is wanted, and a checkpoint of a new best."""
        trainer = self._trainer
        if self.film.wants(trainer.step_count):
            self.film.add(self._frame(halved(trainer.model.weights())))
        if trainer.scores is self._looked_at:
            return
        scores = self._looked_at = trainer.scores
        if scores is None or scores.step != trainer.step_count or (self._parent and scores.step <= self._parent.step):
            return
        if scores.val_accuracy > self._best_accuracy:
            self._best_accuracy = scores.val_accuracy
            self.film.mark("best", self._frame(trainer.model.weights(), exact=True))
            if self.writer is not None:
                self._best = trainer.checkpoint()

    def went_back(self) -> None:
        """After training has ended: what was noted of steps that a diverged run has undone is forgotten."""
        step = self._trainer.step_count
        self.film.drop_after(step)
        if self._best is not None and self._best.step > step:
            self._best = None
        standing = best_of(self._trainer.history.so_far("val/accuracy"), self._parent)[0]
        self._best_accuracy = min(self._best_accuracy, -1.0 if standing is None else standing)
        self.note()

    def rests(self, weights: Mapping[str, Any]) -> None:
        """The trainer stands still with these weights: the newest frame is exact."""
        self.film.mark("latest", self._frame(weights, exact=True))

    def claim(self) -> str:
        """Before training begins: "" where this program may train the run, else a sentence on why not."""
        return self.writer.claim() if self.writer is not None else ""

    def keep(self, status: str) -> None:
        """Write the run down where that is due; one that rests is any program's to train."""
        trainer, writer = self._trainer, self.writer
        if writer is None:
            return
        if not writer.needs(trainer.step_count, len(trainer.edits), status):
            if status not in TRAINING:
                writer.release()
            return
        if writer.save(trainer.checkpoint(), self.film.spaced(), status, self._best):
            self._best = None

    def _frame(self, weights: Mapping[str, Any], exact: bool = False) -> Frame:
        trainer = self._trainer
        return Frame(trainer.step_count, trainer.epoch, trainer.images_seen, trainer.seconds, weights, exact)
