"""Sharpness: how strongly the loss bends in the direction in which it bends most."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.instruments.look import Look, curved_words
from nn_core.instruments.measures.curvature import PARTS, curvature
from nn_core.instruments.registry import instrument


@instrument(
    "sharpness",
    label="Sharpness",
    formula=r"\lambda_1, \lambda_2, \lambda_3 \ \text{of}\ H = \nabla^2 L",
    source="Cohen, Kaur, Li, Kolter & Talwalkar 2021, arXiv:2103.00065; products with H by Pearlmutter 1994",
    reading="How strongly the loss bends in the three directions in which it bends most. Steps along a direction that "
    "bends more than the line swing ever wider.",
    check="The eigenvalues of a Hessian that is written down; full batches that settle at 2 / lr.",
    cost="all",
    needs="copy",
    order=20,
    parts=PARTS,
    measured_on=curved_words,
)
def sharpness(look: Look) -> Mapping[str, float]:
    """The three largest eigenvalues of the Hessian, and the line of an optimizer that treats all weights alike."""
    return curvature(look, "sharpness", None, with_line=look.training.preconditioner is None)
