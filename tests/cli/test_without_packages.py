"""The command line with NumPy alone: what needs another package names it, and no figure is made up."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nn_core import RunConfig, Trainer, load_shipped
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.export.run_zip import to_archive
from nn_core.machine import threads
from nn_core.machine.packages import PackageMissing
from nn_core.sketch.shipped import SHIPPED
from nn_core.store import Recorder, RunStore, RunWriter
from tests.cli.test_train import QUICK

NAMED = "the package safetensors, which is not installed: pip install safetensors"


@pytest.fixture(scope="module")
def archive(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was exported where all packages are installed."""
    folder = tmp_path_factory.mktemp("exported")
    store = RunStore(folder / "runs")
    trainer = Trainer(RunConfig(hidden=(8,), n_train=400), tiny)
    Recorder(trainer, RunWriter(store, "0000000a", tiny)).keep("paused")
    (folder / "run.zip").write_bytes(to_archive(store, "0000000a"))
    return folder / "run.zip"


@pytest.fixture(autouse=True)
def no_safetensors(archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Dataset) -> None:
    for name in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("nn_core.cli.train.load_dataset", lambda name: tiny)


def test_training_says_that_its_run_is_not_saved_and_names_the_package(capsys: pytest.CaptureFixture[str]):
    assert main([*QUICK, "--quiet", "--json"]) == 0
    printed = capsys.readouterr()
    assert NAMED in printed.err and json.loads(printed.out)["run"] == ""


def test_the_shipped_network_names_the_package():
    with pytest.raises(PackageMissing, match=NAMED):
        load_shipped()


def test_an_import_names_the_package(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for path in (SHIPPED, archive):
        assert main(["runs", "import", str(path)]) == 2
        printed = capsys.readouterr()
        assert NAMED in printed.err and printed.err.count("\n") == 1
    assert RunStore(tmp_path / "runs").ids() == []


def test_threads_that_cannot_be_set_are_not_reported_as_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(threads, "_blas", lambda: None)
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    assert main([*QUICK, "--quiet", "--json", "--no-save", "--threads", "2"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["blas_threads"] is None
    assert "not set to 2: threadpoolctl is not installed" in printed.err
    monkeypatch.setenv(threads.VARIABLE, "2")
    assert main([*QUICK, "--quiet", "--json", "--no-save", "--threads", "2"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["blas_threads"] == 2 and printed.err == ""
