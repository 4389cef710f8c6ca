"""Batch too small for the rate: each step follows the noise of its few images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.instruments.evidence import Evidence, swing
from nn_core.instruments.health import rule
from nn_core.machine.numbers import percent

SMALL = 16  # images a step at most
NOISY = 10.0  # times the batch: a noise scale from which steps are mostly noise
JUMPS = 0.08  # of the training loss from scoring to scoring
LEARNED = 0.98  # a training accuracy from which it is no hindrance


def _larger(seen: Evidence) -> Mapping[str, Any]:
    return {"batch_size": min(128, 32 * seen.config.batch_size)}


@rule(
    "batch too small",
    "warning",
    looks_at="the gradient noise scale beside the batch size, and how far the training loss jumps",
    source="McCandlish et al. 2018 (An empirical model of large-batch training); Smith et al. 2018",
    gain=4.0,
    explains=("plateau", "slow", "settled", "getting worse"),
    remedy=_larger,
)
def batch_too_small(seen: Evidence) -> str:
    """A batch of a few images, far below the noise scale, and a loss that jumps."""
    size, losses = seen.config.batch_size, seen.train_loss
    if not 0 < size <= SMALL or seen.epoch < 1 or len(losses) < 8 or seen.train_accuracy >= LEARNED:
        return ""
    jumps = swing(losses[-len(losses) // 2 :])
    recent, before = seen.train_recent_and_before
    if jumps < JUMPS or recent < 0.6 * before or seen.is_near_chance:
        return ""
    scale = seen.noise_scale
    if not scale > NOISY * size:
        return ""
    images = "1 image" if size == 1 else f"{size} images"
    why = f"Steps on {images} follow their noise: the noise scale is {scale:,.0f} images"
    return f"{why}, and the training loss jumps by {percent(jumps)} from scoring to scoring."
