"""How a gradient becomes a step, in order of increasing complexity; each `update` is the paper's formula.

An optimizer sees the network as one flat vector of parameters and one of gradients, both float32 or both float64. Its
state vectors are in `state`, by name; with `t`, the number of updates made, they are all that a checkpoint needs.
Decoupled weight decay spares the biases, which lie behind the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nn_core.config.choices import choices, register
from nn_core.config.run_config import RunConfig
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.machine.second_core import SECOND_CORE

Block = tuple[Array, Array, Array, tuple[Array, ...], Array]  # params, grads, scratch, state, the weights among params

BLOCK = 65_536  # floats a ufunc pass works on, so that a block's operands stay in the second-level cache
LONG_BLOCK = 262_144  # the same for two threads: 407,050 parameters took 690 us alone, 670 in short blocks, 500 in long
DENORMAL = 1e-30  # what is below it is set to zero: arithmetic on denormal numbers is several times slower
SWEEP_EVERY = 64  # updates between two such sweeps
# Adam on 407,050 parameters took 690 us alone and 500 by two threads; on 203,530 it saved 100 to 300 us of a step of
# 2,800, on 100,000 nothing; a rule that keeps no state has a fifth of the work
ENOUGH = 1_000_000  # parameters, times one and twice the number of state vectors, from which the work is cut in two


class Optimizer:
    """Moves `params` (n,) in place along a rule; `state` holds named vectors (n,) of the same dtype.

    `weights` are the weight matrices in the order in which they lie at the start of the vector, the output layer's
    last (only their forms are read); without them all parameters count as weights, of no matrix.
    """

    state_names: tuple[str, ...] = ()
    decays_weights = False  # whether `weight_decay` is for this rule
    edge_formula = ""  # of `edge`, in LaTeX
    no_edge = "It is not known at which curvature this rule begins to swing."  # why `edge` is None

    def __init__(self, n: int, dtype: npt.DTypeLike = np.float32, weights: Sequence[Array] = ()) -> None:
        self.t = 0
        self.lr = 0.0  # of the running update: the setting times the schedule's multiplier
        self.n_weights = sum(W.size for W in weights) if weights else n
        self.state: dict[str, Array] = {name: memory.zeros(n, dtype) for name in self.state_names}
        self._params = self._grads = np.empty(0, dtype)  # the vectors that `_parts` are cut from
        self._parts: list[list[Block]] = []  # one for each thread

    def __repr__(self) -> str:
        kept = ", ".join(self.state) or "no state"
        return f"<{type(self).__name__}: {kept}, {self.t:,} updates made>"

    def step(self, params: Array, grads: Array, config: RunConfig, rate: float = 1.0) -> None:
        """One update in place at `rate` times config.lr; all settings are read from `config` each time."""
        self.begin(config, rate)
        self.walk(params, grads, config)

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """The curvature above which full-batch steps at the rate lr in force swing ever wider; None: see `no_edge`.

        It is a limit for the largest eigenvalue of the Hessian H or, of a rule that has a `preconditioner` P, of
        P^-1 H (Cohen et al. 2021, arXiv:2103.00065; 2022, arXiv:2207.14484).
        """
        return None

    def preconditioner(self, config: RunConfig) -> Array | None:
        """P (n,), by which the last step was divided, weight by weight; None where a rule treats all weights alike."""
        return None

    def begin(self, config: RunConfig, rate: float) -> None:
        """Count an update and take its learning rate."""
        self.t += 1
        self.lr = config.lr * rate

    def walk(self, params: Array, grads: Array, config: RunConfig, first: int = 0) -> None:
        """The rule on all parameters from the index `first` on."""
        if self._params is not params or self._grads is not grads:
            self._cut(params, grads, first)
        if len(self._parts) == 1:
            self._walk_part(self._parts[0], config)
        else:
            mine, other = self._parts
            SECOND_CORE.run(lambda: self._walk_part(mine, config), lambda: self._walk_part(other, config))

    def _cut(self, params: Array, grads: Array, first: int) -> None:
        """Slice everything into blocks, for one thread or for two; doing it at each step took 4 us of 120."""
        n = len(params)
        in_two = (n - first) * (1 + 2 * len(self.state)) >= ENOUGH
        edges = [first, (first + n) // 2, n] if in_two else [first, n]
        size = max(1, min(n - first, LONG_BLOCK if in_two else BLOCK))
        self._params, self._grads, self._parts = params, grads, []
        for begin, end in pairwise(edges):
            scratch, part = memory.empty(size, params.dtype), []
            for start in range(begin, end, size):
                stop = min(start + size, end)
                state = tuple(vector[start:stop] for vector in self.state.values())
                weights = params[start : min(stop, self.n_weights)]
                part.append((params[start:stop], grads[start:stop], scratch[: stop - start], state, weights))
            self._parts.append(part)

    def _walk_part(self, part: list[Block], config: RunConfig) -> None:
        """The rule on some blocks."""
        decay = self.lr * config.weight_decay if self.decays_weights else 0.0
        for params, grads, scratch, state, weights in part:
            if decay:
                weights *= params.dtype.type(1 - decay)
            self.update(params, grads, scratch, config, *state)
        if self.t % SWEEP_EVERY == 0:
            for *_, state, _ in part:
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

    edge_formula = r"\frac{2}{\eta}"

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """2 / lr: there a step along the steepest direction of a parabola ends as high as it began."""
        return 2 / lr

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """theta <- theta - lr g."""
        np.multiply(grads, params.dtype.type(self.lr), out=scratch)
        np.subtract(params, scratch, out=params)


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
    edge_formula = r"\frac{2 (1 + \mu)}{\eta}"

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """2 (1 + mu) / lr."""
        return 2 * (1 + config.momentum) / lr

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """v <- mu v + g; theta <- theta - lr v."""
        (velocity,) = state
        velocity *= params.dtype.type(config.momentum)
        velocity += grads
        np.multiply(velocity, params.dtype.type(self.lr), out=scratch)
        params -= scratch


@register(
    "optimizer",
    "nesterov",
    label="Nesterov",
    help="Momentum that looks where the step will land: less overshooting. Try it at momentum 0.99 beside Momentum.",
    formula=r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta (g + \mu v)",
    citation="Nesterov 1983; the form of Sutskever et al. 2013 as in PyTorch",
    uses=("momentum",),
)
class Nesterov(Momentum):
    """v <- mu v + g; theta <- theta - lr (g + mu v)."""

    edge_formula = r"\frac{2 (1 + \mu)}{(1 + 2 \mu)\, \eta}"

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """2 (1 + mu) / ((1 + 2 mu) lr)."""
        return 2 * (1 + config.momentum) / ((1 + 2 * config.momentum) * lr)

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """v <- mu v + g; theta <- theta - lr (g + mu v)."""
        (velocity,) = state
        number = params.dtype.type
        velocity *= number(config.momentum)
        velocity += grads
        np.multiply(velocity, number(config.momentum), out=scratch)
        scratch += grads
        scratch *= number(self.lr)
        params -= scratch


@register(
    "optimizer",
    "adagrad",
    label="Adagrad",
    help="Each weight's step shrinks with all the gradients it has had, so that it never speeds up again. Try 0.05.",
    formula=r"s \leftarrow s + g^2, \quad \theta \leftarrow \theta - \eta \frac{g}{\sqrt{s} + \epsilon}",
    citation="Duchi, Hazan & Singer 2011 (diagonal form; epsilon 1e-10 outside the root, as in PyTorch)",
)
class Adagrad(Optimizer):
    """s <- s + g^2; theta <- theta - lr g / (sqrt(s) + eps)."""

    state_names = ("squares",)
    epsilon = 1e-10
    edge_formula = r"\frac{2}{\eta}"

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """2 / lr: gradient descent, with every weight in units of its own P."""
        return 2 / lr

    def preconditioner(self, config: RunConfig) -> Array | None:
        """sqrt(s) + eps."""
        squares = self.state["squares"]
        return np.sqrt(squares) + squares.dtype.type(self.epsilon)

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """s <- s + g^2; theta <- theta - lr g / (sqrt(s) + eps)."""
        (squares,) = state
        number = params.dtype.type
        np.multiply(grads, grads, out=scratch)
        squares += scratch
        np.sqrt(squares, out=scratch)
        scratch += number(self.epsilon)
        np.divide(grads, scratch, out=scratch)
        scratch *= number(self.lr)
        params -= scratch


@register(
    "optimizer",
    "rmsprop",
    label="RMSProp",
    help="Divides each step by the recent size of the weight's gradients: Adagrad that forgets. Try 0.001.",
    formula=r"v \leftarrow \beta_2 v + (1-\beta_2) g^2, \quad "
    r"\theta \leftarrow \theta - \eta \frac{g}{\sqrt{v} + \epsilon}",
    citation="Tieleman & Hinton 2012, lecture 6.5 (epsilon 1e-8 outside the root, as in PyTorch)",
    uses=("beta2",),
)
class RMSProp(Optimizer):
    """v <- beta2 v + (1 - beta2) g^2; theta <- theta - lr g / (sqrt(v) + eps)."""

    state_names = ("v",)
    epsilon = 1e-8
    edge_formula = r"\frac{2}{\eta}"

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """2 / lr: gradient descent, with every weight in units of its own P."""
        return 2 / lr

    def preconditioner(self, config: RunConfig) -> Array | None:
        """sqrt(v) + eps."""
        v = self.state["v"]
        return np.sqrt(v) + v.dtype.type(self.epsilon)

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        """v <- beta2 v + (1 - beta2) g^2; theta <- theta - lr g / (sqrt(v) + eps)."""
        (v,) = state
        number = params.dtype.type
        v *= number(config.beta2)
        np.multiply(grads, grads, out=scratch)
        scratch *= number(1 - config.beta2)
        v += scratch
        np.sqrt(v, out=scratch)
        scratch += number(self.epsilon)
        np.divide(grads, scratch, out=scratch)
        scratch *= number(self.lr)
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
    edge_formula = r"\frac{2 + 2 \beta_1}{(1 - \beta_1)\, \eta}"

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """(2 + 2 beta1) / ((1 - beta1) lr): 38 / lr at beta1 = 0.9."""
        return (2 + 2 * config.beta1) / ((1 - config.beta1) * lr)

    def preconditioner(self, config: RunConfig) -> Array | None:
        """sqrt(v_hat) + eps."""
        v = self.state["v"]
        root = math.sqrt((1 - config.beta2) / (1 - config.beta2 ** max(1, self.t)))
        return np.sqrt(v) * v.dtype.type(root) + v.dtype.type(self.epsilon)

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
        scratch *= number(self.lr * root * (1 - beta1) / (1 - beta1**self.t))
        params -= scratch


@register(
    "optimizer",
    "adamw",
    label="AdamW",
    help="Adam with weight decay that the gradient's scaling leaves alone: all weights shrink at one pace. Try a decay "
    "of 0.1 at 0.001.",
    formula=r"\theta \leftarrow (1 - \eta \lambda)\, \theta - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}",
    citation="Loshchilov & Hutter 2019, algorithm 2 (decay times the learning rate, as in PyTorch; biases spared)",
    uses=("beta1", "beta2", "weight_decay"),
)
class AdamW(Adam):
    """theta <- (1 - lr decay) theta on weights, then Adam's step."""

    decays_weights = True
    edge_formula = r"\frac{(1 + \beta_1)(2 - \eta \lambda)}{(1 - \beta_1)\, \eta}"

    @classmethod
    def edge(cls, config: RunConfig, lr: float) -> float | None:
        """(1 + beta1) (2 - lr decay) / ((1 - beta1) lr): Adam's, a little lower, for a direction within the weights."""
        return (1 + config.beta1) * (2 - lr * config.weight_decay) / ((1 - config.beta1) * lr)


def make_optimizer(
    config: RunConfig, n: int, dtype: npt.DTypeLike = np.float32, weights: Sequence[Array] = ()
) -> Optimizer:
    """The optimizer that `config.optimizer` names, with fresh state for n parameters that begin with `weights`."""
    optimizer: Optimizer = choices("optimizer")[config.optimizer].target(n, dtype, weights)
    return optimizer
