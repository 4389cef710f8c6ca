"""The vital signs in a real browser: live, in the first window, and explained for as long as a figure is pointed at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_until

CELL = ".glassnet-vital td[tabindex]"


@pytest.mark.slow
def test_a_figure_that_is_tapped_stays_explained_while_the_strip_goes_on(
    open_page: Callable[..., Page], app: Server
) -> None:
    page = open_page(viewport={"width": 1366, "height": 768})
    open_app(page, f"{app.url}/?hidden=32,16")
    page.locator(".st-key-empty-train button:visible").click()
    expect(page.locator(".st-key-pause")).to_be_visible()
    page.get_by_text("vital signs", exact=True).click()
    cell = page.locator(CELL).first
    expect(cell).to_be_visible()
    page.evaluate(f"document.querySelector('{CELL}').focus()")
    tip = cell.locator(".tip")
    said = tip.inner_text()
    wait_until(page, tip.inner_text, lambda now: now != said)
    expect(tip).to_be_visible()
    assert "Gradient" in tip.inner_text() and "step" in tip.inner_text()
    box = page.locator(".glassnet-vital").bounding_box()
    curve = page.locator(".st-key-vital-curve").bounding_box()
    assert box and curve and max(each["y"] + each["height"] for each in (box, curve)) <= 768
