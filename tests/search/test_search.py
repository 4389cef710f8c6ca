"""A search: what may vary, what workers make of it, and what is told of it. Workers are real processes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.cli.main import main
from nn_core.config.errors import ConfigError
from nn_core.config.run_config import setting
from nn_core.data import Dataset
from nn_core.search import (
    OBJECTIVES,
    PRUNERS,
    SAMPLERS,
    SearchError,
    SearchSpec,
    Shape,
    Span,
    Values,
    control,
    create_search,
    list_searches,
    map_of,
    open_trial,
    start_workers,
    suggested,
    test_accuracy,
    trainability_map,
    varied_settings,
)
from nn_core.search.database_errors import database_sentence, hidden
from nn_core.search.space import draw, grid, grid_size, parse, values_of
from nn_core.search.study import load_study
from nn_core.search.trial_run import TrialRun
from nn_core.search.watch import SearchView, read_search
from nn_core.search.worker import Stopped, Worker
from nn_core.store.run_store import RunStore
from nn_core.training.trainer import Trainer
from tests import ROOT

test_accuracy.__test__ = False  # type: ignore[attr-defined]

BASE = RunConfig(n_train=300, hidden=(8,), epochs=2, batch_size=50)
VARY: dict[str, Any] = {"lr": Span(0.05, 0.5, True), "init": Values(("he", "xavier"))}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runs folder of the test's own, for its processes too."""
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    return tmp_path


def read(name: str) -> SearchView:
    return read_search(load_study(name, heartbeat=False))


def wait(processes: list[subprocess.Popen[bytes]], seconds: float = 60) -> None:
    for process in processes:
        process.wait(seconds)


# ---------------------------------------------------------------------------------------------- what may vary


@pytest.mark.parametrize("item", varied_settings(), ids=lambda item: item.name)
def test_every_field_suggests_a_range_that_a_search_takes_and_draws_values_that_the_field_takes(item: Any):
    import optuna

    spec = SearchSpec(RunConfig(), {item.name: suggested(item)})
    trial = optuna.create_study().ask()
    drawn = draw(trial, item.name, spec.vary[item.name])
    assert item.check(drawn) == drawn
    assert values_of(spec.vary, trial.params) == {item.name: drawn}
    for name, values in grid(spec.vary).items():
        assert values and (name == item.name or name.startswith(f"{item.name}."))


def test_a_spec_comes_back_from_its_text():
    vary = {**VARY, "hidden": Shape(8, 64, 1, 3), "batch_size": Values((32, 0)), "activation": Values(("relu",))}
    spec = SearchSpec(BASE, vary, "random", "hyperband", 7, ("val_accuracy", "weights"), seed=3)
    assert SearchSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"vary": {}}, "a search needs at least one setting that varies"),
        ({"vary": {"lr": Span(-1, 1)}}, "lr must be in [1e-05, 10], got -1"),
        ({"vary": {"lr": Span(1, 0.1)}}, "lr must vary from a lower to a higher value, got 1 to 0.1"),
        ({"vary": {"momentum": Span(0, 0.9, True)}}, "momentum must be above 0 on a logarithmic scale, got 0"),
        ({"vary": {"init": Values(("hee",))}}, "init must be one of"),
        ({"vary": {"init": Values(())}}, "init must have at least one value to vary over, got none"),
        ({"vary": {"seed": Values((1, 2))}}, "seed cannot vary in a search"),
        ({"vary": {"hidden": Shape(64, 8, 1, 1)}}, "hidden must be the narrowest first, got 64 to 8"),
        ({"vary": {"nix": Values((1,))}}, "no setting is called 'nix'"),
        ({"sampler": "best"}, "sampler must be one of tpe, random, grid, got 'best'"),
        ({"pruner": "x"}, "pruner must be one of"),
        ({"n_trials": 0}, "n_trials must be a whole number in [1, 100000], got 0"),
        ({"objectives": ("weights",)}, "the first objective must say how well it reads, got weights"),
        ({"objectives": ("speed",)}, "objectives must be one or two of"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_with_field_limit_and_value(changes: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError) as refused:
        SearchSpec(**{"base": BASE, "vary": VARY, **changes})
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("lr", "0.001:1:log", Span(0.001, 1, True)),
        ("lr", "0.001:1", Span(0.001, 1, True)),
        ("dropout", "0:0.5", Span(0, 0.5, False)),
        ("optimizer", "sgd,adam", Values(("sgd", "adam"))),
        ("hidden", "16-16,64", Values(((16, 16), (64,)))),
        ("hidden", "16:128x1:3", Shape(16, 128, 1, 3)),
    ],
)
def test_a_range_is_read_from_the_command_line(name: str, text: str, wanted: Any):
    assert parse(name, text) == wanted


