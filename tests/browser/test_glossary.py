"""The glossary in a real browser: every formula is drawn, and words and pages lead to one another."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_idle, wait_until
from ui.texts import glossary

FORMULAS = sum(bool(term.formula) for term in glossary().values())


@pytest.mark.slow
def test_a_word_on_a_page_leads_to_its_term_and_every_formula_of_the_glossary_is_drawn(page: Page, app: Server) -> None:
    open_app(page, f"{app.url}/evaluate")
    page.get_by_role("button", name="What am I looking at?").click()
    word = page.get_by_test_id("stPopoverBody").get_by_role("link", name="test set")
    address = word.evaluate("link => link.href")
    expect(page.get_by_text("See why an image is read so")).to_be_visible()
    page.get_by_text("See why an image is read so").click()
    expect(page.locator(".stAppHeader nav a[aria-current]")).to_contain_text("Inside")
    open_app(page, address)
    assert page.url.split("?")[0] == f"{app.url}/glossary"
    first = page.locator("[class*=st-key-term-]").first
    expect(first).to_contain_text("Test set")
    wait_until(page, lambda: page.locator(".stMain .katex").count() >= FORMULAS)
    assert page.locator(".katex-error").count() == 0
    page.get_by_role("textbox", name="Search the glossary").fill("softmax")
    page.keyboard.press("Enter")
    expect(first).to_contain_text("It turns the ten logits")
    wait_idle(page)
