"""Every control can be clicked where it is seen: nothing lies over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_train import press, sidebar_number
from tests.browser.waiting import open_app, wait_idle, wait_until

COVERED = Path(__file__).with_name("controls.js").read_text(encoding="utf-8")
SIZES = {"a laptop": (1366, 768), "a tablet": (768, 1024), "a phone": (390, 844)}
SMALL = "?hidden=16-8&n_train=1000&batch_size=50"  # 20 steps an epoch


def covered(page: Page, at_least: int, within: str = "body") -> list[str]:
    """A sentence for each control inside `within` that lies under something else; that many are there to be looked at."""
    wait_until(page, lambda: page.locator("[data-testid=stSkeleton]").count() == 0)
    found = page.evaluate(COVERED, within)
    assert found["n"] >= at_least, f"only {found['n']} controls"
    return [str(sentence) for sentence in found["covered"]]


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    wait_idle(page)


def test_at_the_middle_of_every_control_of_the_first_page_and_of_a_panel_nothing_lies_over_it(page, app):
    open_app(page, app.url)
    assert covered(page, 60) == []
    press(page, "panel-regularization")
    expect(page.locator("[data-testid=stPopoverBody] .stSlider").first).to_be_visible()
    assert covered(page, 8, "[data-testid=stPopoverBody]") == []


@pytest.mark.slow
def test_nothing_lies_over_a_control_on_any_page_and_size_while_one_looks_back(page, app):
    open_app(page, f"{app.url}/{SMALL}")
    press(page, "epoch")
    wait_until(page, lambda: sidebar_number(page, "step") == 20)
    page.locator(".st-key-scrubber [role=slider]").press("Home")
    expect(page.locator(".st-key-looking-back")).to_contain_text("looking back")
    paths = page.locator(".stAppHeader a[href]").evaluate_all("links => links.map((link) => new URL(link.href).pathname)")
    assert len(paths) >= 9
    found: dict[str, list[str]] = {}
    for path in paths:
        page.locator(f'.stAppHeader a[href*="{path}"]').last.click() if path != "/" else None
        for name, size in SIZES.items():
            resize(page, size)
            found[f"{path} on {name}"] = covered(page, 10)
        resize(page, SIZES["a laptop"])
    assert {place: sentences for place, sentences in found.items() if sentences} == {}


@pytest.mark.slow
@pytest.mark.parametrize("size", list(SIZES.values())[1:], ids=list(SIZES)[1:])
def test_nothing_lies_over_a_control_of_the_sidebar_where_it_has_to_be_unfolded(open_page, app, size):
    page = open_page(viewport={"width": size[0], "height": size[1]})
    open_app(page, app.url)
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(page.locator("[data-testid=stSidebar][data-collapsed=false]")).to_be_visible()
    assert covered(page, 40, "[data-testid=stSidebar]") == []
