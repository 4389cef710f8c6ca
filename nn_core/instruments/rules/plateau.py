"""Plateau: the training loss no longer falls, because each step jumps over what is left to go down."""

from __future__ import annotations

from nn_core.instruments.evidence import Evidence, swing
from nn_core.instruments.health import rule
from nn_core.instruments.rates import is_fast, times_lr
from nn_core.machine.numbers import percent

LEVEL = 0.9  # of the loss of the quarter before
JUMPS = 0.08  # from scoring to scoring, of its mean
LEARNED = 0.99  # a training accuracy from which there is nothing left to learn


@rule(
    "plateau",
    "warning",
    looks_at="the training loss of late: that it is level, and how far it jumps; the rate",
    source="Bottou, Curtis & Nocedal 2018, theorem 4.6; He et al. 2015 (dividing the rate by 10)",
    gain=1.0,
    explains=("slow", "settled", "getting worse"),
    remedy=times_lr(0.1),
)
def plateau(seen: Evidence) -> str:
    """Level and jumping, at a rate above the one that is known to work."""
    losses = seen.train_loss
    recent, before = seen.train_recent_and_before
    if seen.epoch < 2 or len(losses) < 12 or seen.is_near_chance or seen.train_accuracy >= LEARNED:
        return ""
    jumps = swing(losses[-len(losses) // 2 :])
    if recent < LEVEL * before or jumps < JUMPS or not is_fast(seen) or seen.config.schedule != "constant":
        return ""
    why = f"The training loss stays near {recent:.3g} and jumps by {percent(jumps)} from scoring to scoring"
    return f"{why}: steps at a rate of {seen.config.lr:g} overshoot what is left to go down."
