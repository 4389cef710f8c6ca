"""Label noise learned: the network learns wrong labels by heart, and reads the others worse for it."""

from __future__ import annotations

from nn_core.data.dataset import N_CLASSES
from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import rule
from nn_core.machine.numbers import percent

MARGIN = 0.05  # of the labels: so many more are right than a network that is not fooled could have right


@rule(
    "label noise learned",
    "warning",
    looks_at="training accuracy beside the share of labels that are right, and the validation loss",
    source="Zhang et al. 2017; Arpit et al. 2017",
    gain=6.0,
    explains=("overfitting", "getting worse", "settled", "slow"),
    remedy=lambda seen: {"l2": 0.01} if seen.config.l2 < 0.01 else {},
)
def learned_noise(seen: Evidence) -> str:
    """More training labels are met than are right, and validation has become worse."""
    wrong = seen.config.label_noise * (N_CLASSES - 1) / N_CLASSES  # a redrawn label may stay as it was
    val = seen.val_loss
    if not wrong or seen.train_accuracy < 1 - wrong + min(MARGIN, wrong / 2) or val[-1] < 1.05 * val.min():
        return ""
    why = f"{percent(seen.train_accuracy)} of the training labels are met, and only {percent(1 - wrong)} are right"
    worse = f"the validation loss is {val[-1] / val.min():.2f} times its lowest"
    return f"{why}: wrong labels are learned by heart, and {worse}."
