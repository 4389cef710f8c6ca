"""Brings a file in by a process of its own: whatever is in it, the runs of this one keep their pace and their memory.

That process steps back behind those that train, and has a limit on its memory and on its time; then it is ended. It
makes a run in a folder of its own, which joins the others when all is well.

    python -m nn_core.export.apart FILE NAME FOLDER

prints one JSON object: the run and the remarks, or the problem.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from nn_core.config.foreign import parse_object
from nn_core.export.importing import bring_in
from nn_core.export.run_zip import join, making_room
from nn_core.export.source import ExportError
from nn_core.machine.disk import ROOT
from nn_core.store.run_store import RunStore

SECONDS = 600.0  # of a clock on the wall, on a machine whose cores all train
CPU_SECONDS = 20  # the heaviest upload takes 3
NICE = 10  # a tenth of what a process gets that trains
MAX_MEMORY = 1_500_000_000  # bytes; an upload may unpack to 120 MB


def bring_in_apart(
    data: bytes, file_name: str, store: RunStore, seconds: float = SECONDS
) -> tuple[str, tuple[str, ...]]:
    """As `bring_in`. Raises ExportError, also when it takes too long."""
    with making_room(store) as place:
        upload = place / "upload"
        upload.write_bytes(data)
        command = [sys.executable, "-m", "nn_core.export.apart", str(upload), file_name, str(place)]
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        kept = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=kept, stderr=kept)
        try:
            told, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ExportError(f"reading the file took more than {seconds:g} s and was ended") from None
        finally:
            process.kill()
            process.wait()
        if process.returncode < 0:  # by a signal of the system
            raise ExportError("reading the file needed more time or memory than it may have") from None
        answer = _answer(told)
        if "problem" in answer:
            raise ExportError(answer["problem"])
        return join(place / answer["run"], answer["run"], store), tuple(answer["remarks"])


def _answer(told: bytes) -> dict[str, Any]:
    try:
        return parse_object(told.splitlines()[-1], "the answer")
    except (IndexError, ValueError):
        raise ExportError("reading the file needed more memory than it may have") from None


def _limit() -> None:
    """Step back behind whatever trains, and take no more than that; where the system knows no such limits, nothing."""
    with suppress(AttributeError, OSError):
        os.nice(NICE)
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def main(file: Path, file_name: str, folder: Path) -> None:
    """What the process does."""
    _limit()
    try:
        run_id, remarks = bring_in(file, file_name, RunStore(folder))
        print(json.dumps({"run": run_id, "remarks": remarks}))
    except ExportError as error:
        print(json.dumps({"problem": str(error)}))
    except MemoryError:
        print(json.dumps({"problem": "reading the file needed more memory than it may have"}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
