"""How many trials of a search have come to an end, each counted once however often it was begun."""

from __future__ import annotations

from typing import Any


def superseded(trials: Any) -> set[int]:
    """The numbers of trials that another takes the place of: their worker was lost, or they were stopped half-way."""
    lost = {number for trial in trials for number in trial.system_attrs.get("retry_history", [])}
    return lost | {trial.number for trial in trials if trial.user_attrs.get("superseded")}


def count_done(trials: Any) -> int:
    """How many trials have come to an end, each counted once however often it was begun."""
    gone = superseded(trials)
    return sum(trial.state.is_finished() and trial.number not in gone for trial in trials)
