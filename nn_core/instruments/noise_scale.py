"""The gradient noise scale: from which batch size on more images a step are waste."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.instruments.look import Look, n_curved
from nn_core.instruments.measures.noise_scale import Noise, measure_noise
from nn_core.instruments.registry import LINE, WHOLE, instrument

N_PARTS = 16  # whose gradients are compared
EACH = 128  # images of a part at most


def part_size(config: RunConfig) -> int:
    """How many images a part has: of large networks, and where few images are trained on, fewer."""
    return max(1, min(EACH, n_curved(config) * 2 // N_PARTS, config.n_train // N_PARTS))


def _words(config: RunConfig) -> str:
    return f"{N_PARTS} parts of {part_size(config):,} images trained on, drawn anew each time, without augmentation"


@instrument(
    "noise_scale",
    label="Gradient noise scale",
    unit="images",
    formula=r"B_{\text{simple}} = \frac{\operatorname{tr} \Sigma}{|G|^2}",
    source="McCandlish, Kaplan, Amodei et al. 2018, arXiv:1812.06162, appendix A.1",
    reading="The batch size at which the noise of a batch's gradient is as large as what the batches agree on. Much "
    "smaller batches make noisy steps; much larger ones are waste. It grows as the network learns.",
    check="Gradients that were made with a known covariance.",
    cost="all",
    needs="copy",
    order=30,
    log=True,
    parts={WHOLE: "noise scale", LINE: "batch size"},
    measured_on=_words,
)
def noise_scale(look: Look) -> Mapping[str, float]:
    """tr(Sigma) / |G|^2, both averaged over the last measurements; nothing where no gradient stands out of it."""
    training, config = look.training, look.config
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([config.seed, training.step])))
    rows = rng.choice(len(training.labels), N_PARTS * part_size(config), replace=len(training.labels) < N_PARTS)
    x, labels = look.model.inputs(training.images[rows]), training.labels[rows]
    noise = _kept(look.kept.get("noise_scale", {})).and_then(*measure_noise(look.model, x, labels, N_PARTS))
    look.keep("noise_scale", {"signal": noise.signal, "noise": noise.noise, "weight": noise.weight})
    batch = float(config.effective_batch(config.n_train))
    return {LINE: batch} | ({WHOLE: noise.scale} if noise.scale > 0 else {})


def _kept(values: Mapping[str, Any]) -> Noise:
    """The averages of before; a new beginning where a file holds something else."""
    numbers = [values.get(name) for name in ("signal", "noise", "weight")]
    if not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
        return Noise()
    signal, noise, weight = map(float, numbers)  # type: ignore[arg-type]
    return Noise(signal, noise, min(1.0, max(0.0, weight)))
