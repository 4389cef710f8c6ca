"""How long the Runs page takes to be drawn with many runs in the folder.

`python -m benchmarks.runs_page` trains 200 real, small networks into a temporary folder, starts the real server on it
and measures in a real Chromium: from the click on Runs, and from a load of the page, to the last row of the list.
Needs playwright and Chromium (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from nn_core import RunConfig, load_mnist
from nn_core.runs import RunRegistry
from nn_core.store import RunStore

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def train_runs(folder: Path, n: int) -> None:
    """Train n small networks of different settings, an epoch each, and keep them in `folder`."""
    data, rates = load_mnist(), (0.03, 0.1, 0.3, 1.0)
    registry = RunRegistry(RunStore(folder))
    for seed in range(n):
        config = RunConfig(hidden=(4 + seed % 5,), lr=rates[seed % 4], seed=seed, n_train=200, batch_size=20, epochs=1)
        run = registry.create(config, data)
        run.play().wait(30)
        while run.snapshot.is_training:
            time.sleep(0.002)
    registry.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The dashboard on this folder of runs; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", f"--server.port={port}"]
    server = subprocess.Popen(
        [*command, "--server.headless=true"],
        cwd=ROOT,
        env={**os.environ, "GLASSNET_RUNS": str(folder)},
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health")
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def until_drawn(page: Page, n: int, started: float) -> float:
    """Seconds since `started`, once the list has n rows."""
    page.wait_for_function(f"() => document.querySelectorAll('.glassnet-runs tbody tr').length >= {n}")
    return time.perf_counter() - started


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        started = time.perf_counter()
        train_runs(folder, options.runs)
        print(f"{options.runs} runs trained and kept in {time.perf_counter() - started:.0f} s", flush=True)
        clicks, loads = [], []
        with served(folder) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for round_number in range(options.rounds):
                page = browser.new_page(viewport={"width": 1366, "height": 768})
                page.goto(url)
                page.locator(".st-key-train button").wait_for()
                page.wait_for_timeout(2000)
                started = time.perf_counter()
                page.locator(".stAppHeader").get_by_role("link", name="Runs").click()
                clicks.append(until_drawn(page, options.runs, started))
                page.wait_for_timeout(1000)
                started = time.perf_counter()
                page.reload()
                loads.append(until_drawn(page, options.runs, started))
                print(f"round {round_number + 1}: {clicks[-1]:.2f} s, {loads[-1]:.2f} s", flush=True)
                page.close()
            browser.close()
    print(f"{options.runs} runs in the folder, medians of {options.rounds} rounds:")
    print(f"from the click on Runs to the last row: {statistics.median(clicks):.2f} s (first: {clicks[0]:.2f} s)")
    print(f"from a load of the page to the last row: {statistics.median(loads):.2f} s")


if __name__ == "__main__":
    main()
