"""What a trainer leaves behind: edits, scores, and checkpoints from which it goes on exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.training.history import History


@dataclass(frozen=True)
class Edit:
    """A live setting changed by hand, before the update number `step` + 1."""

    step: int
    setting: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Scores:
    """The network on fixed images at one step; losses in nats without the penalty, accuracies in [0, 1]."""

    step: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    l2: float  # the penalty, (l2/2) sum of squared weights
    confusion: Array  # int64 (10, 10) on validation: row = true digit, column = predicted


@dataclass(frozen=True)
class Checkpoint:
    """All that exact resumption needs: settings, edits, counters, arrays by name, and the dropout stream's state."""

    config: RunConfig  # as it was at the start
    edits: tuple[Edit, ...]
    step: int
    epoch_index: int
    position: int  # images of the running epoch already used
    images_seen: int
    seconds: float
    updates: int  # the optimizer's own count
    arrays: Mapping[str, Array]  # "params", "running" (statistics), "best.params", "best.running", "optimizer.<name>"
    dropout_state: Mapping[str, Any]
    history: History
    batch_losses: tuple[float, ...]  # not yet averaged into a point of the history
    scores: Scores | None
    stopped: str
    augment_state: Mapping[str, Any] | None
    early_stopping: tuple[float, int, int, int]  # best validation loss, its epoch, epochs waited since, last epoch seen
    stopped_early: bool
    inherited: int = 0  # the first so many edits are those of the run this one branched from, and within `config`

    def config_at(self, step: int) -> RunConfig:
        """The settings under which update number `step` + 1 was made."""
        return config_at(self.config, self.edits[self.inherited :], step)


def config_at(config: RunConfig, edits: Iterable[Edit], step: int) -> RunConfig:
    """Settings `config` of the start, with the edits up to `step`."""
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