def test_a_grid_is_no_longer_than_its_combinations():
    spec = SearchSpec(BASE, {"init": Values(("he", "zeros")), "batch_size": Values((32, 64, 128))}, "grid", n_trials=99)
    assert spec.n_trials == grid_size(spec.vary) == 6


def test_menus_explain_themselves():
    for options in (SAMPLERS, PRUNERS, OBJECTIVES):
        assert all(option.label and option.help.endswith(".") for option in options.values())


# ---------------------------------------------------------------------------------------------- workers


def test_two_workers_share_a_search_and_any_trial_opens_as_a_run(runs: Path):
    create_search("pair", SearchSpec(BASE, VARY, n_trials=6, pruner="none"))
    wait(start_workers("pair", 2))
    view = read("pair")
    assert (view.n_done, view.counts) == (6, {"complete": 6})
    assert len({row.worker for row in view.trials}) == 2
    assert view.best is not None and view.best.values is not None
    assert view.best.values[0] == max(row.values[0] for row in view.trials if row.values)
    kept = {trial.number: trial for trial in load_study("pair").study.get_trials(deepcopy=False)}
    for row in (row for row in view.trials if not row.superseded):  # both may ask for the last one at once
        assert row.config is not None and row.values is not None
        assert row.config == BASE.replace(**row.params) and row.epochs == 2
        assert row.values[0] == max(row.reported.values())
        curves = kept[row.number].user_attrs["curves"]
        assert max(curves["val/accuracy"]["value"]) >= row.values[0] - 1e-4  # scored between epochs too
    store = RunStore(runs)
    run_id = open_trial("pair", view.best.number, store)
    assert store.get(run_id).config == view.best.config and store.get(run_id).step == 12
    assert store.get(run_id).title == f"pair, trial {view.best.number}" and len(store.film(run_id)) > 1
    assert open_trial("pair", view.best.number, store) == run_id
    found = test_accuracy("pair", view.best.number)
    assert (
        0.3 < found < 1
        and test_accuracy("pair", view.best.number) == found
        and read("pair").test
        == (
            view.best.number,
            found,
        )
    )
    other = next(row.number for row in view.trials if row.values and row.number != view.best.number)
    with pytest.raises(SearchError, match="were read for trial"):
        test_accuracy("pair", other)
    assert list_searches() == ["pair"]
    with pytest.raises(SearchError, match="there is a search pair already"):
        create_search("pair", SearchSpec(BASE, VARY))
    assert len(view.study().trials) == 6


@pytest.fixture
def tell() -> list[str]:
    return []


def worker(name: str, tell: list[str], **options: Any) -> Worker:
    return Worker(name, tell=tell.append, patience=5, **options)


def test_a_trial_is_the_training_that_its_settings_alone_give(runs: Path, mnist: Dataset, tell: list[str]):
    create_search("alone", SearchSpec(BASE, VARY, n_trials=1))
    worker("alone", tell).work()
    (row,) = read("alone").trials
    assert row.config is not None
    trainer = Trainer(row.config, mnist)
    trainer.train_epochs(2)
    kept = RunStore(runs / "searches" / "alone").checkpoint(row.run)
    assert np.array_equal(kept.arrays["params"], trainer.model.flat)


def test_what_diverges_is_pruned_with_its_reason_and_marked_on_the_map(runs: Path, tell: list[str]):
    base = BASE.replace(epochs=4, hidden=(8, 8, 8), activation="identity")
    spec = trainability_map(base, gains=(1.0,), lrs=(0.01, 10.0))
    create_search("map", spec)
    worker("map", tell).work()
    view = read("map")
    found = map_of(view)
    assert found is not None and found.accuracy.shape == (1, 2)
    assert found.diverged.tolist() == [[False, True]] and np.isnan(found.accuracy[0, 1]) and found.accuracy[0, 0] > 0.1
    assert [row.reason.startswith("Training diverged") for row in view.trials if row.diverged] == [True]


