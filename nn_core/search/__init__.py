"""Hyperparameter search on Optuna: what varies, workers that train the trials, and what has come out so far.

Optuna draws settings, ends bad trials and keeps what was found; this package tells it what the settings are, trains the
networks and reads the results. Nothing here imports Optuna before it is used.
"""

from nn_core.search.database_errors import SearchError
from nn_core.search.objectives import OBJECTIVES, Objective, objective
from nn_core.search.processes import start_workers
from nn_core.search.space import Shape, Span, Values, suggested, varied_settings
from nn_core.search.spec import PRUNERS, SAMPLERS, Option, SearchSpec
from nn_core.search.study import SearchInfo, ask_for_trials, control, create_search, list_searches
from nn_core.search.trainability import TrainabilityMap, map_of, trainability_map
from nn_core.search.trials import holds_run, open_trial, test_accuracy
from nn_core.search.watch import SearchView, SearchWatch, TrialRow
from nn_core.search.worker import Worker

__all__ = [
    "OBJECTIVES",
    "PRUNERS",
    "SAMPLERS",
    "Objective",
    "Option",
    "SearchError",
    "SearchInfo",
    "SearchSpec",
    "SearchView",
    "SearchWatch",
    "Shape",
    "Span",
    "TrainabilityMap",
    "TrialRow",
    "Values",
    "Worker",
    "ask_for_trials",
    "control",
    "create_search",
    "holds_run",
    "list_searches",
    "map_of",
    "objective",
    "open_trial",
    "start_workers",
    "suggested",
    "test_accuracy",
    "trainability_map",
    "varied_settings",
]
