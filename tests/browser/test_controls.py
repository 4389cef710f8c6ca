"""Every control can be clicked where it is seen: nothing lies over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_train import press, sidebar_number
from tests.browser.waiting import open_app, wait_idle, wait_until

COVERED = Path(__file__).with_name("controls.js").read_text(encoding="utf-8")
BOXES = """() => [...document.querySelectorAll('button, .glassnet-plot, canvas')].map((node) => {
    const box = node.getBoundingClientRect();
    return [box.x, box.y, box.width, box.height].map(Math.round).join();
}).join(' ')"""
SIZES = {"a phone": (390, 844), "a tablet": (768, 1024), "a laptop": (1366, 768)}
SMALL = "?hidden=16-8&n_train=1000&batch_size=50"  # 20 steps an epoch


def covered(page: Page, at_least: int, within: str = "body") -> list[str]:
    """A sentence for each control inside `within` that lies under something else; `at_least` so many are there."""
    wait_until(page, lambda: page.locator("[data-testid=stSkeleton]").count() == 0)
    found = page.evaluate(COVERED, within)
    assert found["n"] >= at_least, f"only {found['n']} controls"
    return [str(sentence) for sentence in found["covered"]]


def resize(page: Page, size: tuple[int, int]) -> None:
    """Give the window another size and wait until nothing moves any more: Streamlit folds and unfolds the sidebar."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    folded = "true" if size[0] < 1000 else "false"
    page.wait_for_selector(f"[data-testid=stSidebar][data-collapsed={folded}]", state="attached")
    if folded == "false":
        unfolded(page)
    boxes: list[object] = []

    def rests() -> bool:
        boxes.append(page.evaluate(BOXES))
        return boxes[-1:] == boxes[-2:-1]

    wait_idle(page)
    wait_until(page, rests)


def unfolded(page: Page) -> None:
    """Wait until the sidebar has come all the way in."""
    page.wait_for_function("document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().x === 0")


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
    links = page.locator(".stAppHeader a[href]")
    assert links.count() >= 9
    found: dict[str, list[str]] = {}
    for at in range(links.count()):
        links.nth(at).click()
        for name, size in SIZES.items():
            resize(page, size)
            found[f"{page.url.split('?')[0]} on {name}"] = covered(page, 10)
    assert {place: sentences for place, sentences in found.items() if sentences} == {}


@pytest.mark.slow
@pytest.mark.parametrize("size", list(SIZES.values())[:2], ids=list(SIZES)[:2])
def test_nothing_lies_over_a_control_of_the_sidebar_where_it_has_to_be_unfolded(open_page, app, size):
    page = open_page(viewport={"width": size[0], "height": size[1]})
    open_app(page, app.url)
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(page.locator("[data-testid=stSidebar][data-collapsed=false]")).to_be_visible()
    unfolded(page)
    assert covered(page, 40, "[data-testid=stSidebar]") == []
