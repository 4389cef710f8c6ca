"""A press on a page's link leads there, also where Streamlit has lost it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Server
from tests.browser.waiting import open_app

# As if the server had drawn the page anew by its own clock just then, and forgotten which page was wanted.
LOSE_THE_FIRST_CLICK = """link => link.addEventListener("click", event => {
    event.preventDefault();
    event.stopPropagation();
}, {once: true})"""


@pytest.mark.slow
def test_a_press_that_was_lost_is_made_again(page: Page, app: Server) -> None:
    open_app(page, app.url)
    page.locator("html[data-watches-links]").wait_for(state="attached")
    link = page.locator(".stAppHeader").get_by_role("link", name="Data")
    link.evaluate(LOSE_THE_FIRST_CLICK)
    link.click()
    page.wait_for_url("**/data*", timeout=10_000)
