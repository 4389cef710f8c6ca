"""The step gauge: whether a step was shorter or longer than the best one along its own direction."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures import step
from nn_core.instruments.registry import LOWEST, WHOLE, Band, instrument, times

TIMID = 0.01  # Adam at its usual rate of 0.001 has 0.08


@instrument(
    "step_gauge",
    label="Step gauge",
    formula=r"r = 1 - \frac{g_1 \cdot d}{g_0 \cdot d}",
    source="Schneider, Dangel & Hennig 2021 (Cockpit's alpha); Andreyev & Beneventano 2024 (batch sharpness)",
    reading="How long a step is, measured on its own batch: at 1 it ends where the loss along it is lowest, from 1 to "
    "2 it goes too far but still down, above 2 the loss of that batch rose.",
    check="r = lr g'Hg / g'g on a quadratic, exactly 1 and 2 where that says so; above 2 the batch's loss rises.",
    needs="update",
    order=1,
    once_a_second=False,
    judged_on=9,
    scale=(0.0, 2.5),
    bands=(
        Band(LOWEST, "watch", "Steps climb, or the loss bends downward along them: this says nothing of their length."),
        Band(0.0, "watch", "Steps are tiny beside the best ones: the rate is low, or there is little left to learn."),
        Band(TIMID, "fine", "Steps end before the lowest point along their direction."),
        Band(1.0, "watch", "Steps go past the lowest point along their direction, but still down.", times(0.5)),
        Band(2.0, "broken", "Steps are so long that the loss of their own batch rises.", times(0.3)),
    ),
)
def step_gauge(look: Look) -> Mapping[str, float]:
    """1 - (g1.d)/(g0.d); nothing where the step was level, g0.d = 0.

    g0 and g1 are the gradients of the same batch before and after the step, d what the optimizer really did. Dropout
    and augmentation are off. On a quadratic, 1 is the exact minimum along the step and 2 the edge of stability.
    """
    both = look.update.both_sides
    gauge = step.step_gauge(both.before, both.after, look.update.change)
    return {} if math.isnan(gauge) else {WHOLE: gauge}
