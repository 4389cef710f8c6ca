"""Consoles that lack letters, pipes that nobody reads, disks that are full, and being told to end."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nn_core import RunConfig, Trainer
from nn_core.cli.main import _parser, main
from nn_core.config import all_settings
from nn_core.data import Dataset
from nn_core.store import Recorder, RunStore, RunWriter
from tests import ROOT

PROGRAM = [sys.executable, "-m", "nn_core"]
posix = pytest.mark.skipif(os.name != "posix", reason="pipes and signals as Unix has them")


@pytest.fixture
def runs(tmp_path: Path, tiny: Dataset) -> Path:
    """A folder with one run, whose name few consoles have the letters for."""
    store = RunStore(tmp_path / "runs")
    trainer = Trainer(RunConfig(hidden=(8,), n_train=400), tiny)
    Recorder(trainer, RunWriter(store, "0000000a", tiny)).keep("paused")
    store.rename("0000000a", "学习率 0.1 → 0.3 ü")
    return store.folder


# ---------------------------------------------------------------------------------------------- no value


def _commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for each, one in action.choices.items():
            yield from _commands(one, f"{name} {each}".strip())
    if not below:
        yield name, parser


SETTINGS = {f"--{item.name.replace('_', '-')}" for item in all_settings()}  # options of four commands, tried with one


def test_two_dashes_are_no_value_of_any_option(capsys: pytest.CaptureFixture[str]):
    for command, parser in _commands(_parser()):
        long = {option for option in parser._option_string_actions if option.startswith("--")}
        for option in long if command == "train" else long - SETTINGS:
            with pytest.raises(SystemExit) as ended:
                main([*command.split(), f"{option}=--"])
            assert ended.value.code == 2
            assert f"argument {option}: needs a value, got '--'" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------- what is printed


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_name_that_the_console_has_no_letters_for_is_printed_all_the_same(runs: Path, encoding: str):
    env = {**os.environ, "PYTHONIOENCODING": encoding, "GLASSNET_RUNS": str(runs)}
    for command in (["runs", "list"], ["runs", "show", "0000000a"]):
        done = subprocess.run([*PROGRAM, *command], cwd=ROOT, env=env, capture_output=True, check=False)
        assert done.returncode == 0 and not done.stderr
        assert ("学习率" if encoding == "utf-8" else r"\u5b66\u4e60\u7387") in done.stdout.decode(encoding)


def shell(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    script = script.replace("PROGRAM", f"{sys.executable} -m nn_core")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@posix
@pytest.mark.parametrize("command", ["runs list", "runs list --json", "train --help", "environment"])
def test_a_reader_who_has_seen_enough_is_no_error(runs: Path, command: str):
    done = shell(f"PROGRAM {command} | true", GLASSNET_RUNS=str(runs))
    assert done.returncode in (0, 141) and not done.stderr


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("command", ["runs list", "environment"])
def test_output_that_cannot_be_written_is_said_in_one_sentence(runs: Path, command: str):
    done = shell(f"PROGRAM {command} > /dev/full", GLASSNET_RUNS=str(runs))
    assert done.returncode == 1
    assert done.stderr == "python -m nn_core: the output cannot be written: No space left on device\n"


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_bar_that_cannot_be_written_stops_no_training(tmp_path: Path):
    done = shell(
        "PROGRAM train --n-train 400 --epochs 30 --hidden 8 2> /dev/full", GLASSNET_RUNS=str(tmp_path / "runs")
    )
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("run ")


@posix
def test_training_whose_bar_nobody_reads_any_more_saves_its_run_and_ends(tmp_path: Path):
    folder = tmp_path / "runs"
    done = shell("PROGRAM train --epochs 1000 2>&1 | head -c 100", GLASSNET_RUNS=str(folder))
    assert done.returncode == 141 and "Traceback" not in done.stdout and not done.stderr
    (run,) = RunStore(folder).runs()
    assert run.status == "paused" and run.step >= 50


# ---------------------------------------------------------------------------------------------- being told to end


@pytest.mark.slow
@posix
def test_under_nohup_a_closed_terminal_ends_no_training(tmp_path: Path):
    done = shell(
        "trap '' HUP; PROGRAM train --n-train 400 --epochs 300 --hidden 8 --quiet & sleep 1; kill -HUP $!; wait $!",
        GLASSNET_RUNS=str(tmp_path / "runs"),
    )
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("run ")


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_training_that_is_told_to_end_saves_its_run_and_says_how_it_goes_on(tmp_path: Path, name: str):
    folder, told = tmp_path / "runs", getattr(signal, name)
    before = signal.signal(told, signal.SIG_DFL)  # these tests may themselves run under nohup
    training = subprocess.Popen(
        [*PROGRAM, "train", "--epochs", "1000", "--runs", str(folder)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(told, before)
    assert training.stderr is not None
    try:
        while "epoch 1" not in (shown := training.stderr.read(60)):
            assert shown and training.poll() is None
    finally:
        training.send_signal(told)
        _, error = training.communicate(timeout=60)
    (run,) = RunStore(folder).runs()
    assert training.returncode == 128 + told and run.status == "paused" and run.step > 400
    assert f"stopped at step {run.step:,}; it goes on with: python -m nn_core train --resume {run.id}" in error


@posix
def test_a_signal_before_the_training_begins_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def told(name: str) -> Dataset:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        raise AssertionError("the signal did not come")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("nn_core.cli.train.load_dataset", told)
    assert main(["train", "--epochs", "1"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "\nstopped\n" and signal.getsignal(signal.SIGTERM) == before


@pytest.mark.slow
@posix
def test_a_search_that_is_told_to_end_stops_its_workers_and_says_how_it_goes_on(tmp_path: Path):
    env = {**os.environ, "GLASSNET_RUNS": str(tmp_path)}
    command = [*PROGRAM, "sweep", "--study", "told", "--epochs", "1000", "--trials", "4", "--workers", "1"]
    search = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "searches" / "told.log"
    deadline = time.monotonic() + 60
    try:
        while not log.exists() or "has joined" not in log.read_text():
            assert search.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        search.terminate()
        _, error = search.communicate(timeout=60)
    assert "stopped; it goes on with: python -m nn_core sweep --resume --study told" in error
    assert "This worker was told to end; the search can go on." in log.read_text() and "Traceback" not in error
