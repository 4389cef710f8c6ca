"""L2 too strong: the penalty holds the weights so small that the network cannot fit its images."""

from __future__ import annotations

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import rule
from nn_core.machine.numbers import percent

MUCH = 0.5  # of the training loss
LEARNED = 0.9  # a training accuracy from which the penalty does no harm
MILD = 0.0001


@rule(
    "L2 too strong",
    "warning",
    looks_at="the penalty beside the training loss, and training accuracy",
    source="Krogh & Hertz 1991 (A simple weight decay can improve generalization)",
    gain=22.0,
    explains=("slow", "settled"),
    remedy=lambda seen: {"l2": MILD},
)
def l2_too_strong(seen: Evidence) -> str:
    """The penalty is more than half as large as the loss, and the training images are not fitted."""
    l2 = seen.config.l2
    if l2 <= MILD or seen.epoch < 1 or seen.is_near_chance or "train/l2" not in seen.series:
        return ""
    penalty, loss = seen.series["train/l2"].last, seen.train_loss[-1]
    if penalty < MUCH * loss or seen.train_accuracy >= LEARNED:
        return ""
    why = f"The L2 penalty of {l2:g} adds {penalty:.2g} to a training loss of {loss:.2g}"
    return f"{why} and keeps the weights small; training accuracy is only {percent(seen.train_accuracy)}."
