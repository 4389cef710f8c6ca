"""The page Backprop in a real browser: stepped by keys, numbers multiplied as read, a homework on paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.test_look_pages import open_trained
from tests.browser.waiting import wait_idle, wait_until

PLACE = r"stage (\d+) of (\d+)"
ROWS = """() => [...document.querySelectorAll(".stMain .stTable tbody tr")].map((row) =>
    [...row.children].map((cell) => cell.innerText.trim()))"""
PRODUCT = re.compile(r"\(?(−?[\d.e+−]+)\)? × \(?(−?[\d.e+−]+)\)? = (−?[\d.e+−]+)")


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def stage(page: Page) -> int:
    found = re.search(PLACE, page.locator(".stMain").inner_text())
    return int(found[1]) if found else 0


def reaches(page: Page, at: int) -> None:
    """Wait until the page stands at a stage."""
    wait_until(page, lambda: stage(page) == at)


@pytest.mark.slow
def test_a_step_is_walked_by_keyboard_its_numbers_multiply_out_and_a_homework_comes_out_on_paper(
    page: Page, app: Server
) -> None:
    open_trained(page, f"{app.url}/?hidden=8&epochs=5000", "Backprop")
    reaches(page, 1)
    for key, at in (("f", 2), ("f", 3), ("b", 2)):
        page.keyboard.press(key)
        reaches(page, at)
    picture = page.locator(".glassnet-network")
    wait_until(page, lambda: "stage 2 of" in (picture.get_attribute("aria-label") or ""))
    picture.focus()
    for key in ("ArrowDown", "ArrowDown", "e"):
        page.keyboard.press(key)
    expect(picture.locator(".tip")).to_contain_text("to unit 1\nweight × activation: ")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Chosen:")).to_contain_text(re.compile(r"dense1\.W \[\d+, 1\]"))
    page.keyboard.press("f")
    reaches(page, 3)
    page.keyboard.press("b")
    reaches(page, 2)
    wait_idle(page)
    lines = [PRODUCT.fullmatch(text.strip()) for text in page.locator(".stMain .stCode").all_inner_texts()]
    products = [line.groups() for line in lines if line is not None]
    assert len(products) >= 2
    for first, second, result in products:
        assert f"{number(first) * number(second):.7g}" == f"{number(result):.7g}"
    shares = [row[-3:] for row in page.evaluate(ROWS) if len(row) >= 3 and row[-2].strip()[-1:].isdigit()]
    assert len(shares) >= 10
    for first, second, result in shares:
        assert number(first) * number(second) == pytest.approx(number(result), rel=1e-7)
    page.get_by_text("Start from weights I give").first.click()
    expect(page.locator(".stMain")).to_contain_text("2-2-2, loss")
    with page.expect_download() as caught:
        page.locator(".st-key-backprop-solution button").click()
    sheet = Path(caught.value.path()).read_text(encoding="utf-8")
    assert "One training step of 2-2-2" in sheet and "New weights" in sheet
