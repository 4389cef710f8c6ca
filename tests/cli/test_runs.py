"""`python -m nn_core runs ...`, and `train` that writes its run down, goes on with one, or branches from one."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig, Trainer
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.store.run_folder import RunFolder
from nn_core.store.run_store import RunStore
from nn_core.training.state import Parent
from tests import ROOT

ONE_THREAD = ["--threads", "1"]
QUICK = [
    "train",
    "--n-train",
    "400",
    "--epochs",
    "2",
    "--hidden",
    "8",
    "--batch-size",
    "50",
    "--quiet",
    "--threads",
    "1",
]
CONFIG = RunConfig(n_train=400, epochs=2, hidden=(8,), batch_size=50)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tiny: Dataset, tmp_path: Path) -> Path:
    """The command line trains on few images, and keeps its runs here."""
    monkeypatch.setattr("nn_core.cli.train.load_dataset", lambda name: tiny)
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(arguments) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


def trained(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    return printed(capsys, *QUICK, *options, "--json")


def weights_at_end(folder: Path, run_id: str) -> bytes:
    return RunStore(folder).checkpoint(run_id).arrays["params"].tobytes()


def test_training_writes_the_run_down_and_prints_its_id(
    capsys: pytest.CaptureFixture[str], folder: Path, tiny: Dataset
):
    result = trained(capsys)
    stored = RunStore(folder).get(result["run"])
    assert (stored.config, stored.step, stored.status) == (CONFIG, 16, "finished")
    assert stored.val_accuracy == result["val_accuracy"]
    again = Trainer(CONFIG, tiny)
    again.replay([], 16)
    assert weights_at_end(folder, stored.id) == again.model.flat.tobytes()
    assert main([*QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].removeprefix("run ") in RunStore(folder)


def test_a_run_that_is_not_to_be_saved_leaves_nothing(capsys: pytest.CaptureFixture[str], folder: Path):
    assert trained(capsys, "--no-save")["run"] == ""
    assert not folder.exists()


def test_a_run_goes_on_where_it_stood_with_live_changes_and_equals_one_that_never_stopped(
    capsys: pytest.CaptureFixture[str], folder: Path, tiny: Dataset
):
    run_id = trained(capsys, "--optimizer", "adam")["run"]
    result = printed(capsys, "train", "--resume", run_id, "--lr", "0.01", "--json", "--quiet")
    assert (result["run"], result["steps"], result["blas_threads"]) == (run_id, 32, 1)
    edits = RunStore(folder).get(run_id).edits
    assert [(edit.step, edit.setting, edit.new) for edit in edits] == [(16, "lr", 0.01)]
    again = Trainer(CONFIG.replace(optimizer="adam"), tiny)
    again.replay(edits, 32)
    assert weights_at_end(folder, run_id) == again.model.flat.tobytes()


def test_a_branch_begins_at_the_step_with_other_settings_and_names_its_parent(
    capsys: pytest.CaptureFixture[str], folder: Path
):
    run_id = trained(capsys)["run"]
    result = printed(capsys, "train", "--from", f"{run_id}@16", "--lr", "0.5", "--json", "--quiet")
    branch = RunStore(folder).get(result["run"])
    assert branch.parent == Parent(run_id, 16, True)
    assert (branch.config.lr, branch.step, branch.config.hidden) == (0.5, 32, (8,))
    assert RunStore(folder).series(branch.id)["batch/loss"].step[0] == 1
    assert f"run {run_id} at step 16" in shown(capsys, branch.id)


def test_a_branch_tells_the_steps_that_it_made_from_those_of_its_parent(capsys: pytest.CaptureFixture[str]):
    run_id = trained(capsys)["run"]
    assert main(["train", "--from", f"{run_id}@16", "--epochs", "1", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("8 steps after step 16 in ")
    result = printed(capsys, "train", "--from", f"{run_id}@16", "--epochs", "1", "--quiet", "--json")
    assert (result["begun_at"], result["steps"]) == (16, 24)


def test_where_the_folder_cannot_be_written_a_branch_is_trained_in_memory_and_that_is_said_once(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    run_id = trained(capsys)["run"]

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(RunFolder, "make", read_only)
    assert main(["train", "--from", f"{run_id}@16", "--json", "--quiet"]) == 0
    out, error = capsys.readouterr()
    assert error.count("not being saved at all") == 1 and "read-only" in error.lower()
    result = json.loads(out)
    assert (result["run"], result["steps"]) == ("", 32)
    assert RunStore(folder).ids() == [run_id]


def test_a_program_that_cannot_save_says_so_once(tmp_path: Path):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "nn_core", *QUICK, "--runs", str(tmp_path / "file" / "runs")]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr.count("not being saved") == 1, done.stderr


@pytest.fixture
def only_frames(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """A run of 16 steps of which no checkpoint can be read."""
    run_id: str = trained(capsys)["run"]
    for file in RunStore(folder).run_folder(run_id).checkpoint_files():
        file.path.write_bytes(b"nothing")
    return run_id


def test_where_only_frames_can_be_read_a_branch_begins_at_one_and_says_that_the_optimizer_starts_anew(
    capsys: pytest.CaptureFixture[str], folder: Path, only_frames: str
):
    assert main(["train", "--from", f"{only_frames}@9", "--json", "--quiet"]) == 0
    out, error = capsys.readouterr()
    assert "The optimizer starts anew, because only the weights of that step were kept." in error
    branch = RunStore(folder).get(json.loads(out)["run"])
    assert branch.parent == Parent(only_frames, 9, False) and branch.config.lr == CONFIG.lr and branch.step == 16
    assert main(["train", "--from", f"{only_frames}@3000", "--quiet"]) == 2
    assert "no frame of step 3,000" in capsys.readouterr().err


def test_where_only_frames_can_be_read_one_can_be_exported_and_show_says_so(
    capsys: pytest.CaptureFixture[str], folder: Path, only_frames: str, tmp_path: Path
):
    export = ["runs", "export", only_frames, "--to", "npz", "--out", str(tmp_path / "x.npz")]
    assert main([*export, "--at", "9"]) == 0
    assert (tmp_path / "x.npz").stat().st_size > 0
    capsys.readouterr()
    assert main(export) == 2
    assert "has no checkpoint that can be read" in capsys.readouterr().err
    assert f"Run {only_frames} has no checkpoint that can be read." in shown(capsys, only_frames)


def test_a_skipped_checkpoint_is_named_by_show_and_export(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
):
    run_id = trained(capsys)["run"]
    printed(capsys, "train", "--resume", run_id, "--json", "--quiet")
    newest = RunStore(folder).run_folder(run_id).checkpoint_files()[0]
    newest.path.write_bytes(b"nothing")
    stands_at = RunStore(folder).load(run_id).checkpoint.step
    sentence = f"The checkpoint of step 32 of run {run_id} was skipped"
    assert sentence in shown(capsys, run_id)
    (problem,) = printed(capsys, "runs", "show", run_id, "--json")["problems"]
    assert sentence in problem
    for form in ("npz", "archive"):
        assert main(["runs", "export", run_id, "--to", form, "--out", str(tmp_path)]) == 0
        error = capsys.readouterr().err
        assert sentence in error and newest.path.name in error and f"step {stands_at:,} is exported" in error
    with zipfile.ZipFile(tmp_path / f"glassnet-{run_id}.zip") as archive:
        assert f"checkpoints/{newest.path.name}" not in archive.namelist()


def test_the_best_of_a_branch_is_of_its_own_steps_and_none_before_the_first(
    capsys: pytest.CaptureFixture[str], folder: Path
):
    run_id = trained(capsys)["run"]
    bad = ["--lr", "10", "--optimizer", "sgd", "--eval-every", "1"]
    result = printed(capsys, "train", "--from", f"{run_id}@16", *bad, "--json", "--quiet")
    accuracy = RunStore(folder).series(result["run"])["val/accuracy"]
    own = accuracy.value[accuracy.step > 16]
    at_branch = accuracy.value[accuracy.step == 16]
    assert len(own) and at_branch.max() > own.max()
    branch = RunStore(folder).get(result["run"])
    assert branch.best_val_accuracy == own.max() and branch.best_step is not None and branch.best_step > 16


def test_a_run_in_the_trash_that_is_asked_for_is_said_to_be_there(capsys: pytest.CaptureFixture[str]):
    run_id = trained(capsys)["run"]
    assert main(["runs", "delete", run_id]) == 0
    assert main(["train", "--resume", run_id, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert "in the trash" in error and f"runs restore {run_id}" in error


def test_a_file_in_the_place_of_the_folder_of_runs_is_named(capsys: pytest.CaptureFixture[str], folder: Path):
    folder.write_text("")
    assert main(["runs", "list"]) == 0
    assert f"{folder} is no folder." in capsys.readouterr().out
    assert main(["runs", "show", "deadbeef"]) == 2
    assert f"{folder} is no folder." in capsys.readouterr().err


def test_a_broken_summary_beside_a_parent_that_makes_no_sense_leaves_the_run_in_the_list(
    capsys: pytest.CaptureFixture[str], folder: Path
):
    run_id = trained(capsys)["run"]
    (folder / run_id / "summary.json").write_text("{")
    (folder / run_id / "config.json").write_text('{"parent": "x"}')
    (run,) = printed(capsys, "runs", "list", "--json")["runs"]
    assert (run["id"], run["parent"], run["step"]) == (run_id, None, 16)


def shown(capsys: pytest.CaptureFixture[str], run_id: str) -> str:
    capsys.readouterr()
    assert main(["runs", "show", run_id]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--resume", "deadbeef"], "There is no run deadbeef"),
        (["--resume", "../../etc/passwd"], "eight hexadecimal digits"),
        (["--from", "deadbeef"], "1a2b3c4d@500"),
        (["--from", "deadbeef@x"], "1a2b3c4d@500"),
        (["--from", "RUN@3000"], "no frame of step 3,000; those nearest to it are of steps 14 and 16"),
        (["--from", "RUN@16", "--hidden", "9"], "hidden must stay 8"),
        (["--resume", "RUN", "--hidden", "9"], "hidden takes effect in a new network only"),
        (["--resume", "RUN", "--preset", "classic"], "no --preset"),
    ],
)
def test_what_cannot_go_on_ends_with_one_sentence(
    options: list[str], word: str, capsys: pytest.CaptureFixture[str], folder: Path
):
    run_id = trained(capsys)["run"] if "RUN" in "".join(options) else ""
    before = RunStore(folder).ids()
    assert main(["train", "--quiet", *(option.replace("RUN", run_id) for option in options)]) == 2
    error = capsys.readouterr().err
    assert word in error and error.count("\n") == 1
    assert RunStore(folder).ids() == before


def test_runs_are_listed_shown_deleted_and_restored(capsys: pytest.CaptureFixture[str], folder: Path):
    one, other = trained(capsys)["run"], trained(capsys, "--lr", "0.3")["run"]
    RunStore(folder).rename(one, "my first")
    listed = printed(capsys, "runs", "list", "--json")
    assert [run["id"] for run in listed["runs"]] == [other, one] and listed["problems"] == []
    assert main(["runs", "list"]) == 0
    table = capsys.readouterr().out
    assert "my first" in table and "lr 0.3" in table
    about = printed(capsys, "runs", "show", other, "--json")
    assert about["frames"][0] == 0 and about["frames"][-1] == 16 and 16 in about["checkpoints"]
    assert main(["runs", "delete", one, other]) == 0
    assert "restore" in capsys.readouterr().out and RunStore(folder).ids() == []
    assert main(["runs", "list"]) == 0
    assert "There are no runs" in capsys.readouterr().out
    assert main(["runs", "restore", one]) == 0
    assert RunStore(folder).ids() == [one] and RunStore(folder).get(one).name == "my first"
    assert main(["runs", "delete", other]) == 2
    assert main(["runs", "purge", one]) == 2
    assert RunStore(folder).ids() == [one] and RunStore(folder).ids(trash=True) == [other]
    assert main(["runs", "purge"]) == 0
    assert main(["runs", "restore", other]) == 2


def test_ctrl_c_saves_the_run_and_says_how_it_goes_on(tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "nn_core",
        "train",
        "--epochs",
        "1000",
        "--quiet",
        "--runs",
        str(tmp_path / "here"),
    ]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    training = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    store = RunStore(tmp_path / "here")
    try:
        while not store.runs():
            assert training.poll() is None
            time.sleep(0.02)
    finally:
        training.send_signal(signal.SIGINT)
        _, error = training.communicate(timeout=30)
    (run,) = store.runs()
    assert training.returncode == 130 and run.status == "paused"
    assert f"stopped at step {run.step:,}; it goes on with: python -m nn_core train --resume {run.id}" in error
