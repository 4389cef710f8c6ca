"""Bringing a stored run back with all that it needs to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nn_core.data import Dataset
from nn_core.store.run_store import RunStore
from nn_core.store.run_writer import RunWriter
from nn_core.store.summary import StoredRun, best_of
from nn_core.training.film import Film
from nn_core.training.state import Checkpoint


@dataclass(frozen=True)
class Reopened:
    """A stored run as it was saved last, with all that it needs to go on."""

    stored: StoredRun
    checkpoint: Checkpoint
    data: Dataset
    film: Film
    writer: RunWriter
    warnings: tuple[str, ...]  # each newer checkpoint that could not be read, and a machine that rounds otherwise

    def __repr__(self) -> str:
        return f"<Reopened {self.stored.id} at step {self.checkpoint.step:,}>"

    @property
    def best_accuracy(self) -> float:
        """The highest validation accuracy of its own so far, -1 where there is none."""
        best = best_of(self.checkpoint.history.so_far("val/accuracy"), self.stored.parent)[0]
        return -1.0 if best is None else best


def reopen(store: RunStore, run_id: str, load: Callable[[str], Dataset]) -> Reopened:
    """Bring a stored run back; `load` gives the data set of a name. Raises StoreError and DataError."""
    opened = store.open(run_id)
    checkpoint, stored = opened.newest.checkpoint, opened.run
    data = load(checkpoint.config.dataset)
    opened.check_data(data)
    writer = RunWriter(store, run_id, data, parent=stored.parent, created=stored.created, opened=opened)
    warnings = filter(None, (*opened.newest.skipped, opened.machine_has_changed()))
    return Reopened(stored, checkpoint, data, opened.film(), writer, tuple(warnings))
