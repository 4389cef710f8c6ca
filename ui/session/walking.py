"""The network whose training step the page Backprop walks: held still while it is looked at, though it trains on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.explain.walkthrough.step import Moments, Step, rate_at, replica, take_step
from nn_core.machine.memory import Array
from ui.session.current import current_run
from ui.session.selection import choose, chosen, steady
from ui.session.shipped import SHIPPED, shown
from ui.session.time_machine import looked_at_step, snapshot
from ui.words import Markdown


@dataclass(frozen=True, eq=False, repr=False)
class Walked:
    """The network that is walked, and what its optimizer has kept."""

    key: tuple[object, ...]
    config: RunConfig
    weights: Mapping[str, Array]
    step: int
    rate: float
    moments: Moments
    about: Markdown
    is_live: bool  # whether the run has gone on meanwhile


def walked() -> Walked | None:
    """The run at the step that is looked at, without a run the shipped network; None where there is neither.

    While the run trains, the same weights stay until `walk_newest`.
    """
    shot = shown()
    if shot is None:
        return None
    moves = shot.is_training and looked_at_step() is None
    key = (shot.run_id, chosen("backprop-newest", 0) if moves else shot.step, shot.config)
    found: Walked = steady("backprop-network", key, lambda: _take(key))
    return found


def walk_newest() -> None:
    """Take the newest weights of a run that trains."""
    choose("backprop-newest", chosen("backprop-newest", 0) + 1)


def _take(key: tuple[object, ...]) -> Walked:
    shot = shown()
    assert shot is not None
    moments, rate, about = Moments(), rate_at(shot.config, shot.epoch), ""
    run = current_run()
    has_state = bool(_state_names(shot.config))
    if shot.run_id == SHIPPED:
        about = "Its optimizer's averages are not kept, so the update is its first." if has_state else ""
    elif looked_at_step() is not None:
        about = "Of this step only the weights are kept, so the optimizer's averages begin at 0." if has_state else ""
    elif run is not None and (state := run.checkpoint_at(shot.step, 2.0)) is not None:
        kept = {name.removeprefix("optimizer."): values for name, values in state.arrays.items()
                if name.startswith("optimizer.")}  # fmt: skip
        moments = Moments(state.updates, kept)
    elif has_state:
        about = "While it trains the optimizer's averages are not read: they begin at 0 here. Pause for the exact step."
    live = shot.is_training and looked_at_step() is None
    return Walked(key, shot.config, shot.weights, shot.step, rate, moments, about, live)


def _state_names(config: RunConfig) -> tuple[str, ...]:
    names: tuple[str, ...] = choices("optimizer")[config.optimizer].target.state_names
    return names


def newer_step(of: Walked) -> int | None:
    """The step at which the run stands now, where that is another than the one walked."""
    shot = snapshot()
    return shot.step if of.is_live and shot is not None and shot.step != of.step else None


def training_step(of: Walked, images: Array, labels: Array) -> Step:
    """The step on uint8 images (m, 28, 28) and labels (m,); kept until something changes."""

    def compute() -> Step:
        model = replica(of.config, of.weights)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return take_step(model, model.inputs(images), labels, of.rate, of.moments)

    step: Step = steady("backprop-step", (of, images.tobytes(), labels.tobytes()), compute)
    return step
