"""A search while it is under way and where something is odd: what is read of it, and what a URL may not give away."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig, Trainer
from nn_core.cli import search
from nn_core.cli.main import main
from nn_core.cli.search import _how_to_go_on
from nn_core.data import Dataset
from nn_core.machine.numbers import exact
from nn_core.search import (
    SearchSpec,
    Shape,
    Span,
    Values,
    create_search,
    holds_run,
    map_of,
    start_workers,
    trainability_map,
)
from nn_core.search.database_errors import SearchError, hidden
from nn_core.search.storage import trials_folder
from nn_core.search.study import load_study
from nn_core.search.watch import SearchView, SearchWatch, read_search
from nn_core.search.worker import Worker
from nn_core.store import RunStore

BASE = RunConfig(n_train=300, hidden=(8,), epochs=2, batch_size=50)
VARY: dict[str, Any] = {"lr": Span(0.05, 0.5, True)}
TWO = ("val_accuracy", "weights")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    return tmp_path


def read(name: str) -> SearchView:
    return read_search(load_study(name))


def work(name: str) -> None:
    Worker(name, tell=lambda line: None, patience=5).work()


def test_a_search_for_two_objectives_can_be_read_before_any_trial_is_done(runs: Path):
    create_search("two", SearchSpec(BASE, VARY, n_trials=1, objectives=TWO))
    assert read("two").front == () and read("two").best is None


def test_a_trial_that_stops_early_is_complete_and_keeps_its_run(runs: Path):
    base = BASE.replace(epochs=60, lr=1.0, hidden=(32,))
    create_search("early", SearchSpec(base, {"early_stopping": Values((2,))}, "grid", "none", n_trials=1))
    work("early")
    (row,) = read("early").trials
    assert row.state == "complete" and not row.diverged and row.epochs < 60
    assert holds_run("early", row.run) and not holds_run("early", "0" * 8)


def test_the_value_of_a_trial_is_that_of_its_last_epoch_and_so_is_the_map(runs: Path):
    create_search("ends", SearchSpec(BASE.replace(epochs=3, eval_every=2), VARY, "random", "none", n_trials=2))
    work("ends")
    for row in read("ends").trials:
        assert row.values == (row.reported[3],) and sorted(row.reported) == [1, 2, 3]
    create_search("map", trainability_map(BASE, gains=(1.0,), lrs=(0.1,)))
    work("map")
    view = read("map")
    found = map_of(view)
    assert found is not None and found.accuracy[0, 0] == view.trials[0].reported[2]


def test_a_trial_whose_worker_gives_no_sign_of_life_has_nobody_at_work(runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GLASSNET_GRACE", "1")
    create_search("dead", SearchSpec(BASE, VARY, n_trials=1))
    dead = load_study("dead")
    dead.study.ask().set_user_attr("worker", "w1")
    assert read_search(dead).workers == ("w1",)
    assert read_search(dead).trials[0].state == "running"
    time.sleep(1.2)
    assert read_search(dead).workers == ()
    assert read_search(dead).trials[0].state == "lost"


def test_a_search_that_is_done_goes_on_with_more_trials(runs: Path, capsys: pytest.CaptureFixture[str]):
    create_search("more", SearchSpec(BASE, VARY, "random", n_trials=1))
    work("more")
    main(["sweep", "--resume", "--study", "more", "--trials", "3", "--workers", "1"])
    view = read("more")
    assert (view.n_done, view.n_total) == (3, 3) and "[3/3]" in capsys.readouterr().err
    main(["sweep", "--resume", "--study", "more", "--workers", "0"])
    assert read("more").n_total == 3
    assert main(["sweep", "--resume", "--study", "more", "--trials", "0"]) == 2
    assert "n_trials must be a whole number in [1, 100000], got 0" in capsys.readouterr().err


OTHER_SEARCHES = {
    "--hidden 16": "its hidden is (8,), got (16,)",
    "--lr 0.3": "its lr is 0.1, got 0.3",
    "--preset classic": "its n_train is 300, got 55000",
    "--sampler grid": "its sampler is 'random', got 'grid'",
    "--pruner none": "its pruner is 'median', got 'none'",
    "--objective weights": "its objective is 'val_accuracy', got 'weights'",
    "--vary lr --vary l2": "its vary is 'lr', got 'lr, l2'",
    "--vary lr=0.1:0.2": "the range of lr is another one",
}


def test_a_search_goes_on_as_it_was_begun_and_says_so_where_other_settings_are_given(
    runs: Path, capsys: pytest.CaptureFixture[str]
):
    create_search("begun", SearchSpec(BASE, VARY, "random", n_trials=1))
    resume = ["sweep", "--resume", "--study", "begun", "--workers", "0", "--trials", "5"]
    for options, says in OTHER_SEARCHES.items():
        assert main([*resume, *options.split()]) == 2
        assert f"a search goes on as it was begun: {says}" in capsys.readouterr().err
    assert read("begun").n_total == 1


def test_a_search_goes_on_where_the_options_are_those_it_was_begun_with(runs: Path):
    create_search("same", SearchSpec(BASE, VARY, "random", n_trials=1))
    work("same")
    same = ["--hidden", "8", "--epochs", "2", "--sampler", "random", "--vary", "lr=0.05:0.5:log", "--workers", "0"]
    assert main(["sweep", "--resume", "--study", "same", *same]) == 0


def test_while_its_database_is_away_a_sweep_waits_with_its_workers(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    create_search("away", SearchSpec(BASE, VARY, "random", n_trials=1))
    away = load_study("away")
    answers = iter([SearchError("it does not answer"), SearchError("it does not answer")])

    def read_or_not(*arguments: Any) -> SearchView:
        error = next(answers, None)
        if error is not None:
            raise error
        return read_search(*arguments)

    monkeypatch.setattr(search, "read_search", read_or_not)
    options = argparse.Namespace(study="away", storage="")
    workers = start_workers("away", 1)
    assert search._until_done(away, options, workers).n_done == 1
    said = capsys.readouterr().err
    assert said.count("it does not answer") == 1 and "answers again" in said
    answers = iter([SearchError("it does not answer")])
    with pytest.raises(SearchError, match=r"no worker is left\. It goes on with: python -m nn_core sweep --resume"):
        search._until_done(away, options, workers)


def test_after_something_was_done_a_watch_reads_at_once(runs: Path):
    create_search("slow", SearchSpec(BASE, VARY, n_trials=1))
    watch = SearchWatch("slow", seconds=1000)
    try:
        until(lambda: watch.view is not None and not watch.is_behind)
        load_study("slow")[0].set_user_attr("control", "stop")
        watch.read_again()
        assert watch.is_behind
        until(lambda: not watch.is_behind)
        assert watch.view is not None and watch.view.control == "stop"
    finally:
        watch.close()


def until(found: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:/ann:s3cret@db/x",
        "ann:s3cret@db/glassnet",
        "postgresql//ann:s3cret@db/x",
        "postgres:ann:s3cret@db/x",
        "postgresql://ann:s3?cret@db.invalid/x",
        "postgresql://ann:s3cret@db:abc/x",
        "postgresql://ann:s3cret@[::1/x",
        "postgresql://db.invalid/x?user=ann@host&password=s3cret",
    ],
)
def test_however_wrong_a_url_is_the_answer_is_a_sentence_without_the_password(
    url: str, runs: Path, capsys: pytest.CaptureFixture[str]
):
    assert "s3" not in hidden(url)
    assert main(["worker", "--study", "x", "--storage", url]) == 2
    error = capsys.readouterr().err
    assert "s3" not in error and error.count("\n") == 1 and "Traceback" not in error


def test_a_database_of_something_else_is_left_as_it_is(runs: Path, capsys: pytest.CaptureFixture[str]):
    path = runs / "foreign.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE studies (name TEXT)")
    before = path.read_bytes()
    assert main(["sweep", "--study", "x", "--storage", f"sqlite:///{path}", "--workers", "1"]) == 2
    assert "holds something else than searches" in capsys.readouterr().err and path.read_bytes() == before


def test_without_optuna_a_search_says_what_to_install(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "optuna", None)
    for command in (["sweep"], ["worker"]):
        assert main([*command, "--study", "x"]) == 2
        assert "a search needs Optuna" in capsys.readouterr().err


def test_workers_keep_to_the_runs_folder_of_who_starts_them_also_where_it_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLASSNET_RUNS", "kept")
    create_search("near", SearchSpec(BASE, VARY, n_trials=1))
    (process,) = start_workers("near", 1)
    assert process.wait(60) == 0 and read("near").n_done == 1


def test_how_a_search_goes_on_is_told_with_its_storage_but_without_the_password():
    options = argparse.Namespace(study="my study", storage="postgresql://ann:s3cret@db/x")
    told = _how_to_go_on(options)
    assert "--study 'my study'" in told and "ann" in told and "@db/x" in told and "s3cret" not in told


def test_a_search_cannot_be_asked_for_fewer_trials_than_have_ended(runs: Path, capsys: pytest.CaptureFixture[str]):
    create_search("ended", SearchSpec(BASE, VARY, "random", n_trials=3))
    work("ended")
    assert main(["sweep", "--resume", "--study", "ended", "--trials", "2", "--workers", "0"]) == 2
    assert "trials must be at least 3, as so many have ended, got 2" in capsys.readouterr().err
    assert read("ended").n_total == 3


def test_the_value_of_a_trial_is_that_of_the_network_that_it_opens_with(runs: Path, mnist: Dataset):
    swinging = BASE.replace(epochs=4)  # its last epoch is seldom its best
    spec = SearchSpec(swinging, {"lr": Values((1.0, 2.0, 3.0))}, "grid", "none", 3)
    create_search("value", spec)
    work("value")
    for row in read("value").trials:
        checkpoint = RunStore(trials_folder("value")).checkpoint(row.run)
        trainer = Trainer.resume(checkpoint, mnist)
        scores = trainer.score()
        assert row.values == (scores.val_accuracy,)


def test_the_front_of_two_objectives_is_printed_with_values_and_commands(
    runs: Path, capsys: pytest.CaptureFixture[str]
):
    create_search("front", SearchSpec(BASE, {"hidden": Shape(8, 64, 1, 1)}, "random", "none", 4, TWO))
    work("front")
    front = read("front").front
    same = ["sweep", "--resume", "--study", "front", "--workers", "0"]
    assert main(same) == 0
    printed = capsys.readouterr().out
    for row in front:
        assert row.values is not None and row.config is not None
        assert (
            f"trial {row.number}: Validation accuracy {exact(row.values[0])}, Weights {row.values[1]:,.0f}" in printed
        )
        assert row.config.to_command() in printed
    assert main([*same, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["front"]
    assert {each["trial"]: tuple(each["values"].values()) for each in told} == {r.number: r.values for r in front}
    assert all(RunConfig.from_dict(each["config"]) for each in told)
