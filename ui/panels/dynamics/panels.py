"""All panels of the Dynamics page: those of every registered instrument, and three that want a picture of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from nn_core.config import RunConfig
from nn_core.instruments.registry import INSTRUMENTS
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.panels.dynamics import classes, curve, histograms, images, spectrum
from ui.panels.dynamics.panel import Panel

OPEN = ("step_gauge", "sharpness", "preconditioned_sharpness", "noise_scale", "class_accuracy")  # at first, and on top
OWN: Mapping[str, Callable[[Snapshot, Axis], None]] = {  # instruments that have more to say than a curve, or another
    "step_gauge": curve.gauge,
    "sharpness": partial(curve.sharpness, INSTRUMENTS["sharpness"]),
    "preconditioned_sharpness": partial(curve.sharpness, INSTRUMENTS["preconditioned_sharpness"]),
    "noise_scale": curve.noise_scale,
    "class_accuracy": classes.draw,
}
WIDE = (
    Panel("histograms", "Histograms over steps", histograms.draw, True, True, session.is_counting),
    Panel("spectrum", "Singular values", spectrum.draw, is_wide=True),
    Panel("map", "Data map", images.draw, is_wide=True),
)


def panels(config: RunConfig) -> list[Panel]:
    """Those of instruments, what can be measured of networks of these settings first; then the wide ones."""
    found = sorted(
        INSTRUMENTS.values(),
        key=lambda each: (bool(each.serves(config)), each.name not in OPEN, each.order, each.name),
    )
    small = [
        Panel(
            each.name,
            each.label,
            OWN.get(each.name, partial(curve.draw, each)),
            is_open=each.name in OPEN and not each.serves(config),
        )
        for each in found
    ]
    return [*small, *WIDE]
