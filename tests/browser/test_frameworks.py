"""The page of the frameworks in a real browser: a row of PyTorch trained live beside ours, and cancelled."""

from __future__ import annotations

import importlib.util

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_until

FEW = "?n_train=3000&hidden=8"
LINES = """() => (document.querySelector(".st-key-frameworks-accuracy .js-plotly-plot")?._fullData ?? [])
    .filter((trace) => trace.name !== "beyond the axis" && trace.x?.length > 1).length"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_pytorch_trains_live_beside_ours_on_one_chart_and_a_comparison_is_cancelled(page: Page, app: Server) -> None:
    open_app(page, f"{app.url}/frameworks{FEW}")
    for name in ("keras", "sklearn"):
        box = page.locator(f".st-key-frameworks-{name}")
        if box.locator("input").is_checked():
            box.locator("label").click()
    page.locator(".st-key-frameworks-quoted label").click()
    page.locator(".st-key-frameworks-start button").click()
    wait_until(page, lambda: page.evaluate(LINES) == 2, timeout=180)
    expect(page.locator(".st-key-frameworks-anew button")).to_be_visible(timeout=180_000)
    expect(page.locator(".stTable").first).to_contain_text("images a second")
    page.locator(".st-key-frameworks-anew button").click()
    page.locator(".st-key-frameworks-start button").click()
    page.locator(".st-key-frameworks-cancel button").click()
    expect(page.locator(".st-key-frameworks-anew button")).to_be_visible(timeout=60_000)
    expect(page.locator(".stMain")).to_contain_text("was cancelled")
