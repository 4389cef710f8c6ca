"""The edge of stability: how far the curvature of the loss can grow before steps swing, for these very settings.

Sharpness is the largest eigenvalue of the Hessian or, of an optimizer that scales every weight's step by itself, of the
preconditioned Hessian. On full batches it tends to climb to its line and to stay there (Cohen et al. 2021, 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.data.augment import augments
from nn_core.instruments.measures.eigenvalues import TOLERANCE, Eigenpairs, Times, largest_eigenvalues, warm_start
from nn_core.machine.memory import Array
from nn_core.nn.optimizers import Optimizer


@dataclass(frozen=True)
class Edge:
    """The curvature (per unit of P, where preconditioned) at which steps swing; None where no line holds, and why."""

    value: float | None
    formula: str  # LaTeX, "" where there is no line
    words: str  # a sentence or two on what the line means here, or why there is none


def edge_of(config: RunConfig, multiplier: float = 1.0) -> Edge:
    """The line for the optimizer of these settings, at the rate in force: `multiplier` (the schedule's) times lr."""
    rule: type[Optimizer] = choices("optimizer")[config.optimizer].target
    for name, why in (
        ("clip_norm", "Long gradients are cut, so that steps are shorter than the learning rate says: no line holds."),
        ("max_norm", "Weights are shrunk to the max-norm after each step, which is no descent: no line holds."),
    ):
        if getattr(config, name):
            return Edge(None, "", why)
    lr = config.lr * multiplier
    value = rule.edge(config, lr) if lr > 0 else None
    if value is None:
        return Edge(None, "", rule.no_edge if lr > 0 else "The current learning rate is 0: no step changes a weight.")
    return Edge(value, rule.edge_formula, _words(config))


def _words(config: RunConfig) -> str:
    full = config.batch_size == 0 or config.batch_size >= config.n_train
    words = (
        "Full batches: the sharpness tends to climb to this line and to stay there."
        if full
        else "With mini-batches the sharpness stays below this line. Watch the step gauge instead: its edge is at 2."
    )
    left_out = [what for what, on in (("dropout", config.dropout), ("augmentation", augments(config))) if on]
    return f"{words} Measured without {' and '.join(left_out)}." if left_out else words


def sharpness(
    times: Times,
    n: int,
    k: int = 3,
    *,
    preconditioner: Array | None = None,
    last: Array | None = None,
    rng: np.random.Generator,
    dtype: type[np.floating] = np.float32,
    tolerance: float = TOLERANCE,
) -> Eigenpairs:
    """The k largest eigenvalues of H, or of P^-1 H where `preconditioner` is P (n,), from products `times(v)` = H v.

    P^-1 H has the eigenvalues of the symmetric P^-1/2 H P^-1/2, of which the vectors (k, n) are. `last` are those of
    an earlier call, to begin from; `rng` draws the beginning otherwise.
    """
    start = rng.normal(size=n).astype(dtype) if last is None else warm_start(last, rng)
    if preconditioner is None:
        return largest_eigenvalues(times, start, k, rng, tolerance)
    root = (1 / np.sqrt(preconditioner)).astype(start.dtype)
    return largest_eigenvalues(lambda v: root * times(root * v), start, k, rng, tolerance)
