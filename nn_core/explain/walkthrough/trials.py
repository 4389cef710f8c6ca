"""Trying a gradient out: a weight moved to and fro, and backprop held against central differences, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nn_core.explain.walkthrough.back import Index
from nn_core.explain.walkthrough.step import Step
from nn_core.machine.memory import Array

NUDGE = 1e-5  # of a weight, to both sides
SMALL = 1e-6  # gradients below it are compared by their difference, in units of this size
MOST_CHECKED = 2_000  # weights of a layer that are checked; of more, so many spread evenly


@dataclass(frozen=True, eq=False, repr=False)
class Moved:
    """What becomes of one step's batch when one weight has other values, all else fixed."""

    values: Array  # (n,) of the weight
    losses: Array  # (n,) with the penalties
    tangent: Array  # (n,) what the gradient predicts from the weight's own value
    slope: float


def loss_at(step: Step) -> float:
    """The loss with its penalties of the model as it is now."""
    config = step.config
    logits = step.model.forward(step.x, step.m > 1)
    return step.model.loss.value(logits, step.labels, config.label_smoothing) + step.model.penalties(
        config.l2, config.l1
    )


def _with_each(
    step: Step, name: str, index: Index, values: Array, ask: Callable[[], Array | float]
) -> list[Array | float]:
    """What `ask` says with the weight at each of these values; the model is left as it was."""
    layer, _, of = name.rpartition(".")
    array, running = step.model.parts[layer].params[of], step.model.running.copy()
    own, found = array[index], []
    try:
        for value in values:
            array[index] = value
            found.append(ask())
    finally:
        array[index] = own
        step.model.running[...] = running
    return found


def move(step: Step, name: str, index: Index, reach: float, n: int = 61) -> Moved:
    """The loss for n values of one weight, within `reach` of its own to both sides."""
    own = float(step.before[name][index])
    values = own + np.linspace(-reach, reach, n)
    losses = np.array(_with_each(step, name, index, values, lambda: loss_at(step)))
    slope = float(step.data_gradients[name][index] + step.penalty_gradients[name][index])
    _restore(step)
    return Moved(values, losses, step.data_loss + step.penalty + slope * (values - own), slope)


def probabilities_at(step: Step, name: str, index: Index, value: float) -> tuple[float, Array]:
    """The loss and the probabilities (m, n_classes) with one weight at another value."""

    def ask() -> Array:
        logits = step.model.forward(step.x, step.m > 1)
        return np.append(step.model.loss.probabilities(logits), loss_at(step))

    (found,) = _with_each(step, name, index, np.array([value]), ask)
    _restore(step)
    flat = np.asarray(found)
    return float(flat[-1]), flat[:-1].reshape(step.probabilities.shape)


def _restore(step: Step) -> None:
    """Let the layers remember the step again."""
    running = step.model.running.copy()
    step.model.forward(step.x, step.m > 1)
    step.model.running[...] = running


@dataclass(frozen=True, eq=False, repr=False)
class Check:
    """Backprop against central differences over one array of parameters; nan where a weight was not checked."""

    name: str
    backprop: Array
    numerical: Array
    errors: Array  # relative: |a - b| / max(|a|, |b|, SMALL)
    n_checked: int

    @property
    def worst(self) -> Index:
        """Where the largest relative error is."""
        return tuple(int(i) for i in np.unravel_index(int(np.nanargmax(self.errors)), self.errors.shape))


def check_gradients(
    step: Step, name: str, progress: Callable[[float], None] = lambda share: None, most: int = MOST_CHECKED
) -> Check:
    """(L(w + h) - L(w - h)) / 2h for at most `most` weights of one array; `progress` hears of the share done."""
    backprop = step.data_gradients[name] + step.penalty_gradients[name]
    numerical = np.full(backprop.shape, np.nan)
    places = _to_check(backprop, most)
    try:
        for done, place in enumerate(places):
            index = tuple(int(i) for i in np.unravel_index(int(place), backprop.shape))
            own = float(step.before[name][index])
            around = np.array([own + NUDGE, own - NUDGE])
            above, below = _with_each(step, name, index, around, lambda: loss_at(step))
            numerical[index] = (above - below) / (around[0] - around[1])
            if done % 20 == 0:
                progress(done / len(places))
    finally:
        _restore(step)
    scale = np.maximum(np.maximum(np.abs(backprop), np.abs(numerical)), SMALL)
    return Check(name, backprop.copy(), numerical, np.abs(backprop - numerical) / scale, len(places))


def _to_check(gradients: Array, most: int) -> Array:
    """The places, in one row, of the weights to check: whole rows of the array, those with a gradient first."""
    rows = gradients.reshape(len(gradients), -1) if gradients.ndim > 1 else gradients.reshape(-1, 1)
    n = max(1, most // rows.shape[1])
    if n >= len(rows):
        return np.arange(rows.size)
    alive = np.flatnonzero(np.abs(rows).max(axis=1))
    among = alive if len(alive) >= n else np.arange(len(rows))
    taken = among[np.unique(np.linspace(0, len(among) - 1, n).astype(int))]
    return (taken[:, None] * rows.shape[1] + np.arange(rows.shape[1])).reshape(-1)[: max(most, 1)]