def test_bad_trials_are_pruned_and_the_epochs_saved_are_counted(runs: Path, tell: list[str]):
    spec = SearchSpec(BASE.replace(epochs=3), {"lr": Span(1e-5, 0.5, True)}, "random", n_trials=9, seed=5)
    create_search("uneven", spec)
    worker("uneven", tell).work()
    view = read("uneven")
    trained = sum(row.epochs for row in view.trials)
    assert view.counts["pruned"] > 0 and view.epochs_saved == pytest.approx(1 - trained / 27)


def test_two_objectives_have_a_front_of_trials_that_none_betters(runs: Path, tell: list[str]):
    vary: dict[str, Any] = {"hidden": Values(((2,), (32,))), "lr": Values((0.01, 0.3))}
    create_search("two", SearchSpec(BASE, vary, "grid", n_trials=4, objectives=("val_accuracy", "weights")))
    worker("two", tell).work()
    view = read("two")
    for row in view.front:
        for other in view.trials:
            assert row.values is not None and other.values is not None
            better = other.values[0] >= row.values[0] and other.values[1] <= row.values[1]
            assert not better or other.values == row.values
    assert 1 <= len(view.front) < 4


def test_stopped_in_mid_trial_a_search_goes_on_with_the_same_trial(runs: Path):
    create_search("halt", SearchSpec(BASE.replace(epochs=2_000), VARY, n_trials=2, pruner="none"))
    (process,) = start_workers("halt", 1)
    until(lambda: any(row.state == "running" and row.reported for row in read("halt").trials))
    control("halt", "stop")
    wait([process])
    view = read("halt")
    assert process.returncode == 0 and view.counts == {"waiting": 1}
    waiting = next(row for row in view.trials if row.state == "waiting")
    stopped = next(row for row in view.trials if row.superseded)
    assert waiting.params == stopped.params and view.n_done == 0


