"""Runs on disk whose files say what cannot be: each is one run that cannot be read, and all others are as they were."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.export import to_archive
from nn_core.runs.registry import RunRegistry
from nn_core.store.files import pack, unpack
from nn_core.store.recorder import Recorder
from nn_core.store.run_store import RunStore, StoreError
from nn_core.store.run_writer import RunWriter

GOOD, BAD = "0000000a", "0000000b"
CONFIG = RunConfig(hidden=(4,), n_train=200, batch_size=50, eval_every=2)
DEEP = b"[" * 100_000


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, tiny: Dataset) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    trainer = Trainer(CONFIG, tiny)
    recorder = Recorder(trainer, RunWriter(RunStore(folder), GOOD, tiny))
    for _ in range(8):
        trainer.step()
        recorder.note()
    trainer.score()
    recorder.note()
    recorder.keep("paused")
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A good run, and a copy of it to be spoilt."""
    for run_id in (GOOD, BAD):
        shutil.copytree(original / GOOD, tmp_path / "runs" / run_id)
    return tmp_path / "runs"


def summary(**changes: Any) -> Callable[[Path], None]:
    def spoil(run: Path) -> None:
        said = json.loads((run / "summary.json").read_text())
        (run / "summary.json").write_text(json.dumps({**said, **changes}))

    return spoil


