"""Twenty visitors on a server where two runs train at once: no error, and the memory comes back when they have left.

A first visitor warms the server up: what it then holds (the data, the libraries, a run) is what it may hold after all
have left, but for 60 MB.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import ROOT
from tests.browser.conftest import _free_port, _is_healthy

from .figures import Figure
from .visitor import Visitor

ALLOWED_MB = 60
ALLOWED_SOON_MB = 120  # after 15 s of rest: Streamlit keeps closed sessions for two minutes
PAGES = ("", "draw", "data", "weights", "inside", "evaluate", "runs", "race", "search")


@contextmanager
def server(folder: str) -> Iterator[tuple[int, int, Path]]:
    """A server of one person on two places: its port, its process id and its log."""
    port, log = _free_port(), Path(folder, "server.log")
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.headless", "true"]
    environment = {**os.environ, "GLASSNET_RUNS": f"{folder}/runs", "GLASSNET_LEASE_SECONDS": "5"}
    environment.pop("OPENBLAS_NUM_THREADS", None)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--server.port", str(port)], cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 120
        while not _is_healthy(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)
        yield port, process.pid, log
        if process.poll() is not None:
            raise RuntimeError(f"the server has ended with {process.returncode}: {log.read_text()[-2000:]}")
    finally:
        process.kill()
        process.wait()


def megabytes(pid: int) -> float:
    """Resident memory of a process, as Linux tells it."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def settled(pid: int, seconds: float) -> float:
    """The least memory that the server takes within so long a time of rest, in megabytes."""
    least, until = megabytes(pid), time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(1)
        least = min(least, megabytes(pid))
    return least


def look_at_all(visitor: Visitor) -> None:
    """Each page once."""
    for page in PAGES:
        visitor.load(page)
        visitor.wait()


def visit(visitor: Visitor, rng: random.Random) -> None:
    """One thing that a visitor does."""
    what = rng.choice(("train", "pause", "step", "dice", "page", "page", "look"))
    if what == "page":
        visitor.load(rng.choice(PAGES))
    elif what != "look":
        visitor.press(what)


def attack(full: bool) -> list[Figure]:
    n, seconds, rest, allowed = (20, 300.0, 240.0, ALLOWED_MB) if full else (3, 5.0, 15.0, ALLOWED_SOON_MB)
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, server(folder) as (port, pid, log):
        first = Visitor(port)
        look_at_all(first)
        first.press("train")
        first.wait()
        time.sleep(3)
        look_at_all(first)  # with a run
        time.sleep(5)
        first.leave()
        before = settled(pid, 15)
        visitors = [Visitor(port) for _ in range(n)]
        for visitor in visitors:
            visitor.load()
        for visitor in visitors:
            visitor.wait()
            visitor.press("train")
        until, highest = time.monotonic() + seconds, 0.0
        while time.monotonic() < until:
            visit(rng.choice(visitors), rng)
            time.sleep(0.2)
            highest = max(highest, megabytes(pid))
        errors = [error for visitor in (first, *visitors) for error in visitor.errors]
        drawn = sum(visitor.ends for visitor in visitors)
        for visitor in visitors:
            visitor.leave()
        after = settled(pid, rest)
        tracebacks = log.read_text(errors="replace").count("Traceback (most recent call last)")
    for error in dict.fromkeys(errors):
        print(error, file=sys.stderr)
    who = f"{n} visitors on 2 places for {seconds:.0f} s"
    return [
        Figure(
            who, f"{len(errors) + tracebacks} errors in {drawn:,} drawings", "0 errors", not errors and not tracebacks
        ),
        Figure(
            f"{who}, then {rest:.0f} s of rest",
            f"{before:.0f} MB before, at most {highest:.0f}, {after:.0f} after",
            f"at most {allowed} MB more than before",
            after - before <= allowed,
        ),
    ]
