"""What a trial of a search is judged by: the registered objectives.

An objective is one decorated function, which reads its value off a trained trial. Menu, command line, table, curves
and help take it from the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from nn_core.machine.numbers import EXACT_COLUMN, count, exact, percent
from nn_core.nn.network import count_params

if TYPE_CHECKING:
    from nn_core.search.trial_run import TrialRun

Direction = Literal["maximize", "minimize"]

TARGET = 0.97  # validation accuracy, for the objective that counts seconds


class NotReached(Exception):
    """A trial has no value of an objective; the sentence says what it did not reach. Such a trial is pruned."""


class Unit(NamedTuple):
    """How numbers of one kind are written."""

    text: Callable[[float], str]  # in a sentence
    column: str  # in a table: a format of Streamlit's NumberColumn
    scale: float = 1.0  # what a table or an axis multiplies them by first
    suffix: str = ""  # along an axis, behind what is so multiplied


SHARE = Unit(exact, EXACT_COLUMN, scale=100, suffix=" %")
COUNT = Unit(count, "localized")
NUMBER = Unit("{:,.4g}".format, "%.4g")


class Curve(NamedTuple):
    """What is drawn of a trial at the end of each epoch."""

    label: str
    unit: Unit
    of: Callable[[float], float]  # from what the trial reported


@dataclass(frozen=True)
class Objective:
    """What a trial is judged by.

    `report` gives a number after every epoch, better in the same direction as the value, so that pruners can end bad
    trials early; an objective without one cannot stand first. It is the value so far, unless `other_curve` says what
    else it tells.
    """

    name: str
    label: str
    help: str
    direction: Direction
    unit: Unit
    value: Callable[[TrialRun], float]  # of a trial that was trained to its end; raises NotReached
    report: Callable[[TrialRun], float] | None = None
    other_curve: Curve | None = None
    in_unit_of_loss: bool = False  # values under losses of different units do not compare

    @property
    def can_stand_first(self) -> bool:
        """Whether trials can be ranked by it alone; one that cannot is a cost, weighed against validation accuracy."""
        return self.report is not None

    @property
    def sign(self) -> int:
        """What a value is multiplied by so that larger is better."""
        return 1 if self.direction == "maximize" else -1

    @property
    def curve(self) -> Curve:
        """What is drawn by epoch."""
        return self.other_curve or Curve(self.label, self.unit, float)

    def __repr__(self) -> str:
        return f"Objective({self.name}: {self.direction} {self.label.lower()})"


OBJECTIVES: dict[str, Objective] = {}


def objective(
    name: str,
    *,
    label: str,
    help: str,
    direction: Direction,
    unit: Unit = NUMBER,
    report: Callable[[TrialRun], float] | None = None,
    other_curve: Curve | None = None,
    in_unit_of_loss: bool = False,
) -> Callable[[Callable[[TrialRun], float]], Callable[[TrialRun], float]]:
    """Decorator: register a function of a trained trial as the objective `name`."""

    def add(value: Callable[[TrialRun], float]) -> Callable[[TrialRun], float]:
        OBJECTIVES[name] = Objective(
            name, label, help, direction, unit, value, report, other_curve, in_unit_of_loss=in_unit_of_loss
        )
        return value

    return add


@objective(
    "val_accuracy",
    label="Validation accuracy",
    help="Of the network as the trial ends, which is the one that it opens as a run with.",
    direction="maximize",
    unit=SHARE,
    report=lambda trial: trial.epoch_ends[-1].val_accuracy,
)
def _val_accuracy(trial: TrialRun) -> float:
    return trial.epoch_ends[-1].val_accuracy


@objective(
    "val_loss",
    label="Validation loss",
    help="Of the network as the trial ends, in nats, or half the squared error where the outputs are linear.",
    direction="minimize",
    report=lambda trial: trial.epoch_ends[-1].val_loss,
    in_unit_of_loss=True,
)
def _val_loss(trial: TrialRun) -> float:
    return trial.epoch_ends[-1].val_loss


@objective(
    "seconds_to_97",
    label="Seconds to 97 %",
    help="Seconds of training until 97 % of the validation images are read right; a trial that never gets there is "
    "pruned.",
    direction="minimize",
    # until the target is reached there are no seconds to compare: the share of errors, less of which is better too
    report=lambda trial: 1 - trial.epoch_ends[-1].val_accuracy,
    other_curve=Curve("Validation accuracy", SHARE, lambda errors: 1 - errors),
)
def _seconds_to_target(trial: TrialRun) -> float:
    accuracy = trial.trainer.history.so_far("val/accuracy")
    reached = accuracy.seconds[accuracy.value >= TARGET]
    if not len(reached):
        raise NotReached(f"{percent(TARGET, 0)} of the validation images was not reached.")
    return float(reached[0])


@objective("weights", label="Weights", help="How many numbers are trained.", direction="minimize", unit=COUNT)
def _weights(trial: TrialRun) -> float:
    return float(count_params(trial.trainer.config))


@objective("seconds", label="Seconds", help="Seconds of training in all.", direction="minimize")
def _seconds(trial: TrialRun) -> float:
    return trial.trainer.seconds