def written(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes(content)


def instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else in the place of a file."""

    def spoil(run: Path) -> None:
        if (run / name).is_dir():
            shutil.rmtree(run / name)
        else:
            (run / name).unlink()
        make(run / name)

    return spoil


def loop(path: Path) -> None:
    path.symlink_to(path)


def both(one: Callable[[Path], object], other: Callable[[Path], object]) -> Callable[[Path], None]:
    def spoil(run: Path) -> None:
        one(run)
        other(run)

    return spoil


UNREADABLE = {
    "accuracy": (summary(best_val_accuracy=float("inf")), "best_val_accuracy must be a number in [0, 1], got inf"),
    "nan": (summary(val_accuracy=float("nan")), "val_accuracy must be a number in [0, 1], got nan"),
    "text": (summary(epoch="3"), "epoch must be a number in"),
    "huge": (summary(step=10**400), "step must be a whole number in"),
    "date": (summary(created=1e300), "created must be a number in"),
    "missing": (written("summary.json", b"{}"), "its summary is damaged (config is missing)"),
    "number as settings": (summary(config=3), "the configuration must be a JSON object"),
    "newer setting": (summary(config={"wings": 2}), "no setting is called"),
    "newer optimizer": (summary(config={"optimizer": "hovering"}), "optimizer must be one of"),
    "parent": (summary(parent={"run": "../..", "step": 1, "exact": True}), "parent must be a run's id"),
    "edits": (summary(edits=[[1, 2]]), "summary is damaged"),
    "many edits": (summary(edits=[[1, "lr", 0.1, 0.2]] * 20_001), "the changes must be a list of at most 20,000"),
    "deep": (both(written("summary.json", DEEP), instead("checkpoints", Path.mkdir)), "no checkpoint"),
    "loop": (both(instead("summary.json", loop), instead("checkpoints", loop)), "checkpoints"),
    "pipe": (both(instead("summary.json", os.mkfifo), instead("checkpoints", os.mkfifo)), "no checkpoint"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_run_that_cannot_be_read_is_named_with_the_reason_and_hides_no_other(
    case: str, folder: Path, tiny: Dataset, capsys: pytest.CaptureFixture[str]
):
    spoil, reason = UNREADABLE[case]
    spoil(folder / BAD)
    store = RunStore(folder)
    assert [run.id for run in store.runs()] == [GOOD]
    assert list(store.unreadable()) == [BAD] and BAD in store.unreadable()[BAD] and reason in store.unreadable()[BAD]
    with pytest.raises(StoreError, match=BAD):
        store.get(BAD)
    registry = RunRegistry(store, load=lambda name: tiny)
    try:
        assert registry.get(BAD) is None and BAD in registry.problem(BAD)
        assert registry.get(GOOD) is not None
    finally:
        registry.close()
    assert main(["runs", "list", "--json", "--runs", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [run["id"] for run in told["runs"]] == [GOOD] and [run["id"] for run in told["unreadable"]] == [BAD]
    assert main(["runs", "list", "--runs", str(folder)]) == 0
    assert f"{BAD}" in capsys.readouterr().out
    store.delete(BAD)
    assert store.unreadable() == {}


ODD = {
    "no data set": written("config.json", b'{"data": "x", "machine": 3, "parent": "y"}'),
    "deep config": written("config.json", DEEP),
    "config is a pipe": instead("config.json", os.mkfifo),
    "config is a loop": instead("config.json", loop),
    "config is a folder": instead("config.json", Path.mkdir),
    "label is a pipe": lambda run: os.mkfifo(run / "label.json"),
    "label is no object": written("label.json", b'"x"'),
    "label of numbers": written("label.json", b'{"name": 3, "starred": [1]}'),
    "long label": written("label.json", json.dumps({"name": "a\n" * 9_000}).encode()),
    "an unknown status": summary(status="dreaming"),
    "a status that is no text": summary(status=[1]),
    "summary is damaged": written("summary.json", b"{"),
    "summary is a loop": instead("summary.json", loop),
    "summary is a pipe": instead("summary.json", os.mkfifo),
    "summary is a folder": instead("summary.json", Path.mkdir),
    "frames are a pipe": instead("frames", os.mkfifo),
    "frames are a loop": instead("frames", loop),
    "a frame is a pipe": instead("frames/2.safetensors", os.mkfifo),
    "a frame is a folder": instead("frames/2.safetensors", Path.mkdir),
    "a frame of another step": lambda run: shutil.copy(run / "frames/3.safetensors", run / "frames/2.safetensors"),
    "lines of a curve": written(
        "metrics.jsonl",
        DEEP + b'\n{}\n[]\n{"keep": {"val/loss": "x"}}\n{"keep": [1]}\n{"name": "val/loss", "step": 1e999, "epoch": 1, '
        b'"images": 1, "seconds": 1, "value": 1}\n{"name": "val/accuracy", "step": 1, "epoch": 1, "images": 1, '
        b'"seconds": 1, "value": Infinity}\n{"name": "val/loss", "step": 1'
        + b"0"
        * 400
        + b', "epoch": 1, "images": 1, '
        b'"seconds": 1, "value": 2}\n' + b"x" * 5_000_000,
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_a_run_with_odd_files_that_it_can_do_without_is_listed_opened_and_goes_on(
    case: str, folder: Path, tiny: Dataset
):
    ODD[case](folder / BAD)
    store = RunStore(folder)
    runs = {run.id: run for run in store.runs()}
    assert runs.keys() == {GOOD, BAD} and store.unreadable() == {}
    run = runs[BAD]
    assert run.step == 8 and run.status in ("paused", "unknown") and len(run.name) <= 80 and run.name.isprintable()
    for series in store.series(BAD).values():
        assert np.isfinite(series.points[:, :4]).all()
    steps = [frame.step for frame in store.film(BAD)]
    assert steps == sorted(set(steps)) and steps[-1] == 8
    registry = RunRegistry(store, load=lambda name: tiny)
    try:
        opened = registry.get(BAD)
        assert opened is not None and opened.snapshot.step == 8
        assert opened.step_once().wait(10)
    finally:
        registry.close()


def test_curves_in_a_pipe_or_a_folder_are_a_sentence(folder: Path):
    for make in (os.mkfifo, Path.mkdir, loop):
        (folder / BAD / "metrics.jsonl").rename(folder / BAD / "kept")
        make(folder / BAD / "metrics.jsonl")
        with pytest.raises(StoreError, match=f"The curves of run {BAD} cannot be read"):
            RunStore(folder).series(BAD)
        assert len(RunStore(folder).runs()) == 2
        path = folder / BAD / "metrics.jsonl"
        path.rmdir() if path.is_dir() else path.unlink()
        (folder / BAD / "kept").rename(folder / BAD / "metrics.jsonl")


def test_checkpoints_that_cannot_be_looked_into_are_a_sentence(folder: Path, tiny: Dataset):
    instead("checkpoints", loop)(folder / BAD)
    store = RunStore(folder)
    assert {run.id for run in store.runs()} == {GOOD, BAD}
    for read in (store.series, store.film, store.load):
        with pytest.raises(StoreError, match=f"The checkpoints of run {BAD} cannot be read: too many levels"):
            read(BAD)


def test_frames_of_another_network_are_left_out_of_the_film(folder: Path):
    frames = folder / BAD / "frames"
    state, arrays = unpack(frames / "2.safetensors", "frame")
    for step, change in ((2, {"dense1.W": np.zeros((784, 5), np.float16)}), (3, {"dense1.b": np.zeros(4, np.int32)})):
        (frames / f"{step}.safetensors").write_bytes(pack("frame", {**state, "step": step}, {**arrays, **change}))
    assert [frame.step for frame in RunStore(folder).film(BAD)] == [0, 1, 4, 5, 6, 7, 8]


def test_a_link_that_leads_to_itself_among_the_runs_is_left_alone(folder: Path):
    (folder / "0000000c").symlink_to(folder / "0000000c")
    os.mkfifo(folder / "0000000d")
    store = RunStore(folder)
    assert {run.id for run in store.runs()} == {GOOD, BAD} and store.problems() == []


def test_an_archive_of_a_run_holds_its_own_plain_files_alone(folder: Path, tmp_path: Path):
    (tmp_path / "secret").write_text('{"name": "secret"}')
    run = folder / BAD
    (run / "label.json").symlink_to(tmp_path / "secret")
    os.mkfifo(run / "frames" / "99.safetensors")
    (run / "checkpoints" / "000099-99.safetensors").write_bytes(b"junk")
    with zipfile.ZipFile(io.BytesIO(to_archive(RunStore(folder), BAD))) as archive:
        names = set(archive.namelist())
    left_out = {"label.json", "frames/99.safetensors", "checkpoints/000099-99.safetensors"}
    assert not names & left_out and {"manifest.json", "metrics.jsonl", "frames/0.safetensors"} <= names
