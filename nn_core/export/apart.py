"""Brings a file in by a process of its own: whatever is in it, the runs of this one keep their pace and their memory.

That process steps back behind those that train, and has a limit on its memory and on its time; then it is ended. It
makes a run in a folder of its own, which joins the others when all is well.

    python -m nn_core.export.apart FILE NAME FOLDER ANSWERS

prints one JSON object: the run and the remarks, or the questions, or the problem.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from nn_core.config.foreign import parse_object
from nn_core.export.foreign.questions import Ambiguous, Answers
from nn_core.export.importing import NO_ANSWERS, bring_in
from nn_core.export.run_zip import join, making_room
from nn_core.export.source import ExportError
from nn_core.machine.disk import ROOT
from nn_core.store.run_store import RunStore

SECONDS = 600.0  # of a clock on the wall, on a machine whose cores all train
CPU_SECONDS = 20  # the heaviest upload takes 3
NICE = 10  # a tenth of what a process gets that trains
LARGE = 500_000  # bytes of an array from which on glibc gives its memory back at once
LOOK_SECONDS = 0.1  # between two looks whether it is still wanted
MAX_MEMORY = 1_500_000_000  # bytes; an upload may unpack to 120 MB


def bring_in_apart(
    data: bytes,
    file_name: str,
    store: RunStore,
    seconds: float = SECONDS,
    cancelled: threading.Event | None = None,
    answers: Answers = NO_ANSWERS,
) -> tuple[str, tuple[str, ...]]:
    """As `bring_in`. Raises ExportError, also when it takes too long, and soon after `cancelled` is set; Ambiguous."""
    with making_room(store) as place:
        upload = place / "upload"
        upload.write_bytes(data)
        asked = [str(upload), file_name, str(place), json.dumps(dict(answers))]
        command = [sys.executable, "-m", "nn_core.export.apart", *asked]
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(LARGE)}
        kept = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=kept, stderr=kept)
        try:
            _let_others_go_first(process.pid)
            told = _told(process, seconds, cancelled or threading.Event())
        finally:
            process.kill()
            process.wait()
        if process.returncode == -signal.SIGSEGV:
            raise ExportError("the file is damaged: it ended the process that read it")
        if process.returncode < 0:  # by a signal of the system
            raise ExportError("reading the file needed more time or memory than it may have") from None
        answer = _answer(told)
        if "questions" in answer:
            raise Ambiguous.from_json(answer)
        if "problem" in answer:
            raise ExportError(answer["problem"])
        return join(place / answer["run"], answer["run"], store), tuple(answer["remarks"])


def _let_others_go_first(process_id: int) -> None:
    """Step back behind whatever trains, from the first moment on; where the system cannot, nothing."""
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, process_id, os.getpriority(os.PRIO_PROCESS, 0) + NICE)


def _told(process: subprocess.Popen[bytes], seconds: float, cancelled: threading.Event) -> bytes:
    """What the process prints until it ends; raises ExportError where it takes too long or is not wanted any more."""
    until = time.monotonic() + seconds
    while True:
        try:
            return process.communicate(timeout=min(LOOK_SECONDS, seconds))[0]
        except subprocess.TimeoutExpired:
            if cancelled.is_set():
                raise ExportError("it was cancelled") from None
            if time.monotonic() >= until:
                raise ExportError(f"reading the file took more than {seconds:g} s and was ended") from None


def _answer(told: bytes) -> dict[str, Any]:
    try:
        return parse_object(told.splitlines()[-1], "the answer")
    except (IndexError, ValueError):
        raise ExportError("reading the file needed more memory than it may have") from None


def _limit() -> None:
    """Take no more than that; where the system knows no such limits, anything."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def main(file: Path, file_name: str, folder: Path, answers: str) -> None:
    """What the process does."""
    _limit()
    try:
        run_id, remarks = bring_in(file, file_name, RunStore(folder), parse_object(answers, "the answers"))
        print(json.dumps({"run": run_id, "remarks": remarks}))
    except Ambiguous as asked:
        print(json.dumps(asked.to_json()))
    except ExportError as error:
        print(json.dumps({"problem": str(error)}))
    except MemoryError:
        print(json.dumps({"problem": "reading the file needed more memory than it may have"}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])
