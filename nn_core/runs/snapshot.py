"""What a page draws of a run: an immutable picture of it at one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.instruments.events import Event
from nn_core.machine.memory import Array
from nn_core.nn.network import Network, from_weights
from nn_core.training.film import Frame
from nn_core.training.history import Series
from nn_core.training.state import Edit, Parent, Scores, Status

__all__ = ["Snapshot", "Status"]


class Scored(NamedTuple):
    """How many of all validation images were read right, as a share, and at which step that was looked at."""

    accuracy: float
    step: int


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a page draws. Nothing in it changes; arrays are read-only copies, series are views of append-only rows."""

    run_id: str
    started_as: RunConfig  # the settings at step 0
    config: RunConfig  # the settings now, with live edits
    status: Status
    message: str  # one sentence for a status that wants explaining, else ""
    speed: str
    step: int
    epoch: float
    images_seen: int
    seconds: float  # of training
    samples_per_second: float  # over the last second of training, 0 when not training
    weights: Mapping[str, Array]
    series: Mapping[str, Series]
    edits: tuple[Edit, ...]
    scores: Scores | None  # the newest scores; their own step says when they were taken
    film: tuple[Frame, ...] = ()  # the network at earlier steps, ascending
    parent: Parent | None = None  # the run that this one branched from
    not_saved: str = ""  # one sentence on what of the run is not on disk, "" when all is well
    switched_off: Mapping[str, str] = field(default_factory=dict)  # instrument -> a sentence on why it failed
    events: tuple[Event, ...] = ()  # the verdicts on it with their dates, ascending
    is_measured: bool = False  # whether it is being measured, though it does not train
    kept: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict
    )  # instrument -> what it has kept beside its series

    n_scored: Mapping[str, int] = field(default_factory=dict)  # of "train" and "val" images each point of a curve is

    def __repr__(self) -> str:
        return f"<Snapshot of run {self.run_id}: {self.status} at step {self.step:,}>"

    @cached_property
    def model(self) -> Network:
        """The network as it was at this step, with buffers of its own."""
        return from_weights(self.started_as, self.weights)

    @property
    def is_training(self) -> bool:
        """Whether steps are being made, or wait their turn."""
        return self.status in ("training", "waiting")

    @property
    def scored(self) -> Scored | None:
        """The newest validation accuracy at or before this step: the one number that every page gives. None without."""
        if self.scores is not None and self.scores.step <= self.step:
            return Scored(self.scores.val_accuracy, self.scores.step)
        curve = self.series.get("val/accuracy")
        before = None if curve is None else curve.until(self.step)
        return None if before is None or not len(before) else Scored(before.last, int(before.step[-1]))

    def config_at(self, step: int) -> RunConfig:
        """The settings under which update number `step` + 1 was made, or would be.

        Changes are undone from now back, so that before a branch left its parent the parent's settings count; where
        the branch has other choices that cannot work with those, its own stand.
        """
        try:
            return self.config.replace(**{edit.setting: edit.old for edit in reversed(self.edits) if edit.step > step})
        except ConfigError:
            return self.config

    @property
    def trained_with(self) -> RunConfig:
        """The settings of the newest update: a change that no update has followed yet is left out."""
        begun = self.parent.step if self.parent is not None else 0
        return self.config_at(self.step - 1) if self.step > begun else self.config

    def at(self, frame: Frame) -> Snapshot:
        """The same run as it was at a frame: its weights, counters and settings, the scores only if they are of then.

        Curves and edits stay whole.
        """
        return replace(
            self,
            config=self.config_at(frame.step),
            step=frame.step,
            epoch=frame.epoch,
            images_seen=frame.images_seen,
            seconds=frame.seconds,
            weights=frame.weights(),
            scores=self.scores if self.scores is not None and self.scores.step == frame.step else None,
        )
