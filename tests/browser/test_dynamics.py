"""Dynamics in a real browser: live while a run trains, and a click on its histograms leads the time machine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.test_look_pages import chart, click_cell, go, open_trained, stop_training, wait_drawn
from tests.browser.waiting import wait_idle, wait_until


def drawn(page: Page, key: str) -> int:
    return int(chart(page, key).get_attribute("data-drawn") or 0)


def goes_on(page: Page, key: str) -> None:
    """Wait until a chart has been drawn twice more."""
    before = drawn(page, key)
    wait_until(page, lambda: drawn(page, key), lambda now: now > before + 1)


@pytest.mark.slow
def test_panels_are_live_while_it_trains_open_by_themselves_and_a_column_of_the_histograms_leads_back(
    page: Page, app: Server
) -> None:
    open_trained(page, f"{app.url}/?hidden=16&epochs=5000", "Dynamics", training=True)
    for key in ("dynamics-curve-step_gauge", "dynamics-curve-sharpness", "dynamics-classes"):
        wait_drawn(page, key)
        goes_on(page, key)
    expect(page.locator(".st-key-dynamics-panel-sharpness")).to_contain_text("of it. With mini-batches")
    for name in ("spectrum", "map"):
        page.locator(f".st-key-dynamics-panel-{name} summary").click()
    for key in ("dynamics-spectrum", "dynamics-map", "dynamics-course"):
        wait_drawn(page, key)
    stop_training(page)
    wait_idle(page)
    go(page, "Evaluate")
    go(page, "Dynamics")
    wait_drawn(page, "dynamics-map")  # it was opened, and stays so
    click_cell(page, "dynamics-histograms-plot", 0, 0, 2, 4)
    expect(page.locator(".st-key-looking-back")).to_contain_text("looking back")
