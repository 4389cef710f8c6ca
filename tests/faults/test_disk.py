"""Full disks, read-only folders, missing packages, damaged files: training goes on, and a sentence names the loss."""

from __future__ import annotations

import builtins
import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.machine import disk
from nn_core.runs.registry import RunRegistry
from nn_core.store import run_folder, run_writer
from nn_core.store.files import ArchiveError, pack, pack_checkpoint, read_checkpoint
from nn_core.store.recorder import Recorder
from nn_core.store.reopen import reopen
from nn_core.store.run_folder import RunFolder
from nn_core.store.run_store import RunStore, StoreError
from nn_core.store.run_writer import RunWriter

PATIENCE = 10.0
SMALL = RunConfig(hidden=(8,), n_train=500, batch_size=50, epochs=1000, optimizer="momentum", eval_every=1000)


@pytest.fixture(autouse=True)
def tries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed save is tried again at the next look."""
    monkeypatch.setattr(run_writer, "SAVE_SECONDS", 0.0)


def saved(
    store: RunStore, data: Dataset, run_id: str, steps: tuple[int, ...] = (4, 8, 12), config: RunConfig = SMALL
) -> Trainer:
    """A run on disk that was saved at each of these steps."""
    trainer = Trainer(config, data)
    recorder = Recorder(trainer, RunWriter(store, run_id, data))
    for step in steps:
        while trainer.step_count < step:
            trainer.step()
            recorder.note()
        recorder.keep("training")
        assert recorder.problem == ""
    assert recorder.writer is not None
    recorder.writer.release()
    return trainer


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


# ---------------------------------------------------------------------------------------------- the disk fails

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
READ_ONLY = OSError(errno.EROFS, os.strerror(errno.EROFS))


def failing(error: OSError) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def full_after(n_bytes: int) -> Callable[..., Any]:
    """An `open` whose files take so many bytes, and then the disk is full."""

    def opened(*arguments: Any, **more: Any) -> Any:
        stream = builtins.open(*arguments, **more)  # noqa: SIM115  (what it is wrapped in closes it)
        write = stream.write

        class Full:
            def write(self, data: bytes) -> None:
                write(data[:n_bytes])
                stream.flush()
                raise FULL

            def __enter__(self) -> Full:
                return self

            def __exit__(self, *_: object) -> None:
                stream.close()

            def __getattr__(self, name: str) -> Any:
                return getattr(stream, name)

        return Full()

    return opened


FAILURES = {
    "full when a file is written": (disk, "open", full_after(10)),
    "full when a file is synced": (os, "fsync", failing(FULL)),
    "full when a file is renamed": (os, "replace", failing(FULL)),
    "read-only": (disk, "open", failing(READ_ONLY)),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_where_the_disk_fails_training_goes_on_and_says_so_old_files_stay_and_later_all_is_saved(
    failure: str, registry: RunRegistry, store: RunStore, tiny: Dataset
):
    run = registry.create(SMALL, tiny)
    assert run.step_once().wait(PATIENCE)
    until(lambda: run.snapshot.step == 1 and run.snapshot.status == "paused")
    before = files_of(store.folder)
    assert store.get(run.id).step == 1
    with pytest.MonkeyPatch.context() as patch:
        where, name, broken = FAILURES[failure]
        patch.setattr(where, name, broken, raising=False)
        run.play()
        until(lambda: run.snapshot.step > 30 and run.snapshot.not_saved)
        run.pause()
        until(lambda: run.snapshot.status == "paused")
        sentence = run.snapshot.not_saved
        assert "not being saved since step 1:" in sentence and str(store.folder / run.id) in sentence
        assert os.strerror(errno.EROFS if failure == "read-only" else errno.ENOSPC) in sentence
        after = files_of(store.folder)
        for name, data in before.items():
            assert after[name] == data or (name.endswith("metrics.jsonl") and after[name].startswith(data))
        assert store.load(run.id).checkpoint.step == 1
    assert run.step_once().wait(PATIENCE)
    until(lambda: run.snapshot.status == "paused" and not run.snapshot.not_saved)
    assert store.load(run.id).checkpoint.step == run.snapshot.step
    points = run.snapshot.series["batch/loss"].points
    assert store.series(run.id)["batch/loss"].points.tobytes() == points.tobytes()


def test_where_frames_do_not_fit_on_the_disk_the_checkpoint_is_there_with_its_curves_and_nothing_piles_up(
    store: RunStore, tiny: Dataset
):
    trainer = Trainer(SMALL.replace(eval_every=3, lr=0.01), tiny)
    recorder = Recorder(trainer, RunWriter(store, "0000000a", tiny))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "write_frame", failing(FULL))
        for step in range(1, 10):
            trainer.step()
            recorder.note()
            recorder.keep("training")
            assert f"not being saved since step {step}:" in recorder.problem
            loaded = store.load("0000000a").checkpoint
            assert loaded.step == step and list(loaded.history["batch/loss"].step) == list(range(1, step + 1))
        assert len(store.run_folder("0000000a").checkpoint_files()) == 2
    recorder.keep("paused")
    assert recorder.problem == "" and [frame.step for frame in store.film("0000000a")] == list(range(10))
    newest, best, _ = store.run_folder("0000000a").checkpoint_files()
    assert newest.step == 9 and best.is_best


class Killed(BaseException):
    """As a process ends that is killed."""


@pytest.mark.parametrize("status", ["training", "paused"])
def test_a_kill_between_any_two_writes_finds_a_checkpoint_with_its_curves_and_no_frame_beyond_it(
    status: str, tmp_path: Path, tiny: Dataset
):
    found = set()
    for writes in range(100):
        store = RunStore(tmp_path / str(writes))
        trainer = Trainer(SMALL.replace(eval_every=3, lr=0.01), tiny)
        recorder = Recorder(trainer, RunWriter(store, "0000000a", tiny))
        left = [10_000]

        def counted(write: Callable[..., Any], left: list[int] = left) -> Callable[..., Any]:
            def wrapped(*arguments: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                return write(*arguments)

            return wrapped

        with pytest.MonkeyPatch.context() as patch:
            for name in ("write_file", "append_lines"):
                patch.setattr(run_folder, name, counted(getattr(disk, name)))
            for step, budget in ((4, 10_000), (11, writes)):
                while trainer.step_count < step:
                    trainer.step()
                    recorder.note()
                left[0] = budget
                try:
                    recorder.keep(status)
                    was_killed = False
                except Killed:
                    was_killed = True
        assert recorder.writer is not None
        recorder.writer.release()
        loaded = store.load("0000000a").checkpoint
        found.add(loaded.step)
        assert list(loaded.history["batch/loss"].step) == list(range(1, loaded.step + 1))
        assert store.film("0000000a")[-1].step == loaded.step
        if not was_killed:
            break
    assert not was_killed and found == {4, 11}


def test_without_safetensors_training_goes_on_and_the_package_is_named(
    registry: RunRegistry, store: RunStore, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    run = registry.create(SMALL, tiny)
    assert run.step_once().wait(PATIENCE)
    until(lambda: run.snapshot.step == 1 and run.snapshot.status == "paused")
    assert "the package safetensors, which is not installed" in run.snapshot.not_saved
    assert store.runs() == [] and store.problems() == []


def test_a_folder_that_cannot_be_made_is_named_at_the_first_step(tmp_path: Path, tiny: Dataset):
    (tmp_path / "file").write_text("")
    registry = RunRegistry(RunStore(tmp_path / "file" / "runs"), lease_seconds=0)
    try:
        run = registry.create(SMALL, tiny)
        assert run.step_once().wait(PATIENCE)
        until(lambda: run.snapshot.step == 1)
        assert "not being saved at all" in run.snapshot.not_saved
    finally:
        registry.close()


# ---------------------------------------------------------------------------------------------- damaged files


def damage_truncated(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def damage_flipped(data: bytes) -> bytes:
    at = len(data) - 1000
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def damage_newer(data: bytes) -> bytes:
    return data.replace(b'"version":"1"', b'"version":"2"')


DAMAGES = {
    "truncated": (damage_truncated, "damaged"),
    "flipped": (damage_flipped, "checksum"),
    "newer": (damage_newer, "newer"),
    "empty": (lambda data: b"", "0 bytes"),
    "text": (lambda data: b"{}" * 500, "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_skipped_and_the_one_before_it_goes_on(
    damage: str, store: RunStore, tiny: Dataset
):
    saved(store, tiny, "0000000a")
    newest = store.run_folder("0000000a").checkpoint_files()[0].path
    spoil, word = DAMAGES[damage]
    newest.write_bytes(spoil(newest.read_bytes()))
    loaded = store.load("0000000a")
    assert loaded.checkpoint.step == 8
    (sentence,) = loaded.skipped
    assert "step 12" in sentence and "0000000a" in sentence and word in sentence

    found = reopen(store, "0000000a", lambda name: tiny)
    trainer = Trainer.resume(found.checkpoint, found.data)
    recorder = Recorder(trainer, found.writer, found.film)
    reference = Trainer(SMALL, tiny)
    for each in (trainer, reference):
        each.replay([], 20)
    recorder.note()
    recorder.keep("paused")
    again = store.load("0000000a")
    assert (again.checkpoint.step, again.skipped, recorder.problem) == (20, (), "")
    assert again.checkpoint.arrays["params"].tobytes() == reference.model.flat.tobytes()
    steps = again.checkpoint.history["batch/loss"].step
    assert list(steps) == list(range(1, 21))


def frame_files(store: RunStore, run_id: str) -> list[int]:
    return store.run_folder(run_id).frame_steps()


def test_the_film_of_a_run_whose_newest_checkpoint_is_damaged_reaches_to_the_one_that_goes_on(
    store: RunStore, tiny: Dataset
):
    saved(store, tiny, "0000000a", (4, 12), SMALL.replace(eval_every=3, lr=0.01))
    newest, best, before = store.run_folder("0000000a").checkpoint_files()
    assert (newest.step, best.is_best, before.step) == (12, True, 4) and 4 < best.step < 12
    newest.path.write_bytes(b"nothing")
    assert store.load("0000000a").checkpoint.step == best.step
    film = store.film("0000000a")
    assert [frame.step for frame in film] == list(range(best.step + 1)) and film[-1].exact


def test_frames_newer_than_the_checkpoint_that_goes_on_stay_until_their_steps_are_made_again(
    store: RunStore, tiny: Dataset
):
    saved(store, tiny, "0000000a")
    store.run_folder("0000000a").checkpoint_files()[0].path.write_bytes(b"nothing")
    found = reopen(store, "0000000a", lambda name: tiny)
    trainer = Trainer.resume(found.checkpoint, found.data)
    recorder = Recorder(trainer, found.writer, found.film)
    trainer.change("lr", 0.5)
    for step in (9, 10):
        trainer.step()
        recorder.note()
        recorder.keep("paused")
        assert frame_files(store, "0000000a") == list(range(13))
        assert [frame.step for frame in store.film("0000000a")] == list(range(step + 1))
    trainer.replay([*trainer.edits], 14)
    recorder.note()
    recorder.keep("paused")
    assert frame_files(store, "0000000a") == [*range(11), 14]


def test_a_run_without_a_readable_checkpoint_is_refused_with_the_reasons(registry: RunRegistry, tiny: Dataset):
    store = registry.store
    assert store is not None
    saved(store, tiny, "0000000b")
    for file in store.run_folder("0000000b").checkpoint_files():
        file.path.write_bytes(b"nothing")
    with pytest.raises(StoreError, match=r"0000000b has no checkpoint that can be read.*step 12.*step 8"):
        store.load("0000000b")
    assert registry.get("0000000b") is None
    assert "0000000b" in registry.problem("0000000b")


def test_a_damaged_summary_is_told_from_the_checkpoint(store: RunStore, tiny: Dataset):
    trainer = saved(store, tiny, "0000000c")
    was = store.get("0000000c")
    (store.folder / "0000000c" / "summary.json").write_text('{"version": 1, "conf')
    (told,) = store.runs()
    assert (told.step, told.config, told.created) == (trainer.step_count, was.config, was.created)
    assert told.best_val_accuracy == was.best_val_accuracy and store.problems() == []


def test_a_summary_of_other_values_is_named_and_the_rest_is_listed(store: RunStore, tiny: Dataset):
    saved(store, tiny, "0000000d", (4,))
    saved(store, tiny, "0000000e", (4,))
    path = store.folder / "0000000d" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "config": {"lr": "<b>"}}))
    assert [run.id for run in store.runs()] == ["0000000e"]
    (sentence,) = store.problems()
    assert "0000000d" in sentence and "lr" in sentence


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_checkpoint_is_noticed(at: float, bit: int, tiny: Dataset, tmp_path: Path):
    trainer = Trainer(SMALL, tiny)
    data = bytearray(pack_checkpoint(trainer.checkpoint()))
    data[int(at * len(data))] ^= 1 << bit
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(data)
    with pytest.raises(ArchiveError):
        read_checkpoint(path)


@pytest.mark.parametrize("spoil", [{"step": "many"}, {"config": {"lr": -1}}, {"config": {"hidden": [9]}}, {"edits": 3}])
def test_a_checkpoint_whose_content_does_not_fit_is_refused(spoil: dict[str, Any], tiny: Dataset, tmp_path: Path):
    checkpoint = Trainer(SMALL, tiny).checkpoint()
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(pack_checkpoint(checkpoint))
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        state = json.loads(file.metadata()["state"])
    state["config"] |= spoil.pop("config", {})
    path.write_bytes(pack("checkpoint", state | spoil, checkpoint.arrays))
    with pytest.raises(ArchiveError, match="does not fit"):
        read_checkpoint(path)


def test_a_torn_line_of_the_curves_is_passed_over(store: RunStore, tiny: Dataset):
    saved(store, tiny, "0000000f")
    path = store.folder / "0000000f" / "metrics.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    torn = store.series("0000000f")
    assert sum(map(len, torn.values())) == len(lines) - 1
    disk.append_lines(path, [lines[-1].decode().strip()])
    assert sum(map(len, store.series("0000000f").values())) == len(lines)
    path.write_bytes(b'{"name": 3}\n\xff\xfe\n[]\n' + whole)
    assert sum(map(len, store.series("0000000f").values())) == len(lines)


# ---------------------------------------------------------------------------------------------- names from outside

HOSTILE = [
    "../../etc",
    "..",
    ".",
    "",
    "a" * 300,
    "0000000\0",
    "<b>00000",
    "0000000a/",
    "/etc/pass",
    "００００００００a",
    ".trash",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_id_reaches_a_path(name: str, registry: RunRegistry, tiny: Dataset):
    store = registry.store
    assert store is not None
    saved(store, tiny, "00000010", (4,))
    outside = store.folder.parent
    before = files_of(outside)
    for call in (store.get, store.load, store.film, store.series, store.delete, store.restore, store.purge):
        with pytest.raises(StoreError):
            call(name)
    with pytest.raises(StoreError):
        store.rename(name, "x")
    with pytest.raises(StoreError):
        registry.delete(name)
    assert registry.get(name) is None and name not in store
    assert files_of(outside) == before


@pytest.mark.parametrize("name", ["../../x", "<script>alert(1)</script>", "nul\0byte", "two\nlines", "ü" * 80])
def test_a_users_name_is_only_ever_text_in_a_file(name: str, store: RunStore, tiny: Dataset):
    saved(store, tiny, "00000011", (4,))
    before = set(files_of(store.folder.parent))
    store.rename("00000011", name)
    assert set(files_of(store.folder.parent)) - before == {"runs/00000011/label.json"}
    kept = store.get("00000011").title
    assert kept.isprintable() and kept.replace(" ", "") == "".join(c for c in name if c.isprintable() and c != " ")


def test_a_name_of_300_characters_is_refused_with_the_limit(store: RunStore, tiny: Dataset):
    saved(store, tiny, "00000012", (4,))
    with pytest.raises(StoreError, match=r"at most 80 characters, got 300"):
        store.rename("00000012", "x" * 300)


def test_strange_things_in_the_folder_are_left_alone(store: RunStore, tiny: Dataset):
    saved(store, tiny, "00000013", (4,))
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "00000014").mkdir()
    (store.folder / "00000015").write_text("a file")
    again = RunStore(store.folder)
    assert [run.id for run in again.runs()] == ["00000013"] and again.problems() == []
    assert (store.folder / "notes.txt").read_text() == "mine"


# ---------------------------------------------------------------------------------------------- two programs


def test_temporary_files_of_the_dead_are_swept_and_those_of_the_living_are_left(store: RunStore, tiny: Dataset):
    saved(store, tiny, "00000018", (4,))
    folder = store.folder / "00000018" / "checkpoints"
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    orphan = folder / f".{int(dead.stdout)}-00000000.tmp"
    living = folder / f".{os.getpid()}-00000000.tmp"
    for path in (orphan, living):
        path.write_bytes(b"half")
    saved(RunStore(store.folder), tiny, "00000019", (4,))  # whoever writes here
    assert not orphan.exists() and living.exists()
