"""Runs on disk: what is written comes back bit for bit, what is damaged is named, and nothing is written elsewhere."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn_core import RunConfig, Trainer
from nn_core.config.choices import choices
from nn_core.data import Dataset
from nn_core.nn.network import from_weights
from nn_core.runs import final_score
from nn_core.store.files import pack_checkpoint, read_checkpoint
from nn_core.store.recorder import Recorder
from nn_core.store.run_folder import RunFolder, new_points
from nn_core.store.run_store import RunStore, StoreError
from nn_core.store.run_writer import RunWriter
from nn_core.training.film import MAX_FRAMES, exact_frame
from nn_core.training.history import History, Series
from nn_core.training.state import Checkpoint

SMALL = RunConfig(hidden=(12,), n_train=500, batch_size=50, epochs=100, lr=0.05, eval_every=7)
BUSY = {"dropout": 0.3, "rotation": 10.0, "noise": 0.1, "label_noise": 0.2, "l2": 0.001}


def through_disk(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    path = folder / "checkpoint.safetensors"
    path.write_bytes(pack_checkpoint(checkpoint))
    return read_checkpoint(path, lambda: checkpoint.history)


def state_of(trainer: Trainer) -> dict[str, bytes]:
    """Everything that decides how a trainer goes on, and what it shows, as bytes; times of day left out."""
    checkpoint = trainer.checkpoint()
    arrays = {name: array.tobytes() for name, array in checkpoint.arrays.items()}
    curves = {
        f"curve {name}": np.delete(series.points, 3, axis=1).tobytes()
        for name, series in checkpoint.history.series().items()
        if name != "train/lr"
    }
    counters = (checkpoint.step, checkpoint.epoch_index, checkpoint.position, checkpoint.images_seen)
    streams = (checkpoint.dropout_state, checkpoint.augment_state, checkpoint.updates, checkpoint.early_stopping)
    return arrays | curves | {"rest": repr((counters, streams, checkpoint.batch_losses, checkpoint.edits)).encode()}


CASES = [
    *({"optimizer": name} for name in choices("optimizer")),
    *({"normalization": name} for name in choices("normalization")),
    {"early_stopping": 2},
    BUSY,
    BUSY | {"optimizer": "adamw", "hidden": (9, 8), "normalization": "batch"},
    BUSY | {"model": "cnn", "channels": (3, 2), "normalization": "batch", "optimizer": "muon"},
    {"model": "cnn", "channels": (2,), "head": "average", "dense_units": (5,), "loss": "mse"},
]


@pytest.mark.parametrize("settings", CASES, ids=lambda case: ",".join(map(str, case.values()))[:40])
def test_a_checkpoint_that_went_through_the_disk_goes_on_bit_for_bit(
    settings: dict[str, object], tiny: Dataset, tmp_path: Path
):
    never_stopped = Trainer(SMALL.replace(**settings), tiny)
    never_stopped.replay([], 23)
    resumed = Trainer.resume(through_disk(never_stopped.checkpoint(), tmp_path), tiny)
    for trainer in (never_stopped, resumed):
        trainer.change("lr", 0.03)
        trainer.replay([], 41)
    assert resumed.step_count == 41
    assert state_of(resumed) == state_of(never_stopped)


def test_a_checkpoint_without_its_curves_still_has_its_weights(tiny: Dataset, tmp_path: Path):
    trainer = Trainer(SMALL, tiny)
    trainer.replay([], 10)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(pack_checkpoint(trainer.checkpoint()))
    lost = read_checkpoint(path)
    assert lost.history.series() == {}
    assert lost.arrays["params"].tobytes() == trainer.model.flat.tobytes()


# ---------------------------------------------------------------------------------------------- curves and frames

ROW = st.tuples(st.integers(1, 20), st.floats(allow_nan=True, allow_infinity=True, width=32))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=st.lists(st.one_of(st.lists(ROW, max_size=6), st.integers(0, 60)), max_size=12))
def test_curves_that_grow_and_are_cut_back_are_on_disk_what_they_are_in_memory(
    life: list[Any], tmp_path_factory: pytest.TempPathFactory
):
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    history, step, seconds = History(), 0, 0.0
    on_disk: dict[str, Series] = {}
    for change in life:
        if isinstance(change, int):
            step = min(step, change)
            history.drop_after(step)
        else:
            for further, value in change:
                step, seconds = step + further, seconds + 0.1
                for name in ("val/loss", "batch/loss")[: 1 + step % 2]:
                    history.record(name, value, step=step, epoch=step / 7, images=step * 50, seconds=seconds)
        if step % 3:  # not every state is saved
            now = history.copy().series()
            standing, added = new_points(on_disk, now)
            folder.append_points(standing, added)
            on_disk = now
    folder.append_points(*new_points(on_disk, history.series()))
    found = folder.history().series()
    expected = {name: series for name, series in history.series().items() if len(series)}
    assert found.keys() == expected.keys()
    for name, series in expected.items():
        np.testing.assert_array_equal(found[name].points, series.points)


def test_the_frames_on_disk_are_those_in_memory_and_none_beyond(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    trainer = Trainer(SMALL, tiny)
    recorder = Recorder(trainer, RunWriter(store, "00000001", tiny))
    assert recorder.writer is not None
    for step in (5, 60, 400, 1500):
        while trainer.step_count < step:
            trainer.step()
            recorder.note()
        recorder.keep("paused")
        files = sorted(int(path.stem) for path in (tmp_path / "00000001" / "frames").iterdir())
        assert files == [frame.step for frame in recorder.film.spaced()]
        assert len(files) <= MAX_FRAMES and files[0] == 0
    film = store.film("00000001")
    assert film[-1].step == 1500 and film[-1].exact
    for name, weights in trainer.model.weights().items():
        assert film[-1].arrays[name].tobytes() == weights.tobytes()
    in_memory = {frame.step: frame for frame in recorder.film.spaced()}
    for frame in film:
        if not frame.exact:
            for name, array in frame.arrays.items():
                assert array.tobytes() == in_memory[frame.step].arrays[name].tobytes()
                assert array.dtype == np.float16


def test_the_best_network_is_kept_with_its_optimizers_state(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    trainer = Trainer(SMALL.replace(optimizer="adam"), tiny)
    recorder = Recorder(trainer, RunWriter(store, "00000002", tiny))
    states = {}
    for _ in range(150):
        trainer.step()
        recorder.note()
        states[trainer.step_count] = trainer.checkpoint().arrays
        if trainer.step_count % 20 == 0:
            recorder.keep("paused")
    recorder.keep("paused")
    stored = store.get("00000002")
    accuracy = trainer.history["val/accuracy"]
    assert stored.best_step is not None
    assert stored.best_val_accuracy == accuracy.value.max()
    assert stored.best_step == accuracy.step[accuracy.value.argmax()]
    best = store.checkpoint("00000002", stored.best_step)
    assert best.scores is not None and best.scores.val_accuracy == stored.best_val_accuracy
    for name, array in states[stored.best_step].items():
        assert best.arrays[name].tobytes() == array.tobytes()
    assert [frame.step for frame in store.film("00000002") if frame.exact] == sorted({stored.best_step, 150})


def test_only_the_two_newest_checkpoints_and_the_best_are_kept(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    trainer = Trainer(SMALL, tiny)
    recorder = Recorder(trainer, RunWriter(store, "00000003", tiny))
    for _ in range(8):
        trainer.step()
        recorder.note()
        recorder.keep("paused")
    files = store.run_folder("00000003").checkpoint_files()
    assert [file.step for file in files if not file.is_best] == [8, 7]
    assert sum(file.is_best for file in files) == 1


# ---------------------------------------------------------------------------------------------- the list


def made(store: RunStore, data: Dataset, run_id: str, **changes: Any) -> None:
    trainer = Trainer(SMALL.replace(**changes), data)
    RunWriter(store, run_id, data).save(trainer.checkpoint(), (), "paused")


def test_runs_are_listed_newest_first_with_name_star_and_size(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    for number in range(3):
        made(store, tiny, f"0000000{number}", seed=number)
    store.rename("00000001", "  the  second ")
    store.star("00000001", True)
    runs = store.runs()
    assert [run.id for run in runs] == ["00000002", "00000001", "00000000"]
    assert (runs[1].title, runs[1].starred, runs[0].starred) == ("the second", True, False)
    assert runs[0].title == SMALL.replace(seed=2).title()
    on_disk = sum(path.stat().st_size for path in (tmp_path / "00000002").rglob("*.safetensors"))
    assert on_disk < runs[0].size < 2 * on_disk
    store.rename("00000001", "")
    assert store.get("00000001").title == SMALL.replace(seed=1).title()
    assert store.get("00000001").starred


def test_a_store_that_is_only_read_makes_no_folder(tmp_path: Path):
    store = RunStore(tmp_path / "none")
    assert store.runs() == [] and "00000000" not in store
    with pytest.raises(StoreError, match="no run 00000000"):
        store.get("00000000")
    assert not (tmp_path / "none").exists()


def test_notes_tags_and_the_test_accuracy_stay_with_a_run_and_are_limited(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    made(store, tiny, "0000000a")
    store.note("0000000a", " a\nnote ")
    store.tag("0000000a", ["one", " two ", "", "one"])
    store.keep_test("0000000a", 3, 0.75)
    run = RunStore(tmp_path).get("0000000a")
    assert (run.note, run.tags, run.test) == ("a note", ("one", "two"), (3, 0.75))
    with pytest.raises(StoreError, match="note may have at most 500 characters, got 501"):
        store.note("0000000a", "x" * 501)
    with pytest.raises(StoreError, match="at most 8 tags, got 9"):
        store.tag("0000000a", map(str, range(9)))
    with pytest.raises(StoreError, match="tag may have at most 30 characters, got 31"):
        store.tag("0000000a", ["x" * 31])
    assert store.get("0000000a") == run


def test_the_test_accuracy_of_a_run_is_that_of_its_newest_network_and_is_kept(
    tiny: Dataset, tmp_path: Path, monkeypatch
):
    store = RunStore(tmp_path)
    made(store, tiny, "0000000a")
    monkeypatch.setattr(final_score, "load_dataset", lambda name: tiny)
    checkpoint = store.checkpoint("0000000a")
    model = from_weights(checkpoint.config, exact_frame(checkpoint).weights())
    right = model.predict_proba(tiny.test_images).argmax(axis=1) == tiny.test_labels
    step, accuracy = final_score.score_on_test(store, "0000000a")
    assert step == checkpoint.step and accuracy == pytest.approx(right.mean())
    assert store.get("0000000a").test == (step, accuracy)


def test_the_trash_gives_back_until_it_is_emptied(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    made(store, tiny, "0000000a")
    made(store, tiny, "0000000b")
    for run_id in store.ids():
        store.delete(run_id)
    assert store.ids() == [] and store.ids(trash=True) == ["0000000a", "0000000b"]
    store.restore("0000000a")
    assert store.ids() == ["0000000a"]
    store.purge()
    assert store.ids(trash=True) == []
    with pytest.raises(StoreError, match="no run 0000000b in the trash"):
        store.restore("0000000b")


def test_a_run_can_be_opened_at_any_moment_while_another_thread_saves_it(tiny: Dataset, tmp_path: Path):
    store = RunStore(tmp_path)
    trainer = Trainer(SMALL, tiny)
    recorder = Recorder(trainer, RunWriter(store, "00000001", tiny))
    stop = threading.Event()

    def train() -> None:
        while not stop.is_set():
            trainer.step()
            recorder.note()
            recorder.keep("paused")

    recorder.keep("paused")
    writer = threading.Thread(target=train)
    writer.start()
    try:
        last = 0
        reader = RunStore(tmp_path)
        for _ in range(30):
            loaded = reader.load("00000001")
            assert loaded.skipped == () and loaded.checkpoint.step >= last
            last = loaded.checkpoint.step
            assert reader.film("00000001")[0].step == 0
            assert reader.get("00000001").step >= last - 1 and reader.problems() == []
    finally:
        stop.set()
        writer.join()
    assert last > 0 and recorder.problem == ""
