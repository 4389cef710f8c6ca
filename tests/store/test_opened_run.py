"""Opening a stored run: each file is read once, and what is read fits together while another program saves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.export.source import from_store
from nn_core.runs.registry import RunRegistry
from nn_core.store import files, run_folder
from nn_core.store.opened_run import OpenedRun
from nn_core.store.recorder import Recorder
from nn_core.store.reopen import reopen
from nn_core.store.run_folder import RunFolder
from nn_core.store.run_store import RunStore
from nn_core.store.run_writer import RunWriter

SMALL = RunConfig(hidden=(12,), n_train=500, batch_size=50, epochs=100, lr=0.05, eval_every=7)


@pytest.fixture
def store(tmp_path: Path, tiny: Dataset) -> RunStore:
    """One run with checkpoints of several steps, a best one, frames and a name."""
    store = RunStore(tmp_path)
    trainer = Trainer(SMALL, tiny)
    recorder = Recorder(trainer, RunWriter(store, "00000001", tiny))
    for step in (20, 40, 60):
        while trainer.step_count < step:
            trainer.step()
            recorder.note()
        recorder.keep("paused")
    store.rename("00000001", "a name")
    return RunStore(tmp_path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file has been read since."""
    counts: Counter[str] = Counter()

    def counted(name: str, owner: Any, path_of: Any) -> None:
        read = getattr(owner, name)

        def reading(*arguments: Any) -> Any:
            counts[path_of(arguments).name] += 1
            return read(*arguments)

        monkeypatch.setattr(owner, name, reading)

    counted("read_curves", run_folder, lambda arguments: arguments[0])
    counted("read_json", RunFolder, lambda arguments: Path(arguments[1]))
    counted("unpack", files, lambda arguments: arguments[0])
    return counts


def test_a_run_that_is_opened_to_go_on_is_read_once(store: RunStore, reads: Counter[str], tiny: Dataset):
    reopen(store, "00000001", lambda name: tiny)
    assert set(reads.values()) == {1}
    assert {"config.json", "summary.json", "label.json", "metrics.jsonl", "0.safetensors"} <= reads.keys()
    registry = RunRegistry(store, load=lambda name: tiny)
    reads.clear()
    assert registry.get("00000001") is not None and set(reads.values()) == {1}
    registry.close()


@pytest.mark.parametrize("step", [None, 60, 20, 3])
def test_a_run_that_is_exported_is_read_once(step: int | None, store: RunStore, reads: Counter[str]):
    assert from_store(store, "00000001", step).step == (60 if step is None else step)
    assert set(reads.values()) == {1}


def test_a_list_of_runs_reads_summaries_alone_and_those_that_have_not_changed_not_again(
    store: RunStore, reads: Counter[str]
):
    (run,) = store.runs()
    assert reads == {"summary.json": 1, "label.json": 1} and run.name == "a name"
    reads.clear()
    assert store.runs() == [run] and store.get("00000001") is run and reads == {}
    store.star("00000001", True)
    assert store.runs()[0].starred


def test_the_curves_of_a_checkpoint_are_whole_whatever_is_asked_for_first(
    store: RunStore, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    found = reopen(store, "00000001", lambda name: tiny)
    trainer = Trainer.resume(found.checkpoint, tiny)
    recorder = Recorder(trainer, found.writer, found.film)
    for first in ("series", "film", "problem", "load"):
        opened = store.open("00000001")
        getattr(opened, first)()
        for _ in range(9):  # another program trains on and removes the checkpoints that were there
            trainer.step()
            recorder.note()
            recorder.keep("paused")
        checkpoint = opened.load().checkpoint
        assert checkpoint.history["batch/loss"].step.tolist() == list(range(1, checkpoint.step + 1))


def test_settings_at_a_step_are_the_same_from_a_checkpoint_and_from_a_summary(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    trainer = Trainer(SMALL, tiny)
    for step, lr in ((5, 0.02), (10, 0.01)):
        trainer.replay([], step)
        trainer.change("lr", lr)
    trainer.replay([], 15)
    RunWriter(store, "00000002", tiny).save(trainer.checkpoint(), (), "paused")
    opened, listed = store.open("00000002"), store.get("00000002")
    for step, lr in ((0, 0.05), (4, 0.05), (5, 0.02), (9, 0.02), (10, 0.01), (15, 0.01)):
        assert opened.settings_at(step).lr == listed.settings_at(step).lr == lr


def test_what_is_in_a_store_says_what_it_is(store: RunStore):
    assert repr(store.get("00000001")) == "<StoredRun 00000001: a name; paused at step 60>"
    assert repr(store) == f"<RunStore {store.folder}>"
    assert repr(OpenedRun(store.run_folder("00000001"))) == f"<OpenedRun {store.folder / '00000001'}>"
