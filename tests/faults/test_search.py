"""Searches whose workers are killed, interrupted or left without a database: no finished trial is lost, none hangs."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig
from nn_core.search import SearchError, SearchSpec, Span, create_search, start_workers
from nn_core.search.database_errors import hidden
from nn_core.search.study import load_study
from nn_core.search.watch import SearchView, TrialRow, read_search
from nn_core.search.worker import Worker
from tests import ROOT
from tests.postgres import Postgres
from tests.search_workers import until

from . import attack_trials

BASE = RunConfig(n_train=300, hidden=(8,), batch_size=50, epochs=60)
SPEC = SearchSpec(BASE, {"lr": Span(0.01, 0.5, True)}, "random", "none", 16)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("RUNS", str(tmp_path)), ("HEARTBEAT", "1"), ("GRACE", "2")):
        monkeypatch.setenv(f"GLASSNET_{name}", value)
    return tmp_path


def read(name: str, storage: str = "") -> SearchView:
    return read_search(load_study(name, storage, heartbeat=False))


def pid_of(row: TrialRow) -> int:
    return int(row.worker.rpartition(":")[2])


# ---------------------------------------------------------------------------------------------- killed


@pytest.mark.slow
def test_after_twenty_kills_in_mid_trial_nothing_finished_is_lost_and_nothing_runs_on(runs: Path):
    create_search("killed", SPEC)
    alive = {process.pid: process for process in start_workers("killed", 2)}
    finished: dict[int, Any] = {}  # number -> values, as they were seen first
    killed: dict[int, dict[str, Any]] = {}  # number -> what the trial had drawn
    deadline = time.monotonic() + 600
    opened = load_study("killed", heartbeat=False)
    while len(killed) < 20:
        assert time.monotonic() < deadline, f"only {len(killed)} kills"
        view = read_search(opened)
        finished |= {row.number: row.values for row in view.trials if row.state == "complete"}
        under_way = [
            row
            for row in view.trials
            if row.state == "running" and 0 < len(row.reported) < 50 and row.number not in killed
        ]
        for row in under_way:
            if pid_of(row) in alive and len(killed) < 20:
                os.kill(pid_of(row), signal.SIGKILL)
                alive.pop(pid_of(row)).wait(10)
                if (
                    opened.study.get_trials(deepcopy=False)[row.number].state.name == "RUNNING"
                ):  # it may just have ended
                    killed[row.number] = dict(row.params)
                alive |= {process.pid: process for process in start_workers("killed", 1)}
        if view.n_done > 10 and view.n_total - view.n_done < 3:
            break
        time.sleep(0.02)
    for process in alive.values():
        process.wait(240)
    view = read("killed")
    rows = {row.number: row for row in view.trials}
    assert len(killed) == 20 and view.n_done == view.n_total == 16
    assert {number: rows[number].values for number in finished} == finished
    assert not [row for row in view.trials if row.state in ("running", "waiting")]
    # of a trial that was killed while it wrote its end down, the end may be found only later: it is complete, no loss
    met = {number: params for number, params in killed.items() if rows[number].state != "complete"}
    assert len(met) >= 18
    for number, params in met.items():
        again = [row for row in view.trials if row.number > number and row.params == params]
        assert rows[number].state == "failed" and (again or not rows[number].superseded)


@pytest.mark.slow
def test_a_trial_whose_worker_was_lost_before_its_first_sign_of_life_does_not_run_for_ever(runs: Path):
    create_search("silent", SearchSpec(BASE.replace(epochs=1), SPEC.vary, "random", "none", 1))
    load_study("silent", heartbeat=False)[0].ask()  # taken, and nothing more is heard
    assert [row.state for row in read("silent").trials] == ["running"]
    Worker("silent", tell=lambda _: None).work()
    states = {row.state: row.superseded for row in read("silent").trials}
    assert states == {"failed": True, "complete": False}


@pytest.mark.slow
def test_an_interrupted_worker_leaves_its_trial_to_the_next(runs: Path):
    create_search("ctrl-c", SearchSpec(BASE.replace(epochs=5_000), SPEC.vary, "random", "none", 1))
    (process,) = start_workers("ctrl-c", 1)
    until(lambda: any(row.reported for row in read("ctrl-c").trials))
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    view = read("ctrl-c")
    assert view.counts == {"waiting": 1} and view.n_done == 0
    assert len({row.params["lr"] for row in view.trials}) == 1 and len(view.trials) == 2


def test_a_trial_that_the_others_have_given_up_ends_in_a_sentence(runs: Path):
    import optuna

    create_search("slow", SearchSpec(BASE.replace(epochs=2), SPEC.vary, "random", "none", 1))
    told: list[str] = []
    worker = Worker("slow", tell=told.append)
    report = optuna.trial.Trial.report

    def given_up_meanwhile(trial: Any, value: float, step: int) -> None:
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            trial.storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.FAIL)
        report(trial, value, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optuna.trial.Trial, "report", given_up_meanwhile)
        assert worker._next()
    assert told == ["A trial of this worker was given up by the others, who had no sign of life from it."]


# ---------------------------------------------------------------------------------------------- the database


@pytest.mark.slow
def test_workers_wait_while_postgresql_is_away_for_thirty_seconds_and_finish(runs: Path):
    server = Postgres()
    try:
        url = server.url()
        create_search("away", SPEC, url)
        workers = start_workers("away", 2, url)
        until(lambda: read("away", url).n_done >= 2)
        before = {row.number: row.values for row in read("away", url).trials if row.state == "complete"}
        server.stop()
        with pytest.raises(SearchError, match="does not answer") as said:
            read("away", url)
        assert server.password not in str(said.value)
        impatient = [sys.executable, "-m", "nn_core", "worker", "--study", "away", "--patience", "1"]
        environment = {**os.environ, "GLASSNET_STORAGE": url}
        ended = subprocess.run(impatient, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 2 and "does not answer" in ended.stderr and server.password not in ended.stderr
        time.sleep(30)
        assert [worker.poll() for worker in workers] == [None, None]
        server.start()
        assert [worker.wait(120) for worker in workers] == [0, 0]
        view = read("away", url)
        assert view.n_done == 16 and not [row for row in view.trials if row.state in ("running", "waiting")]
        rows = {row.number: row.values for row in view.trials}
        assert {number: rows[number] for number in before} == before
        log = (runs / "searches" / "away.log").read_text()
        assert log.count("does not answer; trying again for 120 s.") >= 2 and "The database answers again." in log
        assert "Traceback" not in log and server.password not in log
    finally:
        server.close()


def test_an_sqlite_file_of_another_program_is_left_as_it_is(runs: Path):
    path = runs / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE letters (text)")
    content = path.read_bytes()
    for attempt in (
        lambda: create_search("x", SPEC, f"sqlite:///{path}"),
        lambda: load_study("x", f"sqlite:///{path}"),
    ):
        with pytest.raises(SearchError, match="holds something else than searches"):
            attempt()
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret@db/glassnet",
        "postgresql://ann:s3c@s3cret@db/glassnet",
        "postgresql://ann:s3cret:s3cret@db/glassnet",
        "postgresql://db/glassnet?user=ann&password=s3cret",
        "postgresql://ann:s3cret/s3cret@db:5432/glassnet",
    ],
)
def test_a_url_is_never_shown_with_its_password(url: str):
    assert "s3c" not in hidden(url) and "db" in hidden(url)


def test_a_url_too_long_to_be_shown_whole_shows_no_password(runs: Path):
    with pytest.raises(SearchError) as refused:
        load_study("x", f"nonsense://ann:{'s3cret' * 20}@db/glassnet")
    assert "s3c" not in str(refused.value)


def test_a_search_of_hundreds_of_trials_is_soon_read_and_drawn():
    assert [figure for figure in attack_trials.attack(full=False) if not figure.holds] == []
