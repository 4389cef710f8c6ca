"""The network as a picture in a real browser: one canvas that moves while it learns; keys find a unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_until

PICTURE = ".glassnet-network"


@pytest.mark.slow
def test_it_moves_while_the_network_learns_on_the_same_canvas_and_keys_open_a_unit(
    open_page: Callable[..., Page], app: Server
) -> None:
    page = open_page(viewport={"width": 1366, "height": 768})
    open_app(page, f"{app.url}/?hidden=12,6")
    page.locator(".st-key-empty-train button:visible").click()
    expect(page.locator(".st-key-pause")).to_be_visible()
    page.locator(".st-key-train-under").get_by_text("network", exact=True).click()
    picture = page.locator(PICTURE)
    wait_until(page, lambda: page.locator(f"{PICTURE}[data-drawn]").count())
    page.evaluate(f"document.querySelector('{PICTURE} canvas').dataset.mine = 'yes'")
    said = picture.get_attribute("aria-label")
    assert said and "Read as" in said
    wait_until(page, lambda: picture.get_attribute("aria-label"), lambda now: now != said)  # it goes on
    assert page.locator(f"{PICTURE} canvas[data-mine]").count() == 1
    picture.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    tip = picture.locator(".tip")
    expect(tip).to_contain_text("Unit 0: activation")
    expect(tip).to_contain_text("weight × activation, from\nunit ")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Marked: unit 0")).to_be_visible()
    assert page.url.split("?")[0].endswith("/inside")
