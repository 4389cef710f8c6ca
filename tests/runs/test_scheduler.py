"""Runs that train in a team: they count as one, go on in turns, and leave their place together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.runs.registry import RunRegistry
from nn_core.runs.run import Run
from nn_core.runs.scheduler import Turns

ENDLESS = RunConfig(hidden=(8,), n_train=1000, batch_size=50, epochs=100_000)


@pytest.fixture
def registry() -> Iterator[RunRegistry]:
    registry = RunRegistry(max_training=1, lease_seconds=0)
    yield registry
    registry.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def go_on(runs: list[Run], steps: int = 20) -> bool:
    """Wait until each of the runs has made some more steps."""
    before = [run.snapshot.step for run in runs]
    until(lambda: all(run.snapshot.step > step + steps for run, step in zip(runs, before, strict=True)))
    return True


def test_a_team_counts_as_one_all_of_it_goes_on_and_the_place_is_free_when_none_trains(
    registry: RunRegistry, tiny: Dataset
) -> None:
    team = registry.create_team([ENDLESS.replace(lr=lr) for lr in (0.1, 0.2, 0.3)], [tiny] * 3)
    other = registry.create(ENDLESS, tiny)
    for run in team:
        run.play()
    assert go_on(team)
    other.play()
    until(lambda: other.snapshot.status == "waiting")
    assert other.snapshot.message.startswith("Number 1 in the queue")
    assert go_on(team)
    for run in team[:2]:
        assert run.pause().wait(10)
    assert go_on(team[2:]) and other.snapshot.step == 0
    assert team[2].pause().wait(10)
    assert go_on([other])


def test_a_run_of_a_team_that_ends_by_itself_holds_nobody_up(registry: RunRegistry, tiny: Dataset) -> None:
    short = ENDLESS.replace(epochs=1)
    team = registry.create_team([short, ENDLESS], [tiny, tiny])
    for run in team:
        run.play()
    until(lambda: team[0].snapshot.status == "finished")
    assert go_on(team[1:])


def test_a_turn_is_handed_on_in_the_order_of_asking() -> None:
    turns = Turns()
    order: list[int] = []

    def ask(number: int) -> None:
        with turns:
            order.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    with turns:
        for n_asking, thread in enumerate(threads, 1):
            thread.start()
            until(lambda n=n_asking: len(turns._line) == n + 1)  # type: ignore[misc]
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4] and not turns._line
