"""The accuracy of each class: which digits are learned first, and which are never learned well."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures.data_map import class_accuracies
from nn_core.instruments.registry import instrument

N_CLASSES = 10


@instrument(
    "class_accuracy",
    label="Accuracy by class",
    unit="share",
    formula=r"\frac{\#\{\text{images of a class that are read as it}\}}{\#\{\text{images of the class}\}}",
    source="Learning order: Hacohen, Choshen & Weinshall 2020, arXiv:1905.10854",
    reading="Which digits are learned first. Networks that differ in much else learn them in nearly the same order.",
    check="By hand, from a confusion matrix.",
    cost="light",
    needs="scores",
    order=50,
    parts={str(label): str(label) for label in range(N_CLASSES)},
    measured_on=lambda config: "all validation images",
)
def class_accuracy(look: Look) -> Mapping[str, float]:
    """The recall of each class on validation; nothing for a class without images."""
    shares = class_accuracies(look.scored.scores.confusion)
    return {str(label): float(share) for label, share in enumerate(shares) if not math.isnan(share)}
