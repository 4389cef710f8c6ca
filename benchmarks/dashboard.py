"""What watching costs: training speed with one page open and drawing, against the same training without a page.

`python -m benchmarks.dashboard` starts the real server and a real Chromium, at the lowest priority so that the browser
itself does not count, and takes both measurements in turns. It also prints the server's resident memory, the time from
the click on Train to 85 % and how long a change of the learning rate takes to reach the run. Needs playwright and
Chromium (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
BATCH = 128
SETTINGS = f"hidden=128&batch_size={BATCH}&epochs=5000"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def headless_rate(epochs: int) -> float:
    """Images a second of `python -m nn_core train`, as it reports them."""
    command = [sys.executable, "-m", "nn_core", "train", "--hidden", "128", "--batch-size", str(BATCH)]
    command += ["--epochs", str(epochs), "--json", "--quiet"]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    out = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    return float(json.loads(out.splitlines()[-1])["samples_per_second"])


def steps_shown(page: Page) -> int:
    """The step in the sidebar's status."""
    text = page.locator(".stSidebar").inner_text()
    found = re.search(r"step ([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


def watched_rate(page: Page, seconds: float) -> float:
    """Images a second of the run that the page draws, from two of its own readings."""

    def next_reading() -> tuple[int, float]:
        before = steps_shown(page)
        while (now := steps_shown(page)) == before:
            page.wait_for_timeout(5)
        return now, time.perf_counter()

    page.wait_for_timeout(2000)
    first, started = next_reading()
    page.wait_for_timeout(1000 * seconds)
    last, ended = next_reading()
    return (last - first) * BATCH / (ended - started)


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def first_curve_seconds(page: Page, url: str) -> float:
    """From the click on Train to a validation accuracy above 85 % in the status, at the default settings."""
    page.goto(url)
    page.locator(".st-key-train button").wait_for()
    page.wait_for_timeout(2000)
    started = time.perf_counter()
    page.locator(".st-key-train button").click()
    while True:
        found = re.search(r"([\d.]+) ?% validation", page.locator(".stSidebar").inner_text())
        if found and float(found[1]) > 85 and page.locator(".st-key-curve-accuracy .js-plotly-plot").count():
            return time.perf_counter() - started
        page.wait_for_timeout(20)


def learning_rate_seconds(page: Page) -> float:
    """From a key press on the learning-rate slider to the edit's mark on the live curve."""
    value = page.locator(".st-key-set-lr").inner_text()
    chart = "document.querySelector('.st-key-curve-accuracy .js-plotly-plot')"
    edits = f"() => {chart}?.data?.find(trace => trace.yaxis === 'y2')?.text?.length ?? 0"
    before = page.evaluate(edits)
    started = time.perf_counter()
    page.locator(".st-key-set-lr input").first.press("ArrowRight")
    while page.evaluate(edits) == before:
        page.wait_for_timeout(10)
    assert page.locator(".st-key-set-lr").inner_text() != value
    return time.perf_counter() - started


def main() -> None:
    """Print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "dashboard.py", f"--server.port={port}", "--server.headless=true"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    watched: list[float] = []
    alone: list[float] = []
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health")
                break
            except OSError:
                time.sleep(0.2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            found = subprocess.run(["pgrep", "-f", "chromium"], check=False, capture_output=True, text=True).stdout
            for process in found.split():
                subprocess.run(["renice", "-n", "19", "-p", process], check=False, capture_output=True)
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            print(f"from the click on Train to 85 %: {first_curve_seconds(page, url):.2f} s")
            changes = []
            for _ in range(5):
                changes.append(learning_rate_seconds(page))
                page.wait_for_timeout(700)
            print(f"from a key on the slider to the mark on the curve: median {statistics.median(changes):.2f} s")
            page.locator(".st-key-pause button").click()
            page.wait_for_timeout(1500)
            page.goto(f"{url}/?{SETTINGS}")
            page.locator(".st-key-train button").wait_for()
            page.wait_for_timeout(2000)
            for round_number in range(options.rounds):
                page.locator(".st-key-train button").click()
                watched.append(watched_rate(page, options.seconds))
                page.locator(".st-key-pause button").click()
                page.wait_for_timeout(1500)
                alone.append(headless_rate(epochs=max(1, round(options.seconds * watched[0] / 55_000))))
                print(
                    f"round {round_number + 1}: watched {watched[-1]:,.0f}, alone {alone[-1]:,.0f} images/s", flush=True
                )
            memory = resident_mb(server.pid)
            browser.close()
    finally:
        server.terminate()
    ratio = statistics.median(watched) / statistics.median(alone)
    print(f"784-128-10, batch {BATCH}, {options.rounds} rounds in turns of {options.seconds:g} s:")
    print(
        f"watched / alone = {ratio:.2f} (medians {statistics.median(watched):,.0f} and {statistics.median(alone):,.0f})"
    )
    print(f"resident memory of the server: {memory:.0f} MB")


if __name__ == "__main__":
    main()
