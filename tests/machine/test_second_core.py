"""Work cut in two gives the same, whoever does which part."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.kernels import mlp
from nn_core.machine import second_core
from nn_core.machine.second_core import SecondCore
from nn_core.nn import optimizers


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> SecondCore:
    """A SecondCore that has a second thread, whatever the machine."""
    monkeypatch.setattr(second_core, "n_cores", lambda: 2)
    return SecondCore()


def test_both_parts_are_done_once_before_run_returns(pair: SecondCore):
    for _ in range(200):
        done: list[str] = []
        pair.run(partial(done.append, "first"), partial(done.append, "second"))
        assert sorted(done) == ["first", "second"]


def test_a_second_thread_does_its_part_while_the_first_is_at_work(pair: SecondCore):
    met = threading.Barrier(2, timeout=30)  # neither part can end alone
    pair.run(lambda: print(met.wait()), lambda: print(met.wait()))


@pytest.mark.parametrize("which", [0, 1])
def test_an_error_in_either_part_is_raised_after_both_have_ended_and_the_next_work_is_done(
    pair: SecondCore, which: int
):
    def fail() -> None:
        raise ArithmeticError("no good")

    done: list[int] = []
    parts: list[Any] = [lambda: done.append(1), lambda: done.append(1)]
    parts[which] = fail
    with pytest.raises(ArithmeticError, match="no good"):
        pair.run(*parts)
    assert done == [1] or (which == 0 and not done)  # what had not begun is left
    pair.run(lambda: done.append(2), lambda: done.append(2))
    assert done[-2:] == [2, 2]


def test_whoever_finds_the_second_thread_busy_does_both_parts_alone(pair: SecondCore):
    names: list[str] = []

    def note() -> None:
        names.append(threading.current_thread().name)

    pair.run(lambda: pair.run(note, note), lambda: None)
    assert names == [threading.current_thread().name] * 2


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dropout": 0.3},
        {"shift": 2, "batch_size": 600},
        {"batch_size": 0},
        {"optimizer": "adamw", "weight_decay": 0.1, "lr": 0.001},
    ],
    ids=str,
)
def test_weights_do_not_depend_on_a_second_thread(
    settings: dict[str, Any], tiny: Dataset, pair: SecondCore, monkeypatch: pytest.MonkeyPatch
):
    config = RunConfig(hidden=(24, 9), n_train=len(tiny.train_images), batch_size=97).replace(**settings)
    monkeypatch.setattr(mlp, "ENOUGH", 1)
    monkeypatch.setattr(optimizers, "ENOUGH", 1)
    trained = []
    for one in (pair, SecondCore()):
        one._alone = one is not pair
        monkeypatch.setattr(mlp, "SECOND_CORE", one)
        monkeypatch.setattr(optimizers, "SECOND_CORE", one)
        trainer = Trainer(config, tiny)
        for _ in range(12):
            assert trainer.step()
        trained.append(trainer.model.flat.copy())
    assert np.array_equal(trained[0], trained[1])
