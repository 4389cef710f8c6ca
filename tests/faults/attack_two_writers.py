"""Two programs on one run, in all pairings of server, command line and worker: no step is lost without a word.

The first begins to train a stored run; the second then asks for the same run. Whatever it is, it must be told who has
the run; when both have ended, the run on disk stands where the first one left it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nn_core import RunConfig, Trainer, load_mnist
from nn_core.store import Recorder, RunStore, RunWriter
from tests import ROOT

from .figures import Figure

RUN = "0badbeef"
CONFIG = RunConfig(hidden=(12,), n_train=1_000, batch_size=50, epochs=100_000)
REFUSED = "is being trained by another program (process "
PATIENCE = 60.0


class Server:
    """A server that shows the run (trainer_in_a_server.py)."""

    def __init__(self, folder: Path) -> None:
        self.process = started("tests.faults.trainer_in_a_server", str(folder), RUN)

    def ask(self, command: str) -> dict:
        """What the page would draw after it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def trains(self) -> str:
        """Have it train; "" where it does, else what it says."""
        answer = self.ask("play")
        return "" if answer["status"] == "training" else answer["message"]

    def leave(self) -> int:
        """End it; the step at which it says that it stands."""
        step = self.ask("pause")["step"]
        self.process.communicate(timeout=PATIENCE)
        return step


class CommandLine:
    """`train --resume`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = started("nn_core", "train", "--resume", RUN, "--runs", str(folder), "--quiet")

    def trains(self) -> str:
        """Wait until it trains; "" where it does, else what it says."""
        until(lambda: holder_of(self.folder) == self.process.pid or self.process.poll() is not None)
        if self.process.poll() is None:
            return ""
        said = self.process.communicate(timeout=PATIENCE)[1]
        return said if self.process.returncode == 2 else f"it ended with {self.process.returncode}: {said}"

    def leave(self) -> int:
        """End it; the step at which it says that it stands."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=PATIENCE)[1]
        stopped = re.search(r"stopped at step ([\d,]+);", said)
        assert stopped is not None, said
        return int(stopped[1].replace(",", ""))


Program = Server | CommandLine
PAIRINGS: tuple[tuple[type[Program], type[Program], bool], ...] = (  # the first, the second, whether both begin at once
    (Server, Server, False),
    (Server, CommandLine, False),
    (CommandLine, Server, False),
    (CommandLine, CommandLine, False),
    (Server, CommandLine, True),
    (CommandLine, CommandLine, True),
)


NAMES = {Server: "server", CommandLine: "command line"}


def started(module: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python program of this project, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def holder_of(folder: Path) -> int:
    """The process that holds the run, 0 where none does."""
    holder = RunStore(folder).run_folder(RUN).lock.holder()
    return holder.pid if holder else 0


def until(condition: Callable[[], object]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def stored_run(folder: Path) -> None:
    """A run of a hundred steps, at rest."""
    data = load_mnist()
    trainer = Trainer(CONFIG, data)
    recorder = Recorder(trainer, RunWriter(RunStore(folder), RUN, data))
    for _ in range(100):
        trainer.step()
        recorder.note()
    recorder.keep("paused")


def one_pairing(folder: Path, one: type[Program], other: type[Program], at_once: bool, seconds: float) -> dict:
    """What came of it: what the refused one was told, how far the other one came, and where the run stands on disk."""
    first = one(folder)
    if at_once:
        second = other(folder)
        with ThreadPoolExecutor() as pool:
            told = list(pool.map(lambda program: program.trains(), (first, second)))
    else:
        told = [first.trains()]
        time.sleep(seconds / 2)
        second = other(folder)
        told.append(second.trains())
    listed = RunStore(folder).get(RUN).status
    time.sleep(seconds / 2)
    steps = [program.leave() for program, why in zip((first, second), told, strict=True) if not why]
    for program in (first, second):
        if program.process.poll() is None:
            program.process.communicate(timeout=PATIENCE)
    loaded = RunStore(folder).load(RUN)
    return {"told": told, "listed": listed, "steps": steps, "on_disk": loaded.checkpoint.step}


def attack(full: bool) -> list[Figure]:
    figures = []
    rounds = 5 if full else 1
    for one, other, at_once in PAIRINGS:
        with tempfile.TemporaryDirectory() as folder:
            stored_run(Path(folder))
            found = [one_pairing(Path(folder), one, other, at_once, 12.0 if full else 0.2) for _ in range(rounds)]
        lost = sum(max(0, step - each["on_disk"]) for each in found for step in each["steps"])
        told = sum(sum(REFUSED in why for why in each["told"]) == len(each["steps"]) == 1 for each in found)
        followed = sum(each["listed"] == "elsewhere" for each in found)
        how = f"{NAMES[one]} and {NAMES[other]} on one run" + (", both at once" if at_once else "")
        figures.append(
            Figure(
                f"{how}, {rounds} times",
                f"{lost:,} of {found[-1]['on_disk']:,} steps lost; {told} times one was told who trains it; "
                f"{followed} times listed as trained elsewhere",
                f"0 steps lost; {rounds} times; {rounds} times",
                lost == 0 and told == followed == rounds,
            )
        )
    return figures
