"""Bringing a stored run back with all that it needs to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nn_core.data import Dataset
from nn_core.store.run_store import RunStore, StoredRun
from nn_core.store.run_writer import RunWriter
from nn_core.store.summary import best_of
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
    writer = RunWriter(store, run_id, data, parent=stored.parent, created=stored.created, loaded=loaded)
    writer.brought_back(checkpoint.step, len(checkpoint.edits), stored.status, film.spaced())
    warnings = filter(None, (*loaded.skipped, store.machine_has_changed(run_id)))
    return Reopened(stored, checkpoint, data, film, writer, tuple(warnings))
