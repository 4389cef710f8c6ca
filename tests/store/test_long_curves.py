"""Curves of long runs: their file stays small and is what is in memory; a file of before is read and thinned."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.store import curve_lines, run_folder
from nn_core.store.recorder import Recorder
from nn_core.store.reopen import reopen
from nn_core.store.run_folder import RunFolder
from nn_core.store.run_store import RunStore
from nn_core.store.run_writer import RunWriter
from nn_core.training import history as history_module

CONFIG = RunConfig(hidden=(4,), n_train=200, batch_size=20, eval_every=1, lr=0.01)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a short run reaches."""
    monkeypatch.setattr(history_module, "MAX_POINTS", 7 * 60)
    monkeypatch.setattr(run_folder, "MAX_BYTES", 7 * 60 * 160)


def test_a_long_run_is_on_disk_what_it_is_in_memory_in_a_small_file_and_goes_on_as_one_that_never_stopped(
    small: None, tiny: Dataset, tmp_path: Path
):
    store, never_stopped = RunStore(tmp_path), Trainer(CONFIG, tiny)
    recorder = Recorder(Trainer(CONFIG, tiny), RunWriter(store, "0000000a", tiny))
    for stop in range(10, 400, 13):
        trainer = recorder._trainer
        for each in (trainer, never_stopped):
            each.replay([], stop)
        recorder.note()
        recorder.keep("paused")
        assert recorder.problem == ""
        on_disk = store.series("0000000a")
        for name, series in trainer.history.series().items():
            assert np.array_equal(on_disk[name].points, series.points)
        assert (tmp_path / "0000000a/metrics.jsonl").stat().st_size <= 7 * 60 * 160
        if stop % 2:
            found = reopen(store, "0000000a", lambda name: tiny)
            recorder = Recorder(Trainer.resume(found.checkpoint, tiny), found.writer, found.film)
    assert len(never_stopped.history["val/loss"]) <= 60 < never_stopped.step_count
    for name, series in never_stopped.history.series().items():
        points = recorder._trainer.history[name].points
        assert np.array_equal(np.delete(points, 3, axis=1), np.delete(series.points, 3, axis=1))
    assert recorder._trainer.model.flat.tobytes() == never_stopped.model.flat.tobytes()


def test_an_older_checkpoint_of_a_run_whose_curves_were_thinned_has_none_beyond_its_step(
    small: None, tiny: Dataset, tmp_path: Path
):
    store, trainer = RunStore(tmp_path), Trainer(CONFIG, tiny)
    writer = RunWriter(store, "0000000a", tiny)
    for stop in (55, 70):
        trainer.replay([], stop)
        assert writer.save(trainer.checkpoint(), (), "paused")
    older = store.checkpoint("0000000a", 55)
    assert len(store.series("0000000a")["val/loss"]) < 60
    assert [series.step[-1] for series in older.history.series().values()] == [55] * 7


def test_the_curves_of_the_longest_run_take_less_than_16_megabytes(tiny: Dataset):
    trainer = Trainer(CONFIG, tiny)
    trainer.replay([], 1)
    rows = np.random.default_rng(1).uniform(0, [1e9, 1e5, 1e12, 1e6, 1], (1_000, 5))
    full = dict.fromkeys(trainer.history.series(), rows)
    each = sum(len(line) + 1 for line in curve_lines.lines_of(full)) / 1_000 / len(full)
    assert history_module.MAX_POINTS * each < curve_lines.MAX_BYTES == 16_000_000


def line(step: int, name: str = "val/loss", value: float = 1.0) -> str:
    return json.dumps({"name": name, "step": step, "epoch": step / 9, "images": step, "seconds": 1.0, "value": value})


def test_a_long_file_of_before_is_read_in_little_memory_and_written_anew_when_it_goes_on(tiny: Dataset, tmp_path: Path):
    store, trainer = RunStore(tmp_path), Trainer(CONFIG, tiny)
    trainer.replay([], 5)
    assert RunWriter(store, "0000000a", tiny).save(trainer.checkpoint(), (), "paused")
    path = tmp_path / "0000000a" / "metrics.jsonl"
    path.write_text("".join(f"{line(step, value=float(step == 33_333))}\n" for step in range(60_000)))
    size = path.stat().st_size
    tracemalloc.start()
    series = store.series("0000000a")["val/loss"]
    assert tracemalloc.get_traced_memory()[1] < 2 * size
    tracemalloc.stop()
    assert len(series) <= history_module.points_each(1) and series.value.max() == 1.0 and series.step[-1] == 59_999
    found = reopen(store, "0000000a", lambda name: tiny)
    again = Trainer.resume(found.checkpoint, tiny)
    again.step()
    recorder = Recorder(again, found.writer, found.film)
    recorder.keep("paused")
    assert recorder.problem == "" and path.stat().st_size < 10_000
    assert np.array_equal(store.series("0000000a")["val/loss"].points, again.history["val/loss"].points)


@pytest.mark.parametrize("block", [7, 100, 1 << 20])
def test_a_file_is_read_alike_in_blocks_of_any_size(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(curve_lines, "BLOCK", block)
    lines = [line(1), line(2), '{"keep": {"val/loss": 1}}', "junk", line(5), "x" * 20_000, line(5), line(4), line(6)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    history, is_whole = RunFolder(tmp_path).curves()
    assert history["val/loss"].step.tolist() == [1, 5, 6] and is_whole


def test_a_file_names_a_bounded_number_of_series(tmp_path: Path):
    names = [f"val/{number}" for number in range(200)] + ["x" * 61, "a\nb", ""]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{line(3, name)}\n" for name in names))
    assert list(RunFolder(tmp_path).history().series()) == names[: curve_lines.MAX_SERIES]
