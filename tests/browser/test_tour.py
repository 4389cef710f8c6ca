"""The tour of the first visit: beside the real controls, in no one's way, and once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_idle


@pytest.mark.slow
def test_the_first_visit_is_led_by_the_controls_themselves_and_the_next_one_is_not(
    open_page: Callable[..., Page], app: Server
) -> None:
    page = open_page(first_visit=True)
    open_app(page, f"{app.url}/?n_train=1000&epochs=1")
    tour = page.get_by_role("dialog")
    expect(tour).to_contain_text("Press Train")
    page.locator(".st-key-train button:visible").click()  # any control that does it will do, not only the ringed one
    expect(tour).to_contain_text("Change a setting while it learns")
    page.locator(".st-key-set-lr [role=slider], .st-key-set-lr input").first.press("ArrowRight")
    expect(tour).to_contain_text("Go back in time")
    tour.get_by_role("button", name="Next").click()
    expect(tour).to_contain_text("Look at it from all sides")
    run = page.url
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    open_app(page, app.url)
    expect(page.locator(".st-key-empty-train button:visible")).to_be_visible()
    expect(tour).to_have_count(0)
    page.get_by_role("button", name="Tour").click()
    expect(tour).to_contain_text("1 of 4")
    tour.get_by_role("button", name="Skip").click()
    expect(tour).to_have_count(0)

    guest = open_page(first_visit=True)
    open_app(guest, run)
    expect(guest.locator(".st-key-curve-loss .gtitle")).to_be_visible()
    wait_idle(guest)
    expect(guest.get_by_role("dialog")).to_have_count(0)
