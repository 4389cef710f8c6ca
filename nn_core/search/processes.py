"""Workers as processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from nn_core.config.environment import BLAS_THREADS, RUNS
from nn_core.machine.disk import ROOT, reason
from nn_core.search.database_errors import SearchError
from nn_core.search.storage import VARIABLE, check_name, make_folder, searches_folder

FOLDER_VARIABLE = RUNS.name


def start_workers(
    name: str, n: int, storage: str = "", started: list[subprocess.Popen[bytes]] | None = None
) -> list[subprocess.Popen[bytes]]:
    """Start n worker processes, each with one thread; they end with the search. What they say goes to a log beside it.

    Each is put into `started` at once, so that whoever is interrupted meanwhile knows those that run.

    They are in sessions of their own: Ctrl-C at whoever started them, or its end, does not end them.
    """
    check_name(name)
    folder = searches_folder()
    make_folder(folder)
    env = {**os.environ, BLAS_THREADS.name: "1", FOLDER_VARIABLE: str(folder.parent)}  # they start elsewhere
    env.pop(VARIABLE, None)
    if storage:
        env[VARIABLE] = storage
    started = [] if started is None else started
    for number in range(n):
        command = [sys.executable, "-m", "nn_core", "worker", "--study", name, "--number", str(number)]
        with _log(folder / f"{name}.log") as log:
            started.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
    return started


def _log(path: Path) -> BinaryIO:
    try:
        return path.open("ab")
    except OSError as error:
        raise SearchError(f"{path} cannot be written: {reason(error).lower()}") from None
