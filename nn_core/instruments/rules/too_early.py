"""Too early to tell: nothing was trained yet, or not scored since."""

from __future__ import annotations

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import rule


@rule("not trained yet", "idle", looks_at="the number of steps", gain=1.0, needs_curves=False)
def not_trained_yet(seen: Evidence) -> str:
    """Before the first step."""
    return "" if seen.step else "Press Train: the weights are still as they were drawn."


@rule("just begun", "idle", looks_at="how often the network was scored", needs_curves=False)
def just_begun(seen: Evidence) -> str:
    """Before the second scoring."""
    n_scores = len(seen.series["val/loss"]) if "val/loss" in seen.series else 0
    return f"There are no scores yet from after the start (step {seen.step:,})." if n_scores < 2 else ""
