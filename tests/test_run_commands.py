"""`python -m nn_core runs ...`, and `train` that writes its run down, goes on with one, or branches from one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig, Trainer
from nn_core.__main__ import main
from nn_core.checkpoint import Parent
from nn_core.data import Dataset
from nn_core.store import RunStore

ROOT = Path(__file__).resolve().parent.parent
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
    monkeypatch.setattr("nn_core.__main__.load_dataset", lambda name: tiny)
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
    assert [(edit.step, edit.field, edit.new) for edit in edits] == [(16, "lr", 0.01)]
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
