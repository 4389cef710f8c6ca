"""Places for training and for workers: in turn, and no visitor more than a few."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.visitors.queues import FairScheduler, Workers, numbers


def test_a_visitors_second_run_waits_and_the_next_visitor_moves_up():
    scheduler = FairScheduler(2, 1, lambda run_id: run_id[0])
    assert [scheduler.take(run) for run in ("a1", "a2", "b1", "c1")] == [0, 1, 0, 2]
    scheduler.leave("a1")
    assert [scheduler.take(run) for run in ("a2", "b1", "c1")] == [0, 0, 1]
    assert "2 runs train at once on this machine, 1 of each visitor." == scheduler.rule


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(1, 4), st.integers(1, 4), st.data())
def test_who_has_a_place_keeps_it_when_another_leaves(line, most, each, data):
    before = numbers(line, most, each)
    assert sum(number == 0 for number in before) <= most
    if line:
        gone = data.draw(st.integers(0, len(line) - 1))
        after = numbers(line[:gone] + line[gone + 1 :], most, each)
        stayed = before[:gone] + before[gone + 1 :]
        assert all(now == 0 for was, now in zip(stayed, after, strict=True) if was == 0)


class Process:
    """One that ends when it is told to."""

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code


@pytest.fixture
def started() -> list[tuple[str, Process]]:
    return []


@pytest.fixture
def workers(started) -> Workers:
    def start(name: str, n: int, storage: str) -> list:
        new = [Process() for _ in range(n)]
        started.extend((name, process) for process in new)
        return new

    return Workers(start, most=3, most_each=2)


def test_five_clicks_start_no_more_workers_than_there_is_room_for(workers, started):
    for number in range(5):
        workers.ask((f"map-{number}", ""), 2, "ann")
    assert len(started) == 2 and workers.standing() == (2, 8)
    assert workers.waiting(("map-1", "")) == [1, 2]
    workers.ask(("other", ""), 1, "bob")
    assert [name for name, _ in started] == ["map-0", "map-0", "other"], "another visitor's has room"


def test_one_that_waits_starts_when_another_ends(workers, started):
    workers.ask(("one", ""), 2, "ann")
    workers.ask(("two", ""), 1, "ann")
    workers.ask(("three", ""), 1, "ann")
    workers.cancel(("three", ""))
    started[0][1].code = 0
    deadline = time.monotonic() + 10
    while len(started) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert started[2][0] == "two" and workers.waiting(("two", "")) == [] and workers.standing() == (2, 0)


def test_where_workers_cannot_be_started_nothing_is_left_in_the_queue():
    def broken(name: str, n: int, storage: str) -> list:
        raise OSError("no")

    workers = Workers(broken, 2, 2)
    with pytest.raises(OSError, match="no"):
        workers.ask(("one", ""), 1, "ann")
    assert workers.standing() == (0, 0)
