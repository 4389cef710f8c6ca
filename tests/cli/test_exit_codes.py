"""One table of exit codes holds for all commands, in the help, in docs/ and in what they do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nn_core.cli import search
from nn_core.cli.exit_codes import MEANINGS, table
from nn_core.cli.main import main
from nn_core.search.database_errors import SearchError
from nn_core.search.worker import Worker
from tests import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="signals as Unix has them")
SWEEP = ["sweep", "--study", "codes", "--workers", "1", "--trials", "2"]


def test_the_help_and_the_docs_list_every_exit_code(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert table() in capsys.readouterr().out
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "docs" / "exit_codes.md").read_text(), re.M)
    assert {int(code): meaning for code, meaning in rows} == MEANINGS


class Process:
    """Stands for a worker's process."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def wait(self) -> None:
        self.told.append("wait")

    def terminate(self) -> None:
        self.told.append("terminate")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Process:
    """A search on this machine has begun with one worker; its commands are noted in `told`."""
    process = Process()
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    monkeypatch.setattr(search, "create_search", lambda *of: None)
    monkeypatch.setattr(search, "load_study", lambda *of: None)
    monkeypatch.setattr(search, "start_workers", lambda name, n, storage, started: started.append(process))
    monkeypatch.setattr(search, "control", lambda name, command, storage: process.told.append(command))
    return process


@posix
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_search_that_is_ended_tells_its_workers_waits_for_them_and_says_how_it_goes_on(
    name: str, code: int, worker: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(search, "_until_done", lambda *of: os.kill(os.getpid(), getattr(signal, name)))
    assert main(SWEEP) == code
    assert worker.told == ["stop", "wait"]
    assert capsys.readouterr().err == "\nstopped; it goes on with: python -m nn_core sweep --resume --study codes\n"


@posix
def test_a_search_that_is_ended_while_its_workers_start_ends_them(worker: Process, monkeypatch: pytest.MonkeyPatch):
    def start(name: str, n: int, storage: str, started: list[Any]) -> None:
        started.append(worker)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(search, "start_workers", start)
    assert main(SWEEP) == 143 and worker.told == ["stop", "wait"]


@posix
def test_where_the_database_is_gone_the_workers_are_ended_by_a_signal(worker: Process, monkeypatch: pytest.MonkeyPatch):
    def gone(*of: Any) -> None:
        raise SearchError("the database does not answer")

    monkeypatch.setattr(search, "control", gone)
    monkeypatch.setattr(search, "_until_done", lambda *of: os.kill(os.getpid(), signal.SIGTERM))
    assert main(SWEEP) == 143 and worker.told == ["terminate", "wait"]


def test_a_worker_that_is_ended_says_so_and_ends_with_the_code_of_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    class Interrupted(Worker):
        def __init__(self, *of: Any) -> None:
            self.id, self.name, self.tell = "here:1", "codes", lambda sentence: None

        def _train_default(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(search, "Worker", Interrupted)
    assert main(["worker", "--study", "codes"]) == 130
    assert capsys.readouterr().err == "\nThis worker was told to end; the search can go on.\n"


@posix
@pytest.mark.parametrize("module", ["numpy", "nn_core.kernels", "nn_core.cli.train"])
def test_ctrl_c_while_the_program_is_imported_shows_no_traceback(module: str, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
    )
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "nn_core", "environment"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")  # which a shell calls 130
