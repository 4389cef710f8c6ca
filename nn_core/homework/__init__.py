"""For those who write a network of their own: their backprop is checked, and their training is recorded as a run."""

from nn_core.homework.check import check_backprop
from nn_core.homework.exercise import Exercise, exercise
from nn_core.homework.given import GivenError
from nn_core.homework.report import Report
from nn_core.homework.watching import Watch, watch

__all__ = ["Exercise", "GivenError", "Report", "Watch", "check_backprop", "exercise", "watch"]
