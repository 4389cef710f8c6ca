"""How long a stroke on the Draw page takes to be read, and whether clearly drawn digits are read rightly.

`python -m benchmarks.draw_latency` starts a server and a headless Chromium, trains the quick preset, draws 20 strokes
and prints the time from mouse-up to the new text of the reading, as the page's own clock has it; then it writes 0 to 9.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS, VIEWPORT, Server, find_chromium
from tests.browser.strokes import canvas, clear, draw, draw_digit, read_digit, verdict
from tests.browser.waiting import open_app, wait_idle, wait_number, wait_until

N_STEPS = 20 * 430  # of the quick preset: 20 epochs of 55,000 images in batches of 128
N_STROKES = 20
STROKES_A_SHEET = 4
CLOCK = """() => {
    window.times = [];
    let up = 0, shown = '';
    addEventListener('mouseup', () => { up = performance.now(); }, true);
    new MutationObserver(() => {
        const text = document.querySelector('.verdict')?.innerText ?? '';
        if (text === shown) return;
        shown = text;
        if (up) window.times.push(performance.now() - up);
        up = 0;
    }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server("dashboard.py", Path(folder) / "log.txt", {})
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
    """Train, draw and print."""
    open_app(page, f"{url}/?epochs=20")  # the quick preset
    page.get_by_role("link", name="Draw", exact=True).first.click()
    canvas(page).wait_for()
    wait_idle(page)
    page.locator(".st-key-train button").click()
    wait_number(page.locator(".stMain"), "step", lambda n: n >= N_STEPS, timeout=60)
    wait_idle(page)
    times = stroke_times(page)
    print(
        f"mouse-up to the new reading, {len(times)} strokes: median {statistics.median(times):.0f} ms, "
        f"from {min(times):.0f} to {max(times):.0f} ms"
    )
    right = 0
    for digit in range(10):
        draw_digit(page, digit)
        page.wait_for_timeout(600)
        wait_idle(page)
        right += read_digit(page) == digit
        print(f"{digit}: {verdict(page)[2:]}")
        clear(page)
        wait_idle(page)
    print(f"{right} of 10 clearly drawn digits read rightly")


def stroke_times(page: Page) -> list[float]:
    """Milliseconds from mouse-up to new text, for each of 20 strokes; after every fourth the canvas is cleared."""
    page.evaluate(CLOCK)
    times: list[float] = []
    while len(times) < N_STROKES:
        at = len(times)
        x = 60 + 40 * (at % STROKES_A_SHEET)
        draw(page, [(x, 40 + at), (x + 20, 120), (x - 20 + 3 * at, 230 - at)])
        wait_until(page, lambda: page.evaluate("window.times.length"), timeout=5)
        times += page.evaluate("window.times.splice(0)")
        page.wait_for_timeout(300)
        if len(times) % STROKES_A_SHEET == 0:
            clear(page)
            page.wait_for_timeout(400)
            page.evaluate("window.times.splice(0)")
    return times


if __name__ == "__main__":
    main()
