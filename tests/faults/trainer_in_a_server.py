"""A server without its pages: python -m tests.faults.trainer_in_a_server FOLDER RUN, commands on stdin.

Each command is one line (play, pause, look); each answer is one JSON object: what a page would draw now.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import json
import sys
import time
from pathlib import Path

from nn_core.runs import Run, RunRegistry
from nn_core.store import RunStore


def seen(run: Run) -> dict:
    """What a page shows of the run."""
    shot = run.snapshot
    return {"status": shot.status, "step": shot.step, "message": shot.message, "not_saved": shot.not_saved}


def main(folder: Path, run_id: str) -> None:
    registry = RunRegistry(RunStore(folder), lease_seconds=0)
    for line in sys.stdin:
        run = registry.get(run_id)
        if run is None:
            print(json.dumps({"message": registry.problem(run_id)}), flush=True)
            continue
        if line.strip() in ("play", "pause"):
            getattr(run, line.strip())().wait(20)
            while line.strip() == "pause" and run.snapshot.is_training:
                time.sleep(0.01)
        print(json.dumps(seen(registry.get(run_id) or run)), flush=True)
    registry.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
