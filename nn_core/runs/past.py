"""What a run brings along that does not begin at step 0."""

from __future__ import annotations

from dataclasses import dataclass, field

from nn_core.runs.snapshot import Status
from nn_core.training.film import Film
from nn_core.training.state import Checkpoint


@dataclass(frozen=True)
class Past:
    """What a run that does not begin at step 0 brings along."""

    checkpoint: Checkpoint
    film: Film = field(default_factory=Film)
    best_accuracy: float = -1.0  # on validation, of what is on disk; -1 when that does not count
    status: Status = "paused"
    message: str = ""
    created: float | None = None
