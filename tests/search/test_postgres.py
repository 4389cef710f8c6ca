"""A search in a real PostgreSQL, which these tests start themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig
from nn_core.cli.main import main
from nn_core.search import SearchSpec, SearchWatch, Span, create_search, list_searches, start_workers
from nn_core.search.study import load_study
from nn_core.search.watch import read_search
from tests.postgres import Postgres
from tests.search_workers import until

SPEC = SearchSpec(RunConfig(n_train=300, hidden=(8,), epochs=2), {"lr": Span(0.05, 0.5, True)}, "random", "none", 6)


pytestmark = pytest.mark.slow  # a database server is started


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    started = Postgres()
    yield started
    started.close()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    return tmp_path


def test_two_workers_share_a_search_in_postgresql_and_a_watch_sees_it(server: Postgres, runs: Path):
    create_search("pair", SPEC, server.url())
    processes = start_workers("pair", 2, server.url())
    watch = SearchWatch("pair", server.url(), seconds=0.1)
    try:
        until(lambda: watch.view is not None and watch.view.n_done == 6)
        view: Any = watch.view
    finally:
        watch.close()
    assert [process.wait(30) for process in processes] == [0, 0]
    assert view.counts == {"complete": 6} and len({row.worker for row in view.trials}) == 2
    assert len({row.params["lr"] for row in view.trials if not row.superseded}) == 6  # no two workers drew the same
    assert list_searches(server.url()) == ["pair"]
    assert server.password not in (runs / "searches" / "pair.log").read_text()
    assert not (runs / "searches" / "pair.db").exists()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_trials_without_a_sign_of_life_are_lost_whether_they_ever_gave_one_or_not(
    database: str, runs: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    url = "" if database == "sqlite" else request.getfixturevalue("server").url()
    monkeypatch.setenv("GLASSNET_GRACE", "1")
    create_search("lost", SPEC, url)
    study, _, kept = load_study("lost", url)

    def sign_of_life(number: int) -> None:
        study_id = kept.get_study_id_from_name("lost")
        kept.record_heartbeat(kept.get_trial_id_from_study_id_trial_number(study_id, number))

    silent, gone, alive = (study.ask().number for _ in range(3))
    sign_of_life(gone)
    sign_of_life(alive)
    assert not kept.lost_trials("lost")
    time.sleep(2.2)  # the clock of SQLite tells whole seconds
    sign_of_life(alive)
    assert set(kept.lost_trials("lost")) == {silent, gone}
    kept.give_up_lost_trials(study)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "FAIL", "RUNNING", "WAITING", "WAITING"]


def test_where_no_search_was_made_a_worker_makes_no_tables(server: Postgres, capsys: pytest.CaptureFixture[str]):
    assert main(["worker", "--study", "nix", "--storage", server.url(database="template1")]) == 2
    assert "there is no search nix in the database" in capsys.readouterr().err
    assert main(["worker", "--study", "nix", "--storage", server.url(database="template1")]) == 2  # as before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"password": "wrong-s3cret"}, "refuses the user or the password"),
        ({"user": "nobody-known"}, "refuses the user or the password"),
        ({"database": "nowhere"}, "does not exist on its server"),
        ({"port": "1"}, "does not answer"),
    ],
    ids=str,
)
def test_what_the_database_refuses_is_one_sentence_without_the_password(
    server: Postgres, changes: dict[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    for command in (["worker"], ["sweep", "--resume"], ["sweep"]):
        assert main([*command, "--study", "x", "--storage", server.url(**changes)]) == 2
        error = capsys.readouterr().err
        assert sentence in error and error.count("\n") == 1
        assert server.password not in error and "s3cret" not in error


def test_sweep_goes_on_with_a_search_in_postgresql(server: Postgres, runs: Path):
    create_search("later", SPEC, server.url())
    assert main(["sweep", "--study", "later", "--storage", server.url(), "--resume", "--workers", "1"]) == 0
    assert read_search(load_study("later", server.url())).n_done == 6
