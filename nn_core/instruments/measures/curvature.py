"""The largest eigenvalues of the curvature of a network in training, and the line that they are to be compared with."""

from __future__ import annotations

import math

import numpy as np

from nn_core.instruments.look import Look, n_curved
from nn_core.instruments.measures.edge import edge_of, sharpness
from nn_core.instruments.registry import LINE, WHOLE
from nn_core.machine.memory import Array
from nn_core.nn.hessian import Hessian

TOLERANCE = 0.01  # of the largest eigenvalue, twice as fine as a chart shows
SECOND, THIRD = "second", "third"
PARTS = {WHOLE: "largest", SECOND: "second", THIRD: "third", LINE: "line"}


def curvature(look: Look, name: str, preconditioner: Array | None, with_line: bool) -> dict[str, float]:
    """The three largest eigenvalues of H, or of P^-1 H, and as "line" where steps of this optimizer swing.

    H is that of the loss with L2, on the first `n_curved` of the images trained on, dropout and augmentation off.
    `name` is under which the vectors are remembered, from which the next search begins.
    """
    training, n = look.training, n_curved(look.config)
    x, labels = look.model.inputs(training.images[:n]), training.labels[:n]
    last = look.memory.get(name)
    found = sharpness(
        Hessian(look.model, x, labels).times,
        look.model.n_params,
        preconditioner=preconditioner,
        last=last,
        rng=np.random.Generator(np.random.PCG64(np.random.SeedSequence([look.config.seed, training.step]))),
        tolerance=TOLERANCE,
    )
    look.memory[name] = found.vectors
    largest = [float(value) for value in found.values]
    values = dict(zip((WHOLE, SECOND, THIRD), largest, strict=False))
    line = edge_of(look.config, training.multiplier).value if with_line else None
    return values | ({} if line is None or not math.isfinite(line) else {LINE: line})
