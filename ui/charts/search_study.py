"""A search's trials as Optuna's figures want them: settings by their labels, numbers as numbers, shares in percent."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nn_core.config import Setting
from nn_core.config.choices import choices
from nn_core.config.run_config import setting
from nn_core.search import Objective, SearchView, Shape, Span, Values
from nn_core.search.space import Range
from ui.charts.figure import make_figure

WORDS = {  # Optuna's -> ours
    "Step": "Epoch",
    "Hyperparameter": "Setting",
    "Hyperparameter Importance": "Importance",
    "Cumulative Probability": "Share of trials",
    "Datetime": "Time",
    "Best Value": "Best so far",
    "COMPLETE": "done",
    "PRUNED": "pruned",
    "FAIL": "failed",
}
WIDE = 10.0  # the largest of listed numbers over the smallest, from which on their axis is logarithmic


def labelled_study(view: SearchView, most: int | None, only_complete: bool = False, listed: bool = False) -> Any:
    """At most so many of the trials that have ended as an optuna.Study in memory, in the words and units of the page.

    `SearchView.study` says which; listed numbers are drawn along an axis of numbers, or with `listed` a place each.
    """
    import optuna

    names = parameter_labels(view)
    study = optuna.create_study(directions=view.spec.directions, study_name=view.name)
    study.add_trials([_labelled(view, trial, names, listed) for trial in view.study(most, only_complete).trials])
    return study


def parameter_labels(view: SearchView) -> dict[str, str]:
    """Optuna's parameter -> what it is called."""
    names = {}
    for name, wanted in view.spec.vary.items():
        label = setting(name).label
        if isinstance(wanted, Shape):
            names[f"{name}.width"] = f"{label} per layer"
            names[f"{name}.depth"] = f"Layers of {label.lower()}"
        else:
            names[name] = label
    return names


def objective_label(objective: Objective) -> str:
    """What a value is called along an axis."""
    return f"{objective.label} (%)" if objective.unit.scale == 100 else objective.label


def _labelled(view: SearchView, trial: Any, names: Mapping[str, str], listed: bool) -> Any:
    trial = copy.copy(trial)
    params, distributions = {}, {}
    for name, value in trial.params.items():
        wanted = view.spec.vary[name.partition(".")[0]]
        readable = (value, trial.distributions[name])
        if isinstance(wanted, Values):
            readable = _of_list(setting(name), wanted, value, listed)
        params[names[name]], distributions[names[name]] = readable
    trial.params, trial.distributions = params, distributions
    judged_by = view.spec.judged_by
    curve = judged_by[0].curve
    if trial.values is not None:
        trial.values = [each.unit.scale * value for each, value in zip(judged_by, trial.values, strict=True)]
    trial.intermediate_values = {
        epoch: curve.unit.scale * curve.of(value) for epoch, value in trial.intermediate_values.items()
    }
    return trial


def _of_list(item: Setting, wanted: Values, value: Any, listed: bool) -> tuple[Any, Any]:
    """One of listed values, and what it was drawn from: numbers as numbers, choices by their labels."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if item.kind not in ("int", "float"):
        return _text(item, item.parse(value)), CategoricalDistribution([_text(item, each) for each in wanted.values])
    if listed:
        return item.parse(value), CategoricalDistribution(wanted.values)
    low, high = min(wanted.values), max(wanted.values)
    kind = IntDistribution if item.kind == "int" else FloatDistribution
    return item.parse(value), kind(low, high, log=_is_wide(wanted))


def _is_wide(wanted: Values) -> bool:
    """Whether listed numbers want a logarithmic axis."""
    low, high = min(wanted.values), max(wanted.values)
    return bool(low > 0 and high >= WIDE * low)


def _text(item: Setting, value: Any) -> str:
    return choices(item.name)[value].label if item.kind == "choice" else item.format(value)


def in_our_words(figure: Any, view: SearchView) -> Any:
    """Optuna's figure with the objective by its name, and the listed numbers of a setting along its axis."""
    first = view.spec.judged_by[0]
    words = {**WORDS, "Objective Value": objective_label(first), "Intermediate Value": _curve_label(first)}
    made = _replaced(figure.to_dict(), words)
    stops = {setting(name).label: _stops(name, wanted) for name, wanted in view.spec.vary.items()}
    for name, axis in made["layout"].items():
        found = stops.get(axis.get("title", {}).get("text")) if name[1:5] == "axis" else None
        if found:
            axis["tickvals"], axis["ticktext"] = found, [f"{value:g}" for value in found]
    return make_figure(made["data"], made["layout"], "")


def _stops(name: str, wanted: Range) -> list[float]:
    """Where the axis of a setting has its numbers: at those that are listed, or at 1 and 3 in each power of ten."""
    if isinstance(wanted, Values):
        return list(wanted.values) if setting(name).kind in ("int", "float") else []
    if isinstance(wanted, Span) and wanted.log:
        powers = range(math.floor(math.log10(wanted.low)), math.ceil(math.log10(wanted.high)) + 1)
        return [at for power in powers for at in (10.0**power, 3 * 10.0**power)]
    return []


def _curve_label(objective: Objective) -> str:
    curve = objective.curve
    return f"{curve.label} (%)" if curve.unit.scale == 100 else curve.label


def _replaced(value: Any, words: Mapping[str, str]) -> Any:
    """All texts inside, with Optuna's words replaced by ours."""
    if isinstance(value, str):
        value = value[1:-1] if value[:1] == value[-1:] == "'" else value  # Optuna writes choices as Python does
        if value in words:
            return words[value]
        for word, ours in words.items():
            value = value.replace(f"{word}:", f"{ours}:")
        return value
    if isinstance(value, dict):
        return {key: _replaced(each, words) for key, each in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()
    return [_replaced(each, words) for each in value] if isinstance(value, (list, tuple)) else value
