"""How a gradient becomes a step, in order of increasing complexity; each `update` is the paper's formula.

An optimizer sees the network as one flat vector of parameters and one of gradients, both float32 or both float64. Its
state vectors are in `state`, by name; with `t`, the number of updates made, they are all that a checkpoint needs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nn_core.config import RunConfig
from nn_core.knobs import choices, register

Array = npt.NDArray[Any]

BLOCK = 65_536  # floats a ufunc pass works on, so that a block's operands stay in the second-level cache
DENORMAL = 1e-30  # what is below it is set to zero: arithmetic on denormal numbers is several times slower
SWEEP_EVERY = 64  # updates between two such sweeps


class Optimizer:
    """Moves `params` (n,) in place along a rule; `state` holds named vectors (n,) of the same dtype."""

    state_names: tuple[str, ...] = ()

    def __init__(self, n: int, dtype: npt.DTypeLike = np.float32) -> None:
        self.t = 0
        self.state: dict[str, Array] = {name: np.zeros(n, dtype) for name in self.state_names}
        self._scratch = np.empty(min(n, BLOCK), dtype)

    def step(self, params: Array, grads: Array, config: RunConfig) -> None:
        """One update in place; the learning rate and its companions are read from `config` each time."""
        self.t += 1
        sweep = self.t % SWEEP_EVERY == 0
        for start in range(0, len(params), BLOCK):
            block = slice(start, start + BLOCK)
            state = [vector[block] for vector in self.state.values()]
            scratch = self._scratch[: len(params[block])]
            self.update(params[block], grads[block], scratch, config, *state)
            if sweep:
                for vector in state:
                    vector[np.abs(vector) < DENORMAL] = 0

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """The rule on one block; `scratch` is free for intermediate results, `grads` is left as it is."""
        raise TypeError("an optimizer needs its formula")


@register(
    "optimizer",
    "sgd",
    label="SGD",
    help="Gradient descent: straight down the gradient of the batch.",
    formula=r"\theta \leftarrow \theta - \eta g",
    citation="Robbins & Monro 1951",
)
class SGD(Optimizer):
    """theta <- theta - lr g."""

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """theta <- theta - lr g."""
        np.multiply(grads, params.dtype.type(config.lr), out=scratch)
        params -= scratch


@register(
    "optimizer",
    "momentum",
    label="Momentum",
    help="A heavy ball: past gradients keep pushing, so that narrow valleys are crossed faster.",
    formula=r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta v",
    citation="Polyak 1964; the form of Sutskever et al. 2013 with the rate outside, as in PyTorch",
    uses=("momentum",),
)
class Momentum(Optimizer):
    """v <- mu v + g; theta <- theta - lr v."""

    state_names = ("velocity",)

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """v <- mu v + g; theta <- theta - lr v."""
        (velocity,) = state
        velocity *= params.dtype.type(config.momentum)
        velocity += grads
        np.multiply(velocity, params.dtype.type(config.lr), out=scratch)
        params -= scratch


@register(
    "optimizer",
    "adam",
    label="Adam",
    help="Each weight gets a step of its own, scaled by how large its gradients have been. Wants a small learning "
    "rate: 0.001 to 0.01.",
    formula=r"\theta \leftarrow \theta - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}, \quad "
    r"\hat m = \frac{m}{1-\beta_1^t},\ \hat v = \frac{v}{1-\beta_2^t}",
    citation="Kingma & Ba 2015, algorithm 1 (epsilon outside the root, 1e-8)",
    uses=("beta1", "beta2"),
)
class Adam(Optimizer):
    """Adam with every constant factor folded into two scalars; the step is that of algorithm 1.

    The state is m / (1 - beta1) and v / (1 - beta2), which saves two of twelve passes: 10 to 30 % of an update.
    """

    state_names = ("m", "v")
    epsilon = 1e-8

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """theta <- theta - lr m_hat / (sqrt(v_hat) + eps)."""
        m, v = state
        number = params.dtype.type
        beta1, beta2 = config.beta1, config.beta2
        m *= number(beta1)  # m <- beta1 m + (1 - beta1) g, over (1 - beta1)
        m += grads
        v *= number(beta2)  # v <- beta2 v + (1 - beta2) g^2, over (1 - beta2)
        np.multiply(grads, grads, out=scratch)
        v += scratch
        # m_hat = m (1 - beta1) / (1 - beta1^t) and sqrt(v_hat) = sqrt(v) / root
        root = math.sqrt((1 - beta2**self.t) / (1 - beta2))
        np.sqrt(v, out=scratch)
        scratch += number(self.epsilon * root)
        np.divide(m, scratch, out=scratch)
        scratch *= number(config.lr * root * (1 - beta1) / (1 - beta1**self.t))
        params -= scratch


def make_optimizer(config: RunConfig, n: int, dtype: npt.DTypeLike = np.float32) -> Optimizer:
    """The optimizer that `config.optimizer` names, with fresh state for n parameters."""
    optimizer: Optimizer = choices("optimizer")[config.optimizer].target(n, dtype)
    return optimizer
