"""The Search page in a real browser: started, watched, and its best trial opened in the playground."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_idle, wait_until


@pytest.mark.slow
def test_a_search_is_started_watched_and_its_best_trial_opened(
    server: Callable[..., Server], page: Page, tmp_path: Path
):
    url = server("dashboard.py", GLASSNET_RUNS=str(tmp_path)).url
    open_app(page, f"{url}/search?n_train=500&hidden=8")
    trials = page.get_by_label("Trials", exact=True).first
    trials.fill("4")
    trials.press("Enter")
    page.get_by_role("button", name="Search: 4 trials").click()
    expect(page.get_by_text("of 4 trials").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text(re.compile(r"4 of 4 trials"))).to_be_visible(timeout=60_000)
    assert "search=search-1" in page.url
    page.reload()
    wait_idle(page)
    expect(page.get_by_text(re.compile(r"best: trial \d"))).to_be_visible()
    page.get_by_role("button", name="Open as a run").click()
    wait_until(page, lambda: re.search(r"[?&]run=[0-9a-f]{8}", page.url))
    expect(page.get_by_text(re.compile(r"epoch 2\.0")).first).to_be_visible()
