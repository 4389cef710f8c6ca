"""Runs that outlive their process: what is written down while training comes back, and branches go on from it."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn_core import ConfigError, RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.runs import run as run_module
from nn_core.runs.registry import RunRegistry
from nn_core.runs.run import Run
from nn_core.store import run_writer
from nn_core.store.run_store import RunStore, StoreError

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


def test_a_branch_with_another_optimizer_says_why_it_starts_anew(server: MakeRegistry, tiny: Dataset):
    registry = server()
    run = registry.create(SMALL, tiny)
    steps(run, 3)
    branch = registry.branch(run.id, 3, SMALL.replace(optimizer="momentum"), tiny)
    assert branch.parent is not None and not branch.parent.exact
    assert branch.snapshot.message.endswith("The optimizer starts anew, because it is another one.")
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


def test_a_run_that_made_room_comes_back_with_all_it_had(tmp_path: Path, tiny: Dataset):
    registry = RunRegistry(RunStore(tmp_path), max_runs=2, lease_seconds=0, load=lambda name: tiny)
    try:
        first = registry.create(SMALL, tiny)
        steps(first, 5)
        for _ in range(2):
            steps(registry.create(SMALL, tiny), 1)
        assert first.id not in {run.id for run in registry.runs()}
        back = registry.get(first.id)
        assert back is not None and back is not first
        assert weights_of(back) == weights_of(first)
        assert [f.step for f in back.snapshot.film] == [f.step for f in first.snapshot.film]
        assert len(registry.runs()) == 2
    finally:
        registry.close()


def test_a_run_that_could_not_be_saved_does_not_make_room(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    registry = RunRegistry(RunStore(tmp_path), max_runs=2, lease_seconds=0, load=lambda name: tiny)
    try:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "safetensors.numpy", None)
            unsaved = registry.create(SMALL, tiny)
            steps(unsaved, 1)
        for _ in range(3):
            registry.create(SMALL, tiny)
        assert registry.get(unsaved.id) is unsaved
    finally:
        registry.close()


def test_what_a_diverged_run_has_undone_does_not_come_back(server: MakeRegistry, tiny: Dataset):
    registry = server()
    run = registry.create(
        RunConfig(hidden=(16,), activation="sigmoid", lr=10, l2=1, n_train=500, batch_size=50, eval_every=1), tiny
    )
    run.play()
    deadline = time.monotonic() + PATIENCE
    while run.snapshot.status != "diverged":
        assert time.monotonic() < deadline
        time.sleep(0.005)
    before = run.snapshot
    registry.close()
    again = server().get(run.id)
    assert again is not None
    after = again.snapshot
    assert (after.status, after.step, after.message) == ("diverged", before.step, before.message)
    for name, series in before.series.items():
        assert after.series[name].points.tobytes() == series.points.tobytes()
        assert series.step[-1] <= before.step
    assert [frame.step for frame in after.film] == [frame.step for frame in before.film]
    assert after.film[-1].step == before.step and after.film[-1].exact


def test_another_data_set_under_the_old_name_is_refused_with_a_sentence(server: MakeRegistry, tiny: Dataset):
    registry = server()
    run = registry.create(SMALL, tiny)
    steps(run, 2)
    registry.close()
    later = RunRegistry(registry.store, load=lambda name: dataclasses.replace(tiny, identity="other"))
    assert later.get(run.id) is None
    assert "other images" in later.problem(run.id) and run.id in later.problem(run.id)
    later.close()


def test_a_run_of_another_numpy_says_that_it_does_not_go_on_bit_for_bit(server: MakeRegistry, tiny: Dataset):
    registry = server()
    run = registry.create(SMALL, tiny)
    steps(run, 2)
    registry.close()
    assert registry.store is not None
    path = registry.store.folder / run.id / "config.json"
    path.write_text(path.read_text().replace(f'"numpy": "{np.__version__}"', '"numpy": "1.99"'))
    again = server().get(run.id)
    assert again is not None and "NumPy 1.99 then" in again.snapshot.message


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_while_a_run_trains_it_is_saved_again_and_again(
    server: MakeRegistry, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run_writer, "SAVE_SECONDS", 0.1)
    registry = server()
    run = registry.create(SMALL.replace(epochs=100_000), tiny)
    run.play()
    seen: set[int] = set()

    def saved_thrice() -> bool:
        if registry.store is not None and run.id in registry.store:
            seen.add(registry.store.get(run.id).step)
        return len(seen) >= 3

    wait(saved_thrice)
    assert run.snapshot.status == "training" and registry.store is not None
    assert registry.store.get(run.id).status == "training"
    again = server().get(run.id)  # as after a kill: the first process has not ended the run
    assert again is not None
    assert again.snapshot.status == "paused" and "Brought back" in again.snapshot.message


@pytest.mark.parametrize("how", ["pause", "finish", "epoch", "lease", "close"])
def test_however_a_run_comes_to_rest_it_is_on_disk_as_it_stands(
    how: str, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run_module, "LEASE_CHECK_SECONDS", 0.01)
    connected = [True]
    registry = RunRegistry(RunStore(tmp_path), lease_seconds=0.2, is_connected=lambda session: connected[0])
    run = registry.create(SMALL.replace(epochs=1 if how == "finish" else 100_000), tiny)
    run.attach("a page")
    if how == "epoch":
        run.epoch_once()
    else:
        run.play()
    wait(lambda: run.snapshot.step > 5)
    if how == "pause":
        run.pause()
    if how == "lease":
        connected[0] = False
    if how == "close":
        registry.close()
    wait(lambda: not run.snapshot.is_training)
    stored = RunStore(tmp_path).load(run.id).checkpoint
    assert stored.step == run.snapshot.step
    assert RunStore(tmp_path).get(run.id).status == run.snapshot.status == ("finished" if how == "finish" else "paused")
    assert stored.arrays["params"].tobytes() == run._trainer.model.flat.tobytes()
    registry.close()


def test_edits_made_while_it_rests_are_saved_too(server: MakeRegistry, tiny: Dataset):
    registry = server()
    run = registry.create(SMALL, tiny)
    steps(run, 2)
    assert run.change("lr", 0.3).wait(PATIENCE)
    assert registry.store is not None
    assert [edit.new for edit in registry.store.checkpoint(run.id).edits] == [0.3]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    life=st.lists(st.one_of(st.integers(1, 15), st.sampled_from(["change", "restart", "branch"])), max_size=8),
    seed=st.integers(0, 50),
)
def test_however_often_it_is_restarted_and_changed_settings_seed_and_edits_give_its_weights_again(
    life: list[int | str], seed: int, tiny: Dataset, tmp_path_factory: pytest.TempPathFactory
):
    config = SMALL.replace(seed=seed, dropout=0.2, rotation=5.0, label_noise=0.1)
    store = RunStore(tmp_path_factory.mktemp("runs"))
    registry = RunRegistry(store, lease_seconds=0, load=lambda name: tiny)
    run: Run | None = registry.create(config, tiny)
    assert run is not None
    steps(run, 1)
    try:
        for what in life:
            if isinstance(what, int):
                steps(run, what)
            elif what == "change":
                run.change("lr", 0.01 + run.snapshot.step / 1000).wait(PATIENCE)
            elif what == "branch":
                registry.branch(run.id, run.snapshot.step, run.settings, tiny)  # it leaves its parent alone
            else:
                registry.close()
                registry = RunRegistry(RunStore(store.folder), lease_seconds=0, load=lambda name: tiny)
                run = registry.get(run.id)
                assert run is not None
        stored = store.get(run.id)
        again = Trainer(stored.config, tiny)
        again.replay(stored.edits, stored.step)
        assert stored.step == run.snapshot.step
        assert {n: a.tobytes() for n, a in again.model.weights().items()} == weights_of(run)
    finally:
        registry.close()


def test_what_was_changed_while_training_comes_along_to_a_run_that_comes_back_and_to_its_branches(
    server: MakeRegistry, tiny: Dataset
):
    first = server()
    run = first.create(SMALL, tiny)
    steps(run, 5)
    assert run.change("lr", 0.02).wait(PATIENCE)
    steps(run, 5)
    assert run.change("lr", 0.01).wait(PATIENCE)
    steps(run, 5)
    first.close()

    second = server()
    branch = second.branch(run.id, 8, SMALL.replace(lr=0.02), tiny)
    again = second.get(run.id)
    assert again is not None
    assert [(edit.step, edit.old, edit.new) for edit in again.snapshot.edits] == [(5, 0.05, 0.02), (10, 0.02, 0.01)]
    assert branch.snapshot.edits == again.snapshot.edits[:1]
    assert len(branch.snapshot.series["val/loss"]) > 1


def test_a_run_looked_at_as_of_a_step_has_the_settings_of_that_step(server: MakeRegistry, tiny: Dataset):
    run = server().create(SMALL, tiny)
    for lr in (0.02, 0.01):
        steps(run, 5)
        assert run.change("lr", lr).wait(PATIENCE)
    steps(run, 5)
    shot = run.snapshot
    rates = {frame.step: shot.at(frame).config.lr for frame in shot.film}
    assert [rates[step] for step in (0, 4, 5, 9, 10, 15)] == [0.05, 0.05, 0.02, 0.02, 0.01, 0.01]


def test_runs_that_rest_on_the_disk_and_that_nobody_looks_at_are_put_away_and_come_back_as_they_were(
    tmp_path: Path, tiny: Dataset
):
    connected = {"ann"}
    registry = RunRegistry(
        RunStore(tmp_path), lease_seconds=0, load=lambda name: tiny, is_connected=lambda session: session in connected
    )
    try:
        watched, left, changed, ready = (registry.create(SMALL.replace(seed=seed), tiny) for seed in range(4))
        for run in (watched, left, changed):
            steps(run, 2)
        watched.attach("ann")
        left.attach("bob")
        before = weights_of(left)
        assert registry.put_away(seconds=60) == 0  # they were asked for, or begun, just now
        assert registry.put_away(seconds=0) == 2
        assert {run.id for run in registry.runs()} == {watched.id, ready.id}  # what never trained is nowhere else
        back = registry.get(left.id)
        assert back is not None and back is not left and weights_of(back) == before
        back.play()
        assert registry.put_away(seconds=0) == 0  # what trains, or was asked to, stays
        connected.clear()
        back.pause().wait(PATIENCE)
        assert registry.put_away(seconds=0) == 2
    finally:
        registry.close()


def test_a_run_that_could_not_be_saved_is_never_put_away(
    tmp_path: Path, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    registry = RunRegistry(RunStore(tmp_path), lease_seconds=0, load=lambda name: tiny)
    try:
        monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
        run = registry.create(SMALL, tiny)
        steps(run, 1)
        assert registry.put_away(seconds=0) == 0 and registry.get(run.id) is run
    finally:
        registry.close()
