"""How many BLAS threads a run gets."""

from __future__ import annotations

import json

import pytest

from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.machine import threads
from nn_core.machine.facts import machine_facts


def test_one_thread_unless_the_environment_or_who_asks_says_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    assert threads.planned_blas_threads() == 1
    monkeypatch.setenv(threads.VARIABLE, "3")
    assert threads.planned_blas_threads() == 3
    assert threads.planned_blas_threads(2) == 2
    for nonsense in ("", "0", "many"):
        monkeypatch.setenv(threads.VARIABLE, nonsense)
        assert threads.planned_blas_threads() == 1


@pytest.mark.parametrize("n", [1, 2])
def test_the_threads_in_use_are_those_that_were_asked_for_and_a_run_notes_them(n: int):
    before = threads.blas_threads() or 1
    try:
        if threads.set_blas_threads(n):
            assert threads.blas_threads() == n == machine_facts()["blas_threads"]
    finally:
        threads.set_blas_threads(before)


def test_without_threadpoolctl_nobody_knows_the_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threads, "_blas", lambda: None)
    assert threads.blas_threads() is None is machine_facts()["blas_threads"]


def test_the_command_line_takes_a_number_of_threads_and_its_result_names_it(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    used: list[int] = []

    def set_threads(n: int) -> bool:
        used.append(n)
        return True

    monkeypatch.setattr("nn_core.cli.train.load_dataset", lambda name: tiny)
    monkeypatch.setattr("nn_core.machine.threads.set_blas_threads", set_threads)
    options = ["train", "--n-train", "400", "--epochs", "1", "--hidden", "8", "--quiet", "--json"]
    assert main([*options, "--threads", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["blas_threads"] == 2 and used == [2]
