"""What the numbers of a run say about its training: dead units, copies, and a verdict with its remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.explain.filters import first_filters, hidden_sizes
from nn_core.machine.memory import Array
from nn_core.training.history import Series

Level = Literal["idle", "good", "warning", "bad"]

COPY = 1e-4  # of the largest weight: units that differ by less are copies of one


@dataclass(frozen=True)
class Health:
    """A verdict ("learning well"), why, and, where something can be mended, the settings that would mend it."""

    level: Level
    verdict: str
    why: str
    fix: Mapping[str, Any] = field(default_factory=dict)


def dead_units(hidden_outputs: Sequence[Array]) -> list[int]:
    """For each hidden layer's outputs (n_images, n_units), how many units put out exactly 0 on every image.

    Of a convolution (n_images, C, H, W): how many channels do, at every place.
    """
    alive = (outputs.any(axis=(0, *range(2, outputs.ndim))) for outputs in hidden_outputs)
    return [int(np.count_nonzero(~of_layer)) for of_layer in alive]


def are_copies(weights: Mapping[str, Array]) -> bool:
    """Whether all units of the first hidden layer carry the same weights, up to rounding (as after zero weights).

    Some processors' matrix products round one column otherwise than its neighbour.
    """
    W, n_layers = first_filters(weights), sum(name.endswith(".W") for name in weights)
    if n_layers < 2 or W.shape[1] < 2:
        return False
    return bool(np.abs(W - W[:, :1]).max() <= COPY * np.abs(W).max())


def health(
    config: RunConfig,
    series: Mapping[str, Series],
    weights: Mapping[str, Array],
    *,
    step: int,
    epoch: float,
    stopped: str = "",
    dead: list[int] | None = None,
) -> Health:
    """The verdict on a run. `stopped` is why training ended by itself; `dead` comes from `dead_units`."""
    slower = {"lr": _slider_value(config.lr / 10)}
    if stopped:
        return Health("bad", "diverged", stopped, slower)
    if step == 0:
        return Health("idle", "not trained yet", "Press Train: the weights are still as they were drawn.")
    if "val/loss" not in series or len(series["val/loss"]) < 2:
        return Health("idle", "just begun", f"There are no scores yet from after the start (step {step:,}).")
    if are_copies(weights):
        n_units = first_filters(weights).shape[1]
        why = f"All {n_units} first-layer units carry the same weights, so they stay copies of one."
        return Health("bad", "symmetric", f"{why} A random initialization breaks the symmetry.", {"init": "he"})
    train, val = series["train/loss"].value, series["val/loss"].value
    val_accuracy = series["val/accuracy"].value
    gap = series["train/accuracy"].last - val_accuracy[-1]
    if train[-1] > max(2 * train[0], 5.0):
        why = f"The loss is {train[-1]:.3g}, above the {train[0]:.3g} it began with: steps overshoot."
        return Health("bad", "overshooting", why, slower)
    counts = _dead_by_kind(weights, dead or [])
    many = [kind for kind, (n_dead, n) in counts.items() if n_dead > 0.25 * n]
    found = " and ".join(f"{n_dead} of {n} {kind}" for kind, (n_dead, n) in counts.items() if n_dead)
    of_dead = f"{found} put out 0 for every image, and a zero slope cannot mend them."
    if epoch >= 0.5 and val_accuracy[-1] < 0.2:
        why = f"Validation accuracy is {val_accuracy[-1]:.1%} after {epoch:.1f} epochs; guessing gives about 10 %."
        if many:
            return Health("bad", "stuck near chance", f"{why} {of_dead}", slower)
        faster = {"lr": _slider_value(config.lr * 10)} if train[-1] < 1.02 * train[0] and config.lr < 0.05 else slower
        return Health("bad", "stuck near chance", why, faster)
    if many:
        return Health("warning", f"dead {' and '.join(many)}", of_dead, slower)
    if gap > 0.03 and val[-1] > 1.15 * val.min():
        ratio = val[-1] / val.min()
        why = f"Training accuracy is {gap:.1%} above validation, and the validation loss is {ratio:.2f} times"
        return Health("warning", "memorising", f"{why} its lowest. More images, L2 or dropout help.", {"l2": 0.001})
    quarter = max(1, len(val) // 4)
    recent, before = val[-quarter:].mean(), val[-2 * quarter : -quarter].mean() if len(val) > quarter else val[0]
    if len(val) >= 8 and recent > 1.1 * before and val[-1] > 1.1 * val.min():
        why = f"The validation loss has risen from {before:.3g} to {recent:.3g} of late."
        return Health("warning", "getting worse", why, {"lr": _slider_value(config.lr / 3)})
    if len(val) >= 8 and recent > 0.995 * before:
        why = f"The validation loss has stayed near {recent:.3g}; accuracy {val_accuracy[-1]:.1%}."
        return Health("good", "settled", why)
    if epoch >= 2 and val_accuracy[-1] < 0.85 and recent > 0.97 * before and config.lr < 1:
        why = f"Still falling, but only from {before:.3g} to {recent:.3g}: a larger learning rate may be faster."
        return Health("warning", "slow", why, {"lr": _slider_value(config.lr * 3)})
    return Health(
        "good", "learning well", f"The validation loss is falling: {val[-1]:.3g} now, {val[0]:.3g} at the start."
    )


def _dead_by_kind(weights: Mapping[str, Array], dead: Sequence[int]) -> dict[str, tuple[int, int]]:
    """Of a network's channels, and of its units: how many are dead, by layer in `dead`, and how many there are."""
    sizes, n_blocks = hidden_sizes(weights), sum(W.ndim == 4 for W in weights.values())
    kinds = {"channels": slice(n_blocks), "units": slice(n_blocks, None)}
    return {kind: (sum(dead[layers]), sum(sizes[layers])) for kind, layers in kinds.items()}


def _slider_value(lr: float) -> float:
    """A learning rate rounded to one digit, inside the allowed range."""
    return min(10.0, max(1e-5, float(f"{lr:.0e}")))
