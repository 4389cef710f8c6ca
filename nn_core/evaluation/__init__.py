"""How good a network is on a split, and how sure one may be of that: intervals, calibration, comparison, robustness."""

from nn_core.evaluation.calibration import Reliability, fit_temperature, reliability
from nn_core.evaluation.intervals import Share
from nn_core.evaluation.paired import Paired, paired
from nn_core.evaluation.report import Evaluation

__all__ = ["Evaluation", "Paired", "Reliability", "Share", "fit_temperature", "paired", "reliability"]
