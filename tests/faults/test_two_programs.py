"""Two programs on one run: one of them trains it; the other one says which, follows it, and loses nothing silently."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig, Trainer
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.machine.disk import Lock
from nn_core.machine.holder import NOTE, write_note
from nn_core.runs import Run, RunRegistry, as_they_are
from nn_core.store import Recorder, RunStore, RunWriter, StoreError, run_writer
from nn_core.store.reopen import reopen

from .attack_two_writers import attack

PATIENCE = 10.0
SMALL = RunConfig(hidden=(8,), n_train=500, batch_size=50, epochs=1000, optimizer="momentum", eval_every=1000)


@pytest.fixture(autouse=True)
def saves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_writer, "SAVE_SECONDS", 0.0)


def saved(store: RunStore, data: Dataset, run_id: str, status: str = "paused") -> None:
    """A run on disk that stands at step 12; nobody trains it, whatever its status is."""
    trainer = Trainer(SMALL, data)
    recorder = Recorder(trainer, RunWriter(store, run_id, data))
    for _ in range(12):
        trainer.step()
        recorder.note()
    recorder.keep(status)
    assert recorder.problem == "" and recorder.writer is not None
    recorder.writer.release()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


OTHER_PROGRAM = """
import sys, time
from pathlib import Path
from nn_core.store.run_folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
print(folder.lock.claim(), flush=True)
sys.stdin.read()
"""


def test_a_run_that_another_program_trains_takes_no_step_and_no_change_here_and_says_who_trains_it(
    registry: RunRegistry, tiny: Dataset
):
    store = registry.store
    assert store is not None
    saved(store, tiny, "00000016")
    before = files_of(store.folder)
    command = [sys.executable, "-c", OTHER_PROGRAM, str(store.folder / "00000016")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        run = registry.get("00000016")
        assert run is not None and run.snapshot.status == "elsewhere"
        lr = run.settings.lr
        for ask in (run.play, run.step_once, run.epoch_once, lambda: run.change("lr", 0.5)):
            assert ask().wait(PATIENCE)
            assert run.snapshot.status == "elsewhere" and run.snapshot.step == 12 and not run.snapshot.is_training
            assert f"another program (process {other.pid} on {platform.node()}" in run.snapshot.message
        assert run.settings.lr == run.snapshot.config.lr == lr and not run.snapshot.edits
        assert {name: kept for name, kept in files_of(store.folder).items() if name in before} == before
        with pytest.raises(StoreError, match=f"process {other.pid} .*Pause it there first"):
            store.delete("00000016")
    finally:
        other.communicate("")
    again = registry.get("00000016")
    assert again is not None and again.snapshot.status == "paused"
    assert again.step_once().wait(PATIENCE)
    until(lambda: again.snapshot.step == 13 and again.snapshot.status == "paused")
    assert again.snapshot.not_saved == ""


def test_a_run_that_another_program_begins_to_train_while_it_is_open_here_is_followed_and_never_trained_twice(
    registry: RunRegistry, tiny: Dataset
):
    store = registry.store
    assert store is not None
    saved(store, tiny, "00000019")
    seen = registry.get("00000019")
    assert seen is not None and not seen.snapshot.is_training
    found = reopen(RunStore(store.folder), "00000019", lambda name: tiny)
    trainer = Trainer.resume(found.checkpoint, tiny)
    recorder = Recorder(trainer, found.writer, found.film)
    command = [sys.executable, "-c", OTHER_PROGRAM, str(store.folder / "00000019")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        assert seen.play().wait(PATIENCE)  # the page has not looked since
        assert seen.snapshot.status == "elsewhere" and seen.snapshot.step == 12
        assert [run.status for run in as_they_are(store.runs(), [(seen.snapshot, seen.created)])] == ["elsewhere"]
    finally:
        other.kill()
        other.communicate()
    assert store.get("00000019").status == "paused"  # it had saved nothing
    trainer.replay([], 30)
    recorder.keep("training")
    assert found.writer.claim() == ""
    found.writer.release()  # as at its death
    assert store.get("00000019").status == "interrupted"
    back = registry.get("00000019")
    assert back is not None and back.snapshot.step == 30 and "Brought back" in back.snapshot.message


def test_steps_that_could_not_be_saved_are_not_gone_in_silence_when_another_program_has_trained_on(
    registry: RunRegistry, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    store = registry.store
    assert store is not None
    saved(store, tiny, "0000001a")
    run = registry.get("0000001a")
    assert run is not None
    with monkeypatch.context() as patch:
        patch.setattr("nn_core.store.run_folder.RunFolder.write_checkpoint", raises(OSError(28, "No space")))
        assert run.step_once().wait(PATIENCE)
        until(lambda: run.snapshot.not_saved and not run.snapshot.is_training)
    found = reopen(RunStore(store.folder), "0000001a", lambda name: tiny)
    trainer = Trainer.resume(found.checkpoint, tiny)
    recorder = Recorder(trainer, found.writer, found.film)
    trainer.replay([], 30)
    recorder.keep("paused")
    now = registry.get("0000001a")
    assert now is not None and now.snapshot.step == 30
    assert "trained here up to step 13 could not be saved, and is gone" in now.snapshot.message


def raises(error: Exception) -> Callable[..., Any]:
    """A call that fails so."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_a_run_that_is_paused_before_its_next_save_is_any_programs_to_train(registry: RunRegistry, tiny: Dataset):
    store = registry.store
    assert store is not None
    saved(store, tiny, "0000001b")
    run = registry.get("0000001b")
    assert run is not None
    run.play()
    assert run.pause().wait(PATIENCE) and not run.snapshot.is_training
    lock = store.run_folder("0000001b").lock
    assert lock.claim()
    lock.release()