def until(found: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_a_grid_stopped_in_mid_trial_still_trains_each_combination_once(
    runs: Path, tell: list[str], monkeypatch: pytest.MonkeyPatch
):
    rates = (0.05, 0.1, 0.3)
    create_search("grid", SearchSpec(BASE, {"lr": Values(rates)}, "grid", "none", n_trials=3))

    def stopped(*_: Any) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(TrialRun, "one_epoch", stopped)
        worker("grid", tell).work()
    (waiting,) = [row for row in read("grid").trials if not row.superseded]
    assert waiting.state == "waiting" and waiting.params["lr"] in rates
    worker("grid", tell).work()
    view = read("grid")
    done = {row.number: row.params["lr"] for row in view.trials if row.state == "complete"}
    assert sorted(done.values()) == list(rates) and view.n_done == 3
    assert done[waiting.number] == waiting.params["lr"]


def test_a_paused_search_waits_and_goes_on(runs: Path):
    create_search("pause", SearchSpec(BASE, VARY, n_trials=2))
    control("pause", "pause")
    processes = start_workers("pause", 1)
    time.sleep(2)
    assert processes[0].poll() is None and read("pause").n_done == 0
    control("pause", "run")
    wait(processes)
    assert read("pause").n_done == 2


def test_a_worker_with_other_images_refuses_to_join_and_other_code_is_named(runs: Path, tiny: Dataset, tell: list[str]):
    create_search("other", SearchSpec(BASE, VARY, n_trials=1), data=tiny)
    with pytest.raises(SearchError, match="holds other images than those the search was begun on"):
        worker("other", tell)
    info = create_search("old", SearchSpec(BASE, VARY, n_trials=1))
    load_study("old")[0].set_user_attr("code", "0123456789")
    worker("old", tell)
    assert info.code in tell[0] and "0123456789" in tell[0]


# ---------------------------------------------------------------------------------------------- the command line


def test_sweep_and_its_resume_print_the_best_as_json(runs: Path, capsys: pytest.CaptureFixture[str]):
    common = ["--study", "cli", "--json", "--workers", "1"]
    settings = ["--n-train", "300", "--hidden", "8", "--epochs", "1", "--batch-size", "50"]
    code = main(["sweep", *common, "--trials", "2", "--vary", "lr=0.1:0.5", "--vary", "init", *settings])
    out = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0 and out["n_trials"] == 2 and out["config"]["hidden"] == [8] and out["values"][0] > 0.1
    assert main(["sweep", *common, "--resume", "--test"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["test_accuracy"] > 0.1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["worker", "--study", "nix"], "there is no search nix in "),
        (["worker", "--study", "../x"], "a search's name must have 1 to 60 letters"),
        (["sweep", "--study", "x", "--vary", "seed"], "vary must name one of "),
        (["sweep", "--study", "x", "--vary", "lr=fast"], "lr must be a number"),
        (["worker", "--study", "x", "--storage", "nonsense"], 'the storage must be a URL like "postgresql://'),
        (["worker", "--study", "x", "--storage", "sqlite:////nowhere/x.db"], "there is no file /nowhere/x.db"),
        (["sweep", "--study", "x", "--workers", "99"], "workers must be in [0, 64], got 99"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_sentence(
    runs: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"python -m nn_core: {sentence}") and error.count("\n") == 1 and "Traceback" not in error


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + bytes(2000)], ids=str)
def test_a_corrupt_file_is_named_and_left_as_it_is(runs: Path, content: bytes, capsys: pytest.CaptureFixture[str]):
    path = runs / "searches" / "bad.db"
    path.parent.mkdir()
    path.write_bytes(content)
    for command in (["worker"], ["sweep", "--resume"], ["sweep"]):
        assert main([*command, "--study", "bad"]) == 2
        error = capsys.readouterr().err
        assert "bad" in error and error.count("\n") == 1
        assert path.read_bytes() == content


def test_a_locked_file_is_named(runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nn_core.search.storage.BUSY_SECONDS", 0.2)
    create_search("locked", SearchSpec(BASE, VARY, n_trials=1))
    with sqlite3.connect(runs / "searches" / "locked.db") as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SearchError, match="the file of the search locked is locked by another program"):
            control("locked", "stop")
        connection.rollback()


def test_no_sentence_holds_the_password():
    url = "postgresql://ann:s3cret@db.example.org/glassnet"
    assert hidden(url) == "postgresql://ann:***@db.example.org/glassnet"

    class OperationalError(Exception):
        pass

    OperationalError.__module__ = "psycopg"
    error = OperationalError("connection to server failed: FATAL: password authentication failed for user ann")
    assert database_sentence(error, "x", url) == f"the database {hidden(url)} refuses the user or the password"
    assert database_sentence(ValueError("x"), "x", url) is None


def _sqlite_error(what: str, folder: Path) -> sqlite3.Error:
    """The error that SQLite itself raises."""
    path = folder / "some.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    if what == "damaged":
        path.write_bytes(b"no database at all" * 100)
    uri = {"read-only": f"file:{path}?mode=ro", "missing": f"file:{folder}/none/x.db"}.get(what, f"file:{path}")
    pragma = "PRAGMA max_page_count = 2" if what == "full" else "SELECT 1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute(pragma)
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))" if what != "foreign" else "SELECT * FROM nix")
    except sqlite3.Error as error:
        return error
    raise AssertionError("SQLite has no objection")


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("damaged", "the file of the search x is damaged or holds something else"),
        ("foreign", "the file of the search x is damaged or holds something else"),
        ("read-only", "the file of the search x cannot be written"),
        ("missing", "the file of the search x cannot be opened"),
        ("full", "the disk is full: the search x could not be written"),
    ],
)
def test_what_sqlite_refuses_is_told_by_its_code(what: str, sentence: str, tmp_path: Path):
    assert database_sentence(_sqlite_error(what, tmp_path), "x") == sentence


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("42P01", "there is no search x in the database"),
        ("57P01", "does not answer"),
        ("08006", "does not answer"),
        ("25006", "cannot be written"),
        ("53100", "the disk is full"),
        ("28P01", "refuses the user or the password"),
        ("3D000", "does not exist on its server"),
    ],
)
def test_what_postgresql_refuses_is_told_by_its_code_in_whatever_language_it_speaks(code: str, sentence: str):
    psycopg = pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed")
    error = psycopg.errors.lookup(code)("die Datenbank mag nicht")
    assert sentence in str(database_sentence(error, "x", "postgresql://ann:s3cret@db/x"))


def test_searching_needs_no_optuna_until_it_searches():
    code = "import sys, nn_core.search; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ}, check=False).returncode == 0


def test_settings_name_what_they_vary():
    assert setting("lr") in varied_settings() and setting("seed") not in varied_settings()
