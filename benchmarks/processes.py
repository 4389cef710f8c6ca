"""Programs that run one at a time: each in a process of its own, which waits while another one works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PYTHONPATH = [str(ROOT)]  # of the programs
PAUSE = 0.1  # seconds between two turns: threads of the one before may spin on for a while, waiting for work
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class MissingPackage(Exception):
    """A program's interpreter lacks a package; the text is one sentence."""


class Program:
    """One of benchmarks/programs, started with its settings and ready; `facts` is what it said about itself.

    With `threads`, all its libraries are told to use so many; without, nothing is said to them. Raises MissingPackage.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], python: str = sys.executable, threads: int = 0) -> None:
        env = {key: value for key, value in os.environ.items() if key not in THREAD_VARIABLES}
        env |= dict.fromkeys(THREAD_VARIABLES, str(threads)) if threads else {}
        env["PYTHONPATH"] = os.pathsep.join(PYTHONPATH)
        command = [python, "-m", f"benchmarks.programs.{name}", json.dumps(settings)]
        self.name = name
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.facts = self._answer()
        if "missing" in self.facts:
            self.close()
            raise MissingPackage(f"{self.facts['missing']} is not installed for {python}, so its column stays empty")

    def ask(self, command: str) -> dict[str, Any]:
        """Send a line and wait for the answer."""
        assert self._process.stdin is not None
        time.sleep(PAUSE)
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise RuntimeError(f"the program {self.name} ended with code {code}; its own words stand above")
        values: dict[str, Any] = json.loads(line)
        return values
