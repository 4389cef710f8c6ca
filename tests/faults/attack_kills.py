"""Training killed in the middle of saving, again and again (tests/faults/kill_loop.py says how)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from itertools import pairwise

from tests import ROOT

from .figures import Figure


def rounds_of_kills(folder: str, rounds: int, seed: int) -> list[dict]:
    """What each kill left: one dictionary a round."""
    command = [sys.executable, "-m", "tests.faults.kill_loop", folder, str(rounds), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def attack(full: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        results = rounds_of_kills(f"{folder}/runs", 200 if full else 4, seed=1)
    steps = [result["step"] for result in results]
    unreadable = sum(bool(result["problems"] or result["orphans"]) for result in results)
    backwards = sum(now["step"] < now["saved"] for now in results) + sum(b < a for a, b in pairwise(steps))
    wrong = sum(not (one["exact"] and one.get("curves", True) and one.get("film", True)) for one in results)
    return [
        Figure(f"{len(results)} kills while saving", f"{count} {what}", f"0 {what}", count == 0)
        for count, what in (
            (unreadable, "runs unreadable"),
            (backwards, "runs that went backwards"),
            (wrong, "runs that differ from an unbroken one"),
        )
    ]