def test_a_run_that_another_program_trained_on_is_shown_as_it_stands_there(registry: RunRegistry, tiny: Dataset):
    store = registry.store
    assert store is not None
    saved(store, tiny, "00000017")
    here = registry.get("00000017")
    assert here is not None and here.snapshot.step == 12
    found = reopen(RunStore(store.folder), "00000017", lambda name: tiny)
    trainer = Trainer.resume(found.checkpoint, tiny)
    recorder = Recorder(trainer, found.writer, found.film)
    trainer.replay([], 30)
    recorder.keep("paused")
    now: Run | None = registry.get("00000017")
    assert now is not None and now.snapshot.step == 30


# ---------------------------------------------------------------------------------------------- who it is


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds the folder `held`."""
    (tmp_path / "held").mkdir()
    command = [sys.executable, "-c", OTHER_PROGRAM, str(tmp_path / "held"), "--storage", "postgresql://ann:s3cret@db"]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "True\n"
    yield other
    other.communicate("")


def test_a_folder_tells_who_holds_it_and_since_when_and_after_a_kill_that_nobody_does(
    holder: subprocess.Popen[str], tmp_path: Path
):
    lock = Lock(tmp_path / "held")
    found = lock.holder()
    assert found is not None and (found.pid, found.host) == (holder.pid, platform.node())
    assert abs(found.since - time.time()) < 60 and not found.is_this_process
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "held" / NOTE).exists()  # what it has left of itself
    assert lock.holder() is None and lock.claim()
    lock.release()
    assert not (tmp_path / "held" / NOTE).exists()


def test_looking_at_who_holds_a_folder_gives_it_to_nobody(tmp_path: Path):
    write_note(tmp_path)  # of a program that was killed, say
    lock = Lock(tmp_path)
    assert lock.holder() is None and lock.claim() and lock.holder() is None
    assert (found := Lock(tmp_path).holder()) is not None and found.is_this_process
    lock.release()


def test_a_password_among_the_options_of_a_program_is_not_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = ["/x/nn_core/__main__.py", "worker", "--storage", "postgresql://ann:s3cret@db/glassnet"]
    monkeypatch.setattr(sys, "argv", given)
    write_note(tmp_path)
    text = (tmp_path / NOTE).read_text()
    assert json.loads(text)["program"] == "nn_core worker" and "s3cret" not in text


@pytest.mark.parametrize(
    "note",
    [
        *(b"", b"{}", b"[1]", b"\xff\xfe", b"[" * 3_000, b'{"pid": 1e999, "host": 1, "program": 2, "since": 3}'),
        b'{"pid": 7, "host": "\\u0000\\n<b>", "program": [], "since": NaN}',
        b'{"pid": 7, "host": "x", "program": "' + b"y" * 5_000 + b'", "since": 1}',
        b'{"pid": 7, "host": "x", "program": "y", "since": 1e300}',
    ],
)
def test_any_note_at_all_makes_one_line_of_words(note: bytes, holder: subprocess.Popen[str], tmp_path: Path):
    (tmp_path / "held" / NOTE).write_bytes(note)
    found = Lock(tmp_path / "held").holder()
    assert found is not None and str(found).isprintable() and len(str(found)) < 250


# ---------------------------------------------------------------------------------------------- the command line


def test_train_resume_of_a_run_that_another_program_trains_is_refused_with_a_branch_that_works(
    store: RunStore, tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("nn_core.cli.train.load_dataset", lambda name: tiny)
    saved(store, tiny, "0000001c", "training")
    lock = store.run_folder("0000001c").lock
    assert lock.claim()  # as another program would
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    before = files_of(store.folder)
    assert main(["train", "--resume", "0000001c", "--runs", str(store.folder), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert f"another program (process {os.getpid()} on" in said and "--from 0000001c@12" in said
    assert files_of(store.folder) == before
    assert [run.status for run in store.runs()] == ["elsewhere"]
    lock.release()
    assert [run.status for run in store.runs()] == ["interrupted"]
    monkeypatch.setenv("GLASSNET_RUNS", str(store.folder))
    branch = said.strip().split("python -m nn_core ")[1].split()
    assert main([*branch, "--epochs", "3", "--quiet"]) == 0


@pytest.mark.slow
def test_of_two_writers_in_any_pairing_one_trains_and_the_other_is_told_by_whom():
    assert [figure for figure in attack(full=False) if not figure.holds] == []
