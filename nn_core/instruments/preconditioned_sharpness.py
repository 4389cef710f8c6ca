"""Sharpness as an optimizer feels it that scales the step of every weight: Adam, RMSProp, Adagrad."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.instruments.look import Look, curved_words
from nn_core.instruments.measures.curvature import PARTS, curvature
from nn_core.instruments.registry import instrument
from nn_core.nn.optimizers import Optimizer


def _serves(config: RunConfig) -> str:
    rule: type[Optimizer] = choices("optimizer")[config.optimizer].target
    if rule.preconditioner is not Optimizer.preconditioner:
        return ""
    return "Only of optimizers that scale every weight's step by itself, like Adam; of this one see Sharpness."


@instrument(
    "preconditioned_sharpness",
    label="Preconditioned sharpness",
    formula=r"\lambda_1, \lambda_2, \lambda_3 \ \text{of}\ P^{-1} H, \quad P = \mathrm{diag}(\sqrt{\hat v} + \epsilon)",
    source="Cohen, Ghorbani, Krishnan et al. 2022, arXiv:2207.14484",
    reading="How strongly the loss bends, each weight measured by how far one step moves it. Steps along a direction "
    "that bends more than the line swing ever wider.",
    check="The eigenvalues of a matrix that is written down; full batches with Adam that settle at 38 / lr.",
    cost="all",
    needs="copy",
    order=21,
    log=True,
    parts=PARTS,
    measured_on=curved_words,
    serves=_serves,
)
def preconditioned_sharpness(look: Look) -> Mapping[str, float]:
    """The three largest eigenvalues of P^-1 H, and the line of this optimizer at its rate in force."""
    P = look.training.preconditioner
    return {} if P is None else curvature(look, "preconditioned_sharpness", P, with_line=True)
