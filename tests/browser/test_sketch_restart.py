"""A sketch outlives the server that it was drawn on: the tab gives it back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.strokes import canvas, draw, frame
from tests.browser.waiting import open_app, wait_idle, wait_until


@pytest.mark.slow
def test_a_sketch_is_still_there_when_the_server_was_started_again(server, page: Page):
    app = server("dashboard.py")
    open_app(page, f"{app.url}/")
    page.get_by_role("link", name="Draw", exact=True).first.click()
    page.wait_for_url(re.compile("/draw"))
    canvas(page).wait_for()
    wait_idle(page)
    draw(page, [(140, 50), (140, 230)])
    undo = page.locator(".st-key-sketch-undo button")
    expect(undo).to_be_enabled(timeout=60_000)
    before = frame(page, "as drawn")
    app.restart()
    wait_until(
        page, lambda: app.log.count("URL:") == 2 and undo.is_enabled() and frame(page, "as drawn") == before, timeout=90
    )
    page.goto(f"{app.url}/draw")  # as F5 does; the page may just be on its way there by itself
    expect(undo).to_be_enabled(timeout=60_000)
    assert frame(page, "as drawn") == before
    page.locator(".st-key-sketch-clea button").click()
    expect(page.get_by_text("Draw one digit")).to_be_visible()
