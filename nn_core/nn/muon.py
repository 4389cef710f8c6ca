"""Muon: momentum whose step on each hidden weight matrix is made orthogonal, so that all directions move alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nn_core.config.choices import register
from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.nn.optimizers import DENORMAL, SWEEP_EVERY, Momentum

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # the quintic of Jordan et al.: steepest at 0, ends within about 0.7 to 1.2
ITERATIONS = 5


def orthogonalised(G: Array) -> Array:
    """The (semi-)orthogonal matrix nearest to G (r, c), roughly: singular vectors kept, singular values near 1.

    Five Newton-Schulz iterations X <- a X + (b X X^T + c (X X^T)^2) X, in G's own dtype (the paper's code: bfloat16).
    """
    a, b, c = (G.dtype.type(number) for number in NEWTON_SCHULZ)
    X = G if G.shape[0] <= G.shape[1] else G.T
    X = X / (np.sqrt(np.vdot(X, X)) + G.dtype.type(1e-7))
    for _ in range(ITERATIONS):
        A = X @ X.T
        X = a * X + (b * A + c * (A @ A)) @ X
    return X if G.shape[0] <= G.shape[1] else X.T


@register(
    "optimizer",
    "muon",
    label="Muon",
    help="Makes the momentum of each hidden weight matrix orthogonal, so that rare directions move as much as common "
    "ones; biases and the output layer take plain momentum. Try a learning rate of 0.02 with momentum 0.95.",
    formula=r"W \leftarrow (1 - \eta \lambda) W - \eta \sqrt{\max(1, n_{out}/n_{in})}\; U V^\top, \quad "
    r"U \Sigma V^\top = g + \mu v",
    citation="Jordan et al. 2024 (Nesterov form, 5 Newton-Schulz iterations; the rest by Polyak's momentum, not AdamW)",
    uses=("momentum", "weight_decay"),
    needs=("hidden",),
)
class Muon(Momentum):
    """v <- mu v + g; W <- (1 - lr decay) W - lr s NS(g + mu v) on hidden matrices; heavy ball with decay elsewhere."""

    decays_weights = True
    edge_formula = ""
    no_edge = (
        "Muon's steps have a length of their own, whatever the size of the gradient: no curvature is their limit. The "
        "step gauge holds (arXiv:2603.05002)."
    )

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """None: see `no_edge`."""
        return None

    def __init__(self, n: int, dtype: npt.DTypeLike = np.float32, weights: Sequence[Array] = ()) -> None:
        super().__init__(n, dtype, weights)
        self._hidden: list[tuple[slice, tuple[int, int], float]] = []  # place in the vector, shape there, factor s
        start = 0
        for W in weights[:-1]:
            n_in, n_out = W.shape
            in_memory = (n_in, n_out) if W.flags.c_contiguous else (n_out, n_in)
            self._hidden.append((slice(start, start + W.size), in_memory, math.sqrt(max(1.0, n_out / n_in))))
            start += W.size
        self._rest = start

    def step(self, params: Array, grads: Array, config: RunConfig, rate: float = 1.0) -> None:
        """One update in place."""
        self.begin(config, rate)
        number, velocity = params.dtype.type, self.state["velocity"]
        for place, shape, factor in self._hidden:
            v = velocity[place]
            v *= number(config.momentum)
            v += grads[place]
            if self.t % SWEEP_EVERY == 0:
                v[np.abs(v) < DENORMAL] = 0
            direction = v * number(config.momentum)
            direction += grads[place]
            params[place] *= number(1 - self.lr * config.weight_decay)
            params[place] -= number(self.lr * factor) * orthogonalised(direction.reshape(shape)).reshape(-1)
        self.walk(params, grads, config, self._rest)
