"""Steps too long: for long they have gone past the lowest point along their way, now and then past where they began."""

from __future__ import annotations

import statistics

from nn_core.instruments.evidence import Evidence, swing
from nn_core.instruments.health import rule
from nn_core.instruments.rates import times_lr
from nn_core.instruments.registry import INSTRUMENTS, WHOLE
from nn_core.machine.numbers import percent

READINGS = 8  # of the step gauge, one every 50 steps
LONG = 1.5  # their median; 1 is the best length, 2 the edge
ABOVE = 2  # so many of them at least are above 2
JUMPS = 0.08  # of the training loss from scoring to scoring


@rule(
    "steps too long",
    "warning",
    looks_at="the step gauge over its newest eight readings, and how far the training loss jumps",
    source="Andreyev & Beneventano 2024 (arXiv:2412.20553); Cohen et al. 2021 (arXiv:2103.00065)",
    gain=1.0,
    explains=("plateau", "settled", "slow"),
    remedy=times_lr(0.3),
)
def steps_too_long(seen: Evidence) -> str:
    """The gauge stays near 2 and beyond, and the loss jumps; where it falls evenly, such steps do no harm."""
    gauge, losses = INSTRUMENTS["step_gauge"].series(seen.series).get(WHOLE), seen.train_loss
    if gauge is None or len(gauge) < READINGS + 2 or len(losses) < 8:
        return ""
    newest = gauge.value[-READINGS:].tolist()
    above, median = sum(value > 2 for value in newest), statistics.median(newest)
    jumps = swing(losses[-len(losses) // 2 :])
    if above < ABOVE or median < LONG or jumps < JUMPS:
        return ""
    why = f"{above} of the last {READINGS} steps looked at raised the loss of their own batch"
    length = f"half of them are longer than {median:.2g} times the best one, and 2 is the edge"
    return f"{why}; {length}. The training loss jumps by {percent(jumps)} from scoring to scoring."
