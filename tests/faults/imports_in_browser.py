"""Files that strangers made, brought in on the Runs page by a Chromium: a sentence for each, and the page goes on."""

from __future__ import annotations

import operator
import random
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from nn_core.store.run_store import RunStore
from tests import ROOT
from tests.browser.conftest import CHROMIUM_FLAGS, Server, find_chromium
from tests.browser.waiting import open_app, wait_until

from .figures import Figure
from .forging import forged, zipped

SENTENCE = 60_000  # milliseconds that one may take on a busy machine


def in_the_browser(folder: Path, files: dict[str, bytes], weights: bytes, n: int) -> list[Figure]:
    """So many spoilt files uploaded one after the other on one page."""
    runs = folder / "in the browser"
    server = Server(ROOT / "dashboard.py", folder / "server.log", {"GLASSNET_RUNS": str(runs)})
    server.start(timeout=90)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            open_app(page, f"{server.url}/runs")
            told = [brought_in(page, *forged(files, weights, random.Random(seed))) for seed in range(n - 1)]
            told.append(brought_in(page, zipped(files), "good.zip"))
            browser.close()
        alive = server.process is not None and server.process.poll() is None
    finally:
        server.stop()
    silent, broken = told.count(""), sum("Traceback" in one for one in told)
    n_runs, unreadable = len(RunStore(runs).runs()), RunStore(runs).unreadable()
    n_imported = sum("Imported as run" in one for one in told)
    what = f"{n} fuzzed imports through a browser ({n_imported} became runs)"
    return [
        Figure(what, f"{silent} without a sentence, {broken} tracebacks", "0, 0", not silent and not broken),
        Figure(
            f"{what}: afterwards",
            f"{n_runs} runs and {len(unreadable)} unreadable, the server {'runs' if alive else 'is down'}",
            f"{n_imported} runs, 0 unreadable, the server runs",
            alive and n_runs == n_imported and not unreadable,
        ),
    ]


def brought_in(page: Page, content: bytes, name: str) -> str:
    """Upload a file; what the page says of it: "" where it says nothing."""
    chooser = page.locator("[data-testid=stFileUploaderDropzoneInput]")
    with suppress(Exception):
        notice = page.locator("[data-testid=stAlert]").filter(has_text="mported")
        dismiss = page.get_by_role("button", name="Dismiss")
        while n_notices := dismiss.count():
            dismiss.first.click()
            wait_until(page, dismiss.count, partial(operator.gt, n_notices))
        if not chooser.count():
            page.get_by_role("button", name="Import").click()
        expect(chooser).to_have_count(1, timeout=SENTENCE)
        chooser.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})
        deadline = time.monotonic() + SENTENCE / 1000
        while time.monotonic() < deadline:
            if page.locator("[data-testid=stException]").count():
                return f"Traceback {page.locator('[data-testid=stException]').first.inner_text()}"
            if notice.count():
                return "\n".join(notice.all_inner_texts())
            page.wait_for_timeout(50)
    return ""
