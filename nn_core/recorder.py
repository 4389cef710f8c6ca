"""What is kept of a run while it trains: its film, its best network, and through a keeper all of it on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nn_core.checkpoint import Checkpoint, Parent
from nn_core.data import Dataset
from nn_core.frames import Film, Frame, halved
from nn_core.keeper import Keeper
from nn_core.store import RunStore, StoredRun
from nn_core.trainer import Trainer
from nn_core.written import best_of


class Recorder:
    """Watches a trainer between its steps; used by the thread that makes them."""

    def __init__(
        self,
        trainer: Trainer,
        keeper: Keeper | None = None,
        film: Film | None = None,
        parent: Parent | None = None,
        best_accuracy: float = -1.0,
    ) -> None:
        self.film = film or Film()
        self.keeper = keeper
        self._trainer = trainer
        self._parent = parent  # whose scores up to the branch are not this run's
        self._best_accuracy = best_accuracy
        self._best: Checkpoint | None = None  # not yet on disk
        self._looked_at: Any = None  # the scores that were compared with the best
        self.note()

    @property
    def problem(self) -> str:
        """One sentence on what is not on disk, "" when all is well."""
        return self.keeper.problem if self.keeper is not None else ""

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
            if self.keeper is not None:
                self._best = trainer.checkpoint()

    def went_back(self) -> None:
        """After training has ended: what was noted of steps that a diverged run has undone is forgotten."""
        step = self._trainer.step_count
        self.film.drop_after(step)
        if self._best is not None and self._best.step > step:
            self._best = None
        standing = best_of(self._trainer.history, self._parent)[0]
        self._best_accuracy = min(self._best_accuracy, -1.0 if standing is None else standing)
        self.note()

    def rests(self, weights: Mapping[str, Any]) -> None:
        """The trainer stands still with these weights: the newest frame is exact."""
        self.film.mark("latest", self._frame(weights, exact=True))

    def keep(self, status: str) -> None:
        """Write the run down where that is due."""
        trainer, keeper = self._trainer, self.keeper
        if keeper is None or not keeper.needs(trainer.step_count, len(trainer.edits), status):
            return
        if keeper.save(trainer.checkpoint(), self.film.spaced(), status, self._best):
            self._best = None

    def _frame(self, weights: Mapping[str, Any], exact: bool = False) -> Frame:
        trainer = self._trainer
        return Frame(trainer.step_count, trainer.epoch, trainer.images_seen, trainer.seconds, weights, exact)


@dataclass(frozen=True)
class Reopened:
    """A stored run as it was saved last, with all that it needs to go on."""

    stored: StoredRun
    checkpoint: Checkpoint
    data: Dataset
    film: Film
    keeper: Keeper
    warnings: tuple[str, ...]  # each newer checkpoint that could not be read, and a machine that rounds otherwise

    @property
    def best_accuracy(self) -> float:
        """The highest validation accuracy of its own so far, -1 where there is none."""
        best = best_of(self.checkpoint.history, self.stored.parent)[0]
        return -1.0 if best is None else best


def reopen(store: RunStore, run_id: str, load: Callable[[str], Dataset]) -> Reopened:
    """Bring a stored run back; `load` gives the data set of a name. Raises StoreError and DataError."""
    loaded, stored = store.load(run_id), store.get(run_id)
    checkpoint = loaded.checkpoint
    data = load(checkpoint.config.dataset)
    store.check_data(run_id, data)
    film = store.open_film(run_id)
    film.drop_after(checkpoint.step)
    keeper = Keeper(store, run_id, data, parent=stored.parent, created=stored.created, loaded=loaded)
    keeper.brought_back(checkpoint.step, len(checkpoint.edits), stored.status, film.spaced())
    warnings = filter(None, (*loaded.skipped, store.machine_has_changed(run_id)))
    return Reopened(stored, checkpoint, data, film, keeper, tuple(warnings))
