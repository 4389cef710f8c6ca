"""How long the pages take to follow the time machine, for a network of 784-128-10.

`python -m benchmarks.scrubbing` starts a server and a headless Chromium, trains for some seconds, and then presses the
arrow keys on the scrubber 20 times on each page, at rest and while the run trains. It prints the time from the key to
the changed picture, as the page's own clock has it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS, VIEWPORT, Server, find_chromium
from tests.browser.waiting import open_app, wait_idle, wait_number, wait_until

N_MOVES = 20
N_STEPS = 3_000  # of training beforehand: some sixty frames
PICTURES = {"Train": "filters", "Weights": "weights-wall", "Evaluate": "evaluate-matrix"}
CLOCK = """(key) => {
    window.times = [];
    let pressed = 0, before = '';
    const said = () => document.querySelector(`.st-key-${key} .glassnet-plot`)?._fullLayout?.title?.text;
    if (!window.listens) addEventListener('keydown', () => { window.pressed(); }, true);
    window.listens = true;
    window.pressed = () => { pressed = performance.now(); before = said(); };
    const look = () => {
        if (pressed && said() !== before) { window.times.push(performance.now() - pressed); pressed = 0; }
        requestAnimationFrame(look);
    };
    look();
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server("dashboard.py", Path(folder) / "log.txt", {"GLASSNET_RUNS": f"{folder}/runs"})
        server.start()
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
            page = browser.new_page(viewport=VIEWPORT)  # type: ignore[arg-type]
            page.set_default_timeout(30_000)
            measure(page, server.url)
            browser.close()
        finally:
            server.stop()


def measure(page: Page, url: str) -> None:
    """Train, scrub on each page and print."""
    open_app(page, f"{url}/?hidden=128&epochs=2000")
    page.locator(".st-key-train button").first.click()
    wait_number(page.locator(".stSidebar"), "step", lambda n: n >= N_STEPS, timeout=60)
    for state in ("training", "at rest"):
        if state == "at rest":
            page.locator(".st-key-pause button").first.click()
            page.locator(".st-key-train").first.wait_for()
        for name, key in PICTURES.items():
            page.get_by_role("link", name=name, exact=True).first.click()
            page.locator(f".st-key-{key} .glassnet-plot").wait_for()
            wait_until(page, lambda key=key: "step" in title(page, key))  # type: ignore[misc]
            if state == "at rest":
                wait_idle(page)
            times = moves(page, key)
            load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
            print(
                f"{name}, {state}: key to the changed picture, {len(times)} times: "
                f"median {statistics.median(times):.0f} ms, from {min(times):.0f} to {max(times):.0f} ms; {load}"
            )


def title(page: Page, key: str) -> str:
    return str(page.evaluate(f"document.querySelector('.st-key-{key} .glassnet-plot')?._fullLayout?.title?.text ?? ''"))


def moves(page: Page, key: str) -> list[float]:
    """Milliseconds from each key press to the new picture; frames back to the tenth before the newest and on again."""
    slider = page.locator(".st-key-scrubber [role=slider]")
    slider.press("ArrowLeft")
    page.wait_for_timeout(1500)
    page.evaluate(CLOCK, key)
    times: list[float] = []
    for at in range(N_MOVES):
        slider.press("ArrowLeft" if at < N_MOVES // 2 else "ArrowRight")
        wait_until(page, lambda: page.evaluate("window.times.length"), timeout=5)
        times += page.evaluate("window.times.splice(0)")
        page.wait_for_timeout(250)
    slider.press("End")
    page.wait_for_timeout(500)
    return times


if __name__ == "__main__":
    main()
