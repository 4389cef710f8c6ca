"""A run gathered for export: from memory and from the disk it is the same, at its newest step and at earlier ones."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nn_core import RunConfig, load_mnist
from nn_core.export import ExportError, ExportSource, from_snapshot, from_store, to_archive
from nn_core.runs.registry import RunRegistry
from nn_core.runs.run import Run
from nn_core.store.run_store import RunStore
from tests.export.test_run_zip import contents


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunRegistry]:
    registry = RunRegistry(RunStore(tmp_path_factory.mktemp("runs")))
    yield registry
    registry.close()


@pytest.fixture(scope="module")
def run(registry: RunRegistry) -> Run:
    """Twelve steps, the learning rate changed after six."""
    run = registry.create(RunConfig(hidden=(6,), n_train=400, batch_size=50), load_mnist())
    steps(run, 6)
    run.change("lr", 0.3)
    steps(run, 6)
    return run


def steps(run: Run, n: int) -> None:
    for _ in range(n):
        assert run.step_once().wait(10)
    assert run.pause().wait(10)


def store_of(registry: RunRegistry) -> RunStore:
    assert registry.store is not None
    return registry.store


def the_same(one: ExportSource, other: ExportSource) -> None:
    for field in ("run_id", "config", "edits", "step", "epoch", "exact", "parent"):
        assert getattr(one, field) == getattr(other, field), field
    for name, values in one.weights.items():
        np.testing.assert_array_equal(values, other.weights[name])
    for name, series in one.series.items():
        np.testing.assert_array_equal(series.points, other.series[name].points)


def test_a_run_from_memory_and_from_the_disk_is_the_same(registry: RunRegistry, run: Run):
    one, other = from_snapshot(run.snapshot, "", run.created), from_store(store_of(registry), run.id)
    the_same(one, other)
    assert one.step == 12 and one.exact and one.config.lr == 0.3
    assert [edit.step for edit in one.edits] == [6]


def test_at_an_earlier_frame_it_has_the_settings_and_curves_of_that_time(registry: RunRegistry, run: Run):
    shot = run.snapshot
    frame = next(frame for frame in shot.film if 0 < frame.step < 6 and not frame.exact)
    one = from_snapshot(shot.at(frame), "", run.created)
    the_same(one, from_store(store_of(registry), run.id, frame.step))
    assert (one.step, one.exact, one.edits, one.config.lr) == (frame.step, False, (), 0.1)
    assert max(series.step.max() for series in one.series.values() if len(series)) <= frame.step
    with pytest.raises(ExportError, match="keeps no weights of step 999; the nearest kept are"):
        from_store(store_of(registry), run.id, 999)


def test_a_branch_has_its_own_settings_not_those_that_its_parent_was_changed_to(registry: RunRegistry, run: Run):
    branch = registry.branch(run.id, 12, RunConfig(hidden=(6,), n_train=400, batch_size=50, lr=0.7), load_mnist())
    steps(branch, 2)
    one = from_store(store_of(registry), branch.id)
    the_same(one, from_snapshot(branch.snapshot, "", branch.created))
    assert one.parent is not None and (one.parent.run, one.parent.step) == (run.id, 12)
    branch.close()
    assert one.config.lr == 0.7 and len(one.edits) == 1  # the parent's edit is still on the curves


def test_a_checkpoint_that_makes_room_while_it_is_copied_is_no_failure(
    registry: RunRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
):
    store, real = store_of(registry), zipfile.ZipFile.write
    failed: list[Path] = []

    def once(archive: zipfile.ZipFile, path: Path, name: str) -> None:
        if path.parent.name == "checkpoints" and not failed:
            failed.append(path)
            raise FileNotFoundError(path)
        real(archive, path, name)

    monkeypatch.setattr(zipfile.ZipFile, "write", once)
    names = contents(to_archive(store, run.id))
    assert failed and any(name.startswith("checkpoints/") for name in names)


def test_a_source_says_in_one_line_which_run_and_step_it_is(run: Run):
    text = repr(from_snapshot(run.snapshot, "my\nrun", 0.0))
    assert text == f"ExportSource({run.id}, step 12: my run)"
