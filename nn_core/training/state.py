"""What a training run consists of between two steps: its state, its scores, its edits; and checkpoints of all that.

What is to survive a pause, a restart, a branch and a way through a file belongs into `TrainingState`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np

from nn_core.config import foreign
from nn_core.config.errors import shorten
from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.training.history import History

Status = Literal["ready", "training", "waiting", "paused", "finished", "diverged", "failed", "elsewhere", "interrupted"]
# elsewhere: another program trains it; interrupted: its program was killed, and nothing has opened it since

OF_INSTRUMENTS = "instruments."  # how the names of their arrays begin


@dataclass(frozen=True)
class Edit:
    """A live setting changed by hand, before the update number `step` + 1."""

    step: int
    setting: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Scores:
    """The network on fixed images at one step; losses in their own unit, without the penalty; accuracies in [0, 1]."""

    step: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    l2: float  # the penalty, (l2/2) sum of squared weights
    confusion: Array  # int64 (10, 10) on validation: row = true digit, column = predicted


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """All that an update changes, as copies: put back into a trainer, the next update is the same, bit for bit."""

    step: int
    epoch_index: int
    position: int  # images of the running epoch already used
    images_seen: int
    seconds: float  # of training
    updates: int  # the optimizer's own count
    dropout_state: Mapping[str, Any]  # of the stream of random numbers
    augment_state: Mapping[str, Any] | None  # likewise; None where no image is changed
    early_stopping: tuple[float, int, int, int]  # best validation loss, its epoch, epochs waited since, last epoch seen
    arrays: Mapping[str, Array]  # "params", "running" (statistics), "best.params", "best.running", "optimizer.<name>"
    # what instruments need to go on: instrument -> name -> an array, or a value that JSON holds
    instruments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        n_params = len(self.arrays["params"])
        return f"<{type(self).__name__} of step {self.step:,}, {n_params:,} parameters>"

    def to_json(self) -> dict[str, Any]:
        """All but the arrays, JSON-ready; `instruments` only where there are any."""
        plain = {item.name: getattr(self, item.name) for item in fields(TrainingState) if item.name != "arrays"}
        kept = {
            instrument: {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}
            for instrument, values in plain.pop("instruments").items()
        }
        return plain | ({"instruments": kept} if kept else {})

    def all_arrays(self) -> dict[str, Array]:
        """Every array by name, those of instruments as "instruments.<instrument>/<name>"."""
        return dict(self.arrays) | {
            f"{OF_INSTRUMENTS}{instrument}/{name}": value
            for instrument, values in self.instruments.items()
            for name, value in values.items()
            if isinstance(value, np.ndarray)
        }

    @staticmethod
    def from_json(values: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Any]:
        """The fields by name, from what `to_json` and `all_arrays` gave; raises KeyError, TypeError and ValueError."""
        instruments = {str(name): dict(kept) for name, kept in foreign.table(values, "instruments").items()}
        own = {name: array for name, array in arrays.items() if not name.startswith(OF_INSTRUMENTS)}
        for full_name in arrays.keys() - own.keys():
            instrument, _, name = full_name.removeprefix(OF_INSTRUMENTS).partition("/")
            instruments[instrument][name] = arrays[full_name]
        return dict(
            step=foreign.whole(values, "step"),
            epoch_index=foreign.whole(values, "epoch_index"),
            position=foreign.whole(values, "position"),
            images_seen=foreign.whole(values, "images_seen"),
            seconds=foreign.real(values, "seconds"),
            updates=foreign.whole(values, "updates"),
            dropout_state=_of_a_generator(values, "dropout_state"),
            augment_state=None if values["augment_state"] is None else _of_a_generator(values, "augment_state"),
            early_stopping=_early_stopping(values["early_stopping"]),
            arrays=own,
            instruments=instruments,
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Checkpoint(TrainingState):
    """A state with all that surrounds it: settings, edits, curves, scores. `Trainer.resume` goes on from it exactly."""

    config: RunConfig  # as it was at the start
    edits: tuple[Edit, ...]
    inherited: int = 0  # the first so many edits are those of the run this one branched from, and within `config`
    history: History
    batch_losses: tuple[float, ...]  # not yet averaged into a point of the history
    scores: Scores | None
    stopped: str
    stopped_early: bool

    @property
    def epoch(self) -> float:
        """Passes over the training images, with fraction."""
        return self.epoch_index + self.position / self.config.n_train

    def config_at(self, step: int) -> RunConfig:
        """The settings under which update number `step` + 1 was made."""
        return config_at(self.config, self.edits[self.inherited :], step)

    def check(self) -> None:
        """Raise ValueError where its parts do not fit together; each by itself is right."""
        if self.position >= self.config.n_train:
            raise ValueError(f"position must be below n_train {self.config.n_train:,}, got {self.position:,}")
        if self.scores is not None and self.scores.step > self.step:
            raise ValueError(f"its scores must be of step {self.step:,} at most, got {self.scores.step:,}")
        if self.edits and max(edit.step for edit in self.edits) > self.step:
            raise ValueError(f"its changes must be of step {self.step:,} at most")
        self.config_at(self.step)  # which raises ConfigError


def _of_a_generator(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The state of a stream of random numbers; raises ValueError where NumPy does not take it."""
    try:
        np.random.PCG64(0).state = values[name]
    except Exception:
        raise ValueError(f"{name} must be the state of a PCG64 generator, got {shorten(values[name])}") from None
    return values[name]


def _early_stopping(value: Any) -> tuple[float, int, int, int]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"early_stopping must be four numbers, got {shorten(value)}")
    given = dict(zip(("val_loss", "epoch", "waited", "looked"), value, strict=True))
    epoch, waited, looked = (foreign.whole(given, name) for name in ("epoch", "waited", "looked"))
    return foreign.any_number(given, "val_loss"), epoch, waited, looked


def config_at(config: RunConfig, edits: Iterable[Edit], step: int) -> RunConfig:
    """The settings under which update number `step` + 1 was made: those of the start, with the edits up to there.

    `edits` are the run's own. Those that a branch has from its parent are not: they are within its `config` already.
    """
    for edit in edits:
        if edit.step <= step:
            config = config.replace(**{edit.setting: edit.new})
    return config


def in_effect(edits: Iterable[Edit], step: int) -> tuple[Edit, ...]:
    """The changes with which updates were made up to `step`: those before one and the same update count as one."""
    merged: dict[tuple[int, str], Edit] = {}
    for edit in edits:
        if edit.step < step:
            first = merged.get((edit.step, edit.setting), edit)
            merged[edit.step, edit.setting] = Edit(edit.step, edit.setting, first.old, edit.new)
    return tuple(edit for edit in merged.values() if edit.old != edit.new)


@dataclass(frozen=True)
class Parent:
    """Where a run branched off: another run's id and step; `exact` says whether its optimizer's state came along."""

    run: str
    step: int
    exact: bool
