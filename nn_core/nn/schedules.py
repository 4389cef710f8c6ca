"""How the learning rate changes over a run: a multiplier of `lr` for each step, in order of increasing complexity.

A schedule is a function of t, the number of updates made so far, and T, those of the whole budget (epochs times steps
an epoch); both are floats, because a batch size changed under way makes t fall between two whole steps. `lr` itself
stays a live setting: it is the base that the schedule multiplies.
"""

from __future__ import annotations

import math

from nn_core.config.choices import choices, register
from nn_core.config.run_config import RunConfig

START, END = 1 / 25, 1e-4  # one-cycle: the first multiplier, and the last as a share of it (as in PyTorch)


@register(
    "schedule",
    "constant",
    label="Constant",
    help="The learning rate stays where the slider is.",
    formula=r"\eta_t = \eta",
    citation="Robbins & Monro 1951 (the constant-step variant)",
)
def constant(t: float, T: float, config: RunConfig) -> float:
    """1."""
    return 1.0


@register(
    "schedule",
    "step",
    label="Steps",
    help="Falls by a factor every few epochs: the loss drops in stairs. Try a factor of 0.1 every 10 epochs.",
    formula=r"\eta_t = \eta\, \gamma^{\lfloor e/k \rfloor}",
    citation="Krizhevsky, Sutskever & Hinton 2012; PyTorch's StepLR",
    uses=("decay_factor", "decay_every"),
)
def step(t: float, T: float, config: RunConfig) -> float:
    """decay_factor ** floor(epochs so far / decay_every)."""
    return float(config.decay_factor ** math.floor(t * config.epochs / (T * config.decay_every) + 1e-9))


@register(
    "schedule",
    "exponential",
    label="Exponential",
    help="Falls by the same factor over the same number of epochs, a little in every step.",
    formula=r"\eta_t = \eta\, \gamma^{e/k}",
    citation="LeCun, Bottou, Orr & Müller 1998, section 4.7; PyTorch's ExponentialLR",
    uses=("decay_factor", "decay_every"),
)
def exponential(t: float, T: float, config: RunConfig) -> float:
    """decay_factor ** (epochs so far / decay_every)."""
    return float(config.decay_factor ** (t * config.epochs / (T * config.decay_every)))


@register(
    "schedule",
    "cosine",
    label="Cosine",
    help="Falls to zero along half a cosine over the epochs of the budget: slowly, quickly, slowly.",
    formula=r"\eta_t = \frac{\eta}{2} \left(1 + \cos \frac{\pi t}{T}\right)",
    citation="Loshchilov & Hutter 2017 (SGDR without restarts)",
)
def cosine(t: float, T: float, config: RunConfig) -> float:
    """(1 + cos(pi t / T)) / 2."""
    return 0.5 * (1 + math.cos(math.pi * t / T))


@register(
    "schedule",
    "linear",
    label="Warm-up, then linear",
    help="Rises evenly over the warm-up, then falls evenly to zero at the end of the budget. Try it with Adam.",
    formula=r"\eta_t = \eta \min\left(\frac{t+1}{wT},\ \frac{T-t}{T-wT}\right)",
    citation="Goyal et al. 2017 (warm-up); Devlin et al. 2019 (warm-up and linear decay)",
    uses=("warmup",),
)
def linear(t: float, T: float, config: RunConfig) -> float:
    """min((t + 1) / W, (T - t) / (T - W), 1) with W = warmup T; the last step of the budget still moves."""
    warm = config.warmup * T
    rising = (t + 1) / warm if warm else 1.0
    return min(1.0, rising, (T - t) / (T - warm))


@register(
    "schedule",
    "one_cycle",
    label="One cycle",
    help="Rises from a twenty-fifth to the full rate, then falls to almost nothing; the momentum is not cycled. A rate "
    "too high to stay at can do its good for a while: try three times your best.",
    formula=r"\tfrac{\eta}{25} \nearrow \eta \searrow \tfrac{\eta}{250000}",
    citation="Smith & Topin 2018 (cosine form, as in PyTorch's OneCycleLR)",
    uses=("warmup",),
    needs=("warmup",),
)
def one_cycle(t: float, T: float, config: RunConfig) -> float:
    """Half a cosine up over the warm-up, half a cosine down over the rest."""
    top, last = config.warmup * T - 1, T - 1
    if t <= top:
        return _along_cosine(START, 1.0, t / top if top > 0 else 1.0)
    return _along_cosine(1.0, START * END, (t - max(top, 0)) / max(last - max(top, 0), 1))


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(1.0, share)))


def lr_multiplier(t: float, T: float, config: RunConfig) -> float:
    """What the schedule of `config` multiplies lr by in the update after t others; past T, that of the last one."""
    multiplier: float = choices("schedule")[config.schedule].target(max(0.0, min(t, T - 1)), T, config)
    return multiplier
