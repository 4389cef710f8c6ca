"""How many BLAS threads a run gets."""

from __future__ import annotations

import json
import time

import pytest

from nn_core import RunConfig, threads
from nn_core.__main__ import main
from nn_core.data import Dataset

LARGE = RunConfig(hidden=(512,), batch_size=256)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a second core, and nothing asked for in the environment."""
    monkeypatch.setattr(threads, "n_cores", lambda: 2)
    monkeypatch.delenv(threads.VARIABLE, raising=False)


def answering(one: float, two: float, asked: list[tuple[tuple[int, ...], int]] | None = None):
    """A probe that finds these seconds, and notes what it was asked."""

    def probe(sizes: tuple[int, ...], rows: int) -> dict[int, float]:
        if asked is not None:
            asked.append((sizes, rows))
        return {1: one, 2: two}

    return probe


def never(sizes: tuple[int, ...], rows: int) -> dict[int, float]:
    raise AssertionError("no probe is wanted here")


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize(("one", "two", "chosen"), [(1.0, 0.55, 2), (1.0, 0.8, 2), (1.0, 0.9, 1), (1.0, 1.4, 1)])
def test_a_large_network_gets_two_threads_only_if_they_are_clearly_faster(
    one: float, two: float, chosen: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(threads, "_probe", answering(one, two))
    assert threads.choose_blas_threads(LARGE) == chosen


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize(
    "config", [RunConfig(), RunConfig(hidden=(64,), batch_size=128), RunConfig(hidden=(10,), batch_size=0)]
)
def test_small_work_gets_one_thread_without_a_probe(config: RunConfig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threads, "_probe", never)
    assert threads.choose_blas_threads(config) == 1


def test_a_single_core_gets_one_thread_without_a_probe(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threads, "_probe", never)
    monkeypatch.setattr(threads, "n_cores", lambda: 1)
    assert threads.choose_blas_threads(LARGE) == 1


@pytest.mark.usefixtures("two_cores")
def test_a_full_batch_is_probed_with_as_many_rows_as_the_step_takes_at_a_time(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[tuple[int, ...], int]] = []
    monkeypatch.setattr(threads, "_probe", answering(1, 1, asked))
    threads.choose_blas_threads(RunConfig(hidden=(64, 256), batch_size=0))
    assert asked == [((784, 64, 256, 10), 512)]


@pytest.mark.usefixtures("two_cores")
def test_what_is_asked_for_wins_over_the_environment_and_that_over_the_probe(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threads, "_probe", answering(1.0, 0.5))
    assert threads.planned_blas_threads(LARGE) == 2
    monkeypatch.setenv(threads.VARIABLE, "3")
    assert threads.planned_blas_threads(LARGE) == 3
    assert threads.planned_blas_threads(LARGE, 1) == 1
    for nonsense in ("", "0", "many"):
        monkeypatch.setenv(threads.VARIABLE, nonsense)
        assert threads.planned_blas_threads(LARGE) == 2


def test_the_probe_leaves_the_number_of_threads_as_it_was_and_takes_no_time_to_speak_of():
    pytest.importorskip("threadpoolctl")
    before = [found["num_threads"] for found in threads._blas().info()]
    started = time.perf_counter()
    seconds = threads._probe((784, 128, 10), 128)
    assert time.perf_counter() - started < 5  # 0.1 on a free machine
    assert set(seconds) == {1, 2} and min(seconds.values()) > 0
    assert [found["num_threads"] for found in threads._blas().info()] == before


def test_the_command_line_takes_a_number_of_threads_and_its_result_names_it(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    used: list[int] = []
    monkeypatch.setattr("nn_core.__main__.load_dataset", lambda name: tiny)
    monkeypatch.setattr("nn_core.__main__.set_blas_threads", used.append)
    options = ["train", "--n-train", "400", "--epochs", "1", "--hidden", "8", "--quiet", "--json"]
    assert main([*options, "--threads", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["blas_threads"] == 2 and used == [2]
