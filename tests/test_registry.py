"""Runs that outlive their process: what is written down while training comes back, and branches go on from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from nn_core import ConfigError, RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.registry import RunRegistry
from nn_core.runner import Run
from nn_core.store import RunStore, StoreError

PATIENCE = 10.0  # seconds; reached only when something is broken
SMALL = RunConfig(hidden=(12,), n_train=500, batch_size=50, epochs=100, lr=0.05, optimizer="adam")

MakeRegistry = Callable[[], RunRegistry]


@pytest.fixture
def server(tmp_path: Path, tiny: Dataset) -> Iterator[MakeRegistry]:
    """Starts a registry on one folder of runs, as a server process would."""
    started: list[RunRegistry] = []

    def start() -> RunRegistry:
        started.append(RunRegistry(RunStore(tmp_path / "runs"), lease_seconds=0, load=lambda name: tiny))
        return started[-1]

    yield start
    for registry in started:
        registry.close()


def steps(run: Run, n: int) -> None:
    """Make so many steps and wait until they are made and saved."""
    until = run.snapshot.step + n
    for _ in range(n):
        done = run.step_once()
    assert done.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while run.snapshot.step < until or run.snapshot.is_training:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def weights_of(run: Run) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in run.snapshot.weights.items()}


def test_a_run_comes_back_from_the_disk_and_goes_on_bit_for_bit(server: MakeRegistry, tiny: Dataset):
    first = server()
    run = first.create(SMALL, tiny)
    steps(run, 7)
    assert run.change("lr", 0.02).wait(PATIENCE)
    steps(run, 5)
    before = run.snapshot
    first.close()

    again = server().get(run.id)
    assert again is not None
    after = again.snapshot
    assert (after.step, after.status, after.edits, after.config) == (12, "paused", before.edits, before.config)
    assert after.not_saved == before.not_saved == ""
    assert {name: s.points.tobytes() for name, s in after.series.items()} == {
        name: s.points.tobytes() for name, s in before.series.items()
    }
    assert [frame.step for frame in after.film] == [frame.step for frame in before.film]
    assert after.film[0].step == 0
    assert after.scores is not None and after.scores.val_accuracy == before.scores.val_accuracy  # type: ignore[union-attr]
    steps(again, 9)
    never_stopped = Trainer(SMALL, tiny)
    never_stopped.replay(before.edits, 21)
    assert {n: a.tobytes() for n, a in never_stopped.model.weights().items()} == weights_of(again)


def test_a_run_that_never_trained_leaves_nothing_on_the_disk(server: MakeRegistry, tiny: Dataset):
    registry = server()
    run = registry.create(SMALL, tiny)
    assert run.change("lr", 0.02).wait(PATIENCE)
    registry.close()
    assert registry.store is not None and registry.store.ids() == []
    assert server().get(run.id) is None


def test_a_branch_from_a_frame_goes_on_with_its_weights_and_says_that_the_optimizer_starts_anew(
    server: MakeRegistry, tiny: Dataset
):
    registry = server()
    run = registry.create(SMALL, tiny)
    steps(run, 20)
    frame = run.snapshot.film[3]
    branch = registry.branch(run.id, frame.step, SMALL.replace(lr=0.5), tiny)
    shot = branch.snapshot
    assert (shot.step, shot.config.lr, shot.parent) == (frame.step, 0.5, branch.parent)
    assert branch.parent is not None and (branch.parent.run, branch.parent.exact) == (run.id, False)
    assert "optimizer starts anew" in shot.message
    for name, weights in frame.weights().items():
        assert np.array_equal(shot.weights[name], weights)
    assert [f.step for f in shot.film] == [f.step for f in run.snapshot.film if f.step <= frame.step]
    steps(branch, 4)
    registry.close()
    again = server().get(branch.id)
    assert again is not None and again.snapshot.parent == branch.parent
    assert (again.snapshot.step, again.snapshot.config.lr) == (frame.step + 4, 0.5)


def test_a_branch_where_the_run_stands_equals_going_on(server: MakeRegistry, tiny: Dataset):
    registry = server()
    config = SMALL.replace(dropout=0.3, rotation=10.0)
    run = registry.create(config, tiny)
    steps(run, 6)
    branch = registry.branch(run.id, 6, config, tiny)
    assert branch.parent is not None and branch.parent.exact
    steps(branch, 8)
    steps(run, 8)
    assert weights_of(branch) == weights_of(run)


@pytest.mark.parametrize("change", [{"hidden": (13,)}, {"normalization": "batch"}])
def test_a_branch_that_could_not_keep_its_weights_is_refused_by_the_fields_name(
    change: dict[str, object], server: MakeRegistry, tiny: Dataset
):
    registry = server()
    run = registry.create(SMALL, tiny)
    with pytest.raises(ConfigError, match=next(iter(change))):
        registry.branch(run.id, 0, SMALL.replace(**change), tiny)


def test_a_deleted_run_is_gone_until_it_is_restored(server: MakeRegistry, tiny: Dataset):
    registry = server()
    run = registry.create(SMALL, tiny)
    steps(run, 3)
    registry.delete(run.id)
    assert registry.get(run.id) is None
    registry.restore(run.id)
    again = registry.get(run.id)
    assert again is not None and again.snapshot.step == 3
    with pytest.raises(StoreError):
        registry.restore(run.id)
