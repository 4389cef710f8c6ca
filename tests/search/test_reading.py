"""What is read of a search: what Optuna itself reads, once; and figures of many trials that stay small."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from nn_core import RunConfig
from nn_core.search import SearchSpec, SearchView, Span, Values, create_search
from nn_core.search.study import OpenSearch, load_study
from nn_core.search.watch import read_search
from ui.charts.search import CHARTS, MOST_IN, MOST_TRIALS, drawn_of

BASE = RunConfig(n_train=300, hidden=(8,), epochs=3, batch_size=50)
VARY: dict[str, Any] = {"lr": Span(0.001, 0.5, True), "optimizer": Values(("sgd", "adam")), "momentum": Span(0.1, 0.9)}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    return tmp_path


def began(name: str, **options: Any) -> OpenSearch:
    create_search(name, SearchSpec(BASE, VARY, "random", "none", 40, **options))
    return load_study(name)


def drawn(opened: OpenSearch) -> Any:
    """A trial that has drawn its settings and runs."""
    trial = opened.study.ask()
    trial.set_user_attr("config", json.dumps(opened.info.spec.config_of(trial).to_dict()))
    trial.set_user_attr("curves", {"val/accuracy": {"value": [0.5] * 100}})
    return trial


@pytest.mark.filterwarnings("ignore:Heartbeat")
def test_what_is_read_is_what_optuna_reads_but_for_the_curves(runs: Path):
    opened = began("same")
    for state, value in (("COMPLETE", 0.5), ("COMPLETE", math.inf), ("PRUNED", None), ("FAIL", None)):
        trial = drawn(opened)
        for epoch, reported in enumerate((0.1, math.nan, -math.inf, math.inf)):
            trial.report(reported, epoch)
        opened.study.tell(trial, value, state=optuna.trial.TrialState[state])
    drawn(opened)
    opened.study.enqueue_trial({"lr": 0.1}, user_attrs={"queued": {"lr": 0.1}})
    ours = opened.kept.trials_of("same")
    for one, other in zip(ours, opened.study.get_trials(deepcopy=False), strict=True):
        found = one.frozen()
        assert {**found.user_attrs, "curves": 0} == {**other.user_attrs, "curves": 0}
        assert "curves" not in found.user_attrs
        for name in ("number", "state", "values", "params", "distributions", "system_attrs", "_trial_id"):
            assert getattr(found, name) == getattr(other, name)
        assert repr(found.intermediate_values) == repr(other.intermediate_values)
        assert (found.datetime_start, found.datetime_complete) == (other.datetime_start, other.datetime_complete)


@pytest.mark.filterwarnings("ignore:Heartbeat")
def test_a_trial_that_has_ended_is_read_once_and_one_that_runs_again_and_again(runs: Path):
    opened = began("once")
    ended, runs_on = drawn(opened), drawn(opened)
    opened.study.tell(ended, 0.5)
    first = read_search(opened)
    runs_on.report(0.25, 1)
    drawn(opened)
    second = read_search(opened)
    assert second.trials[0] is first.trials[0] and second.read[0] is first.read[0]
    assert dict(first.trials[1].reported) == {} and dict(second.trials[1].reported) == {1: 0.25}
    assert [row.state for row in second.trials] == ["complete", "running", "running"]
    opened.study.tell(runs_on, 0.75)
    third = read_search(opened)
    assert third.best is not None and third.best.number == 1 and third.best.values == (0.75,)
    assert third.best.config is not None and third.best.config.lr == third.best.params["lr"]


def grown(view: SearchView, values: np.ndarray) -> SearchView:
    """The same search with many copies of its first trial, with these values by objective."""
    from dataclasses import replace

    rng = np.random.default_rng(0)
    read, rows = [], []
    for number, of_trial in enumerate(values):
        lr, momentum = float(rng.uniform(0.001, 0.5)), float(rng.uniform(0.1, 0.9))
        params = {**view.read[0].params, "lr": lr, "momentum": momentum}
        each = dict(enumerate(of_trial.tolist()))
        read.append(replace(view.read[0], id=number, number=number, values=each, params=params))
        rows.append(replace(view.trials[0], number=number, values=tuple(of_trial.tolist())))
    return replace(view, read=tuple(read), trials=tuple(rows), n_total=len(rows))


@pytest.mark.filterwarnings("ignore:Heartbeat")
def test_figures_of_thousands_of_trials_hold_some_of_them_and_say_so_and_the_best_is_always_there(runs: Path):
    opened = began("many")
    trial = drawn(opened)
    for epoch in (1, 2, 3):
        trial.report(0.5, epoch)
    opened.study.tell(trial, 0.5)
    accuracy = np.random.default_rng(1).uniform(0.2, 0.9, 3_000)
    view = grown(read_search(opened), accuracy[:, None])
    best = set(np.flatnonzero(accuracy == np.maximum.accumulate(accuracy)))  # each when it came
    for most in (20, MOST_TRIALS):
        numbers = [round(trial.values[0], 12) for trial in view.study(most).trials]
        assert len(numbers) == most and {round(accuracy[at], 12) for at in best} <= set(numbers)
    for name, (_, draw, _) in CHARTS.items():
        if name == "pareto":
            continue
        most = MOST_IN.get(name, MOST_TRIALS)
        if name != "curves":
            assert drawn_of(name, view, False).startswith(f"Shows {most} of 3,000 trials")
            assert f"of {most} trials" in draw(view, False, False).layout.meta["label"]
    few = grown(read_search(opened), accuracy[:30, None])
    assert len(few.study(MOST_TRIALS).trials) == 30 and drawn_of("contour", few, False) == ""


@pytest.mark.filterwarnings("ignore:Heartbeat")
def test_the_front_of_two_objectives_is_optunas(runs: Path):
    opened = began("two", objectives=("val_accuracy", "weights"))
    rng = np.random.default_rng(2)
    for _ in range(25):
        opened.study.tell(drawn(opened), [float(rng.integers(1, 6)), float(rng.integers(1, 6))])
    wanted = {trial.number for trial in opened.study.best_trials}
    assert {row.number for row in read_search(opened).front} == wanted and len(wanted) > 1
