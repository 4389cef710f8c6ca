"""The app by keyboard and for screen readers: what axe-core finds on every page, skip links, keys and spoken names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.test_layout import PAGES, in_sight, trained  # noqa: F401  (a fixture)
from tests.browser.test_train import press, sidebar_number
from tests.browser.waiting import open_app, wait_idle, wait_until

HARMFUL = {"serious", "critical"}


def findings(page: Page) -> list[str]:
    """A line for each thing that axe-core calls serious or critical."""
    wait_until(page, lambda: page.locator("[data-testid=stSkeleton]").count() == 0)
    wait_idle(page)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]}" for each in found if each["impact"] in HARMFUL for node in each["nodes"]
    ]


def address(app: Server, page_name: str, query: str = "") -> str:
    return f"{app.url}/{'' if page_name == 'Train' else page_name.lower()}?{query}"


@pytest.mark.slow
def test_evaluate_has_no_serious_finding_and_its_matrix_is_walked_with_arrow_keys(
    page: Page,
    app: Server,
    trained: str,  # noqa: F811
):
    open_app(page, address(app, "Evaluate", trained))
    matrix = page.locator(".st-key-evaluate-matrix .glassnet-plot")
    expect(matrix).to_have_attribute("role", "application")
    assert findings(page) == []
    matrix.focus()
    for key in ("Home", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator(".st-key-evaluate-matrix .said")).to_contain_text("images of 2 read as 1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 read as 1").first).to_be_visible()


@pytest.mark.slow
def test_keys_train_step_and_list_themselves_but_not_while_one_types(page: Page, app: Server):
    open_app(page, f"{app.url}/?hidden=8&n_train=500&batch_size=50&epochs=100000")
    page.locator(".skip-link").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.href") and in_sight(page, "a:focus") == ["Train"]
    slider = page.locator("input[aria-label='Learning rate']")
    expect(slider).to_have_attribute("aria-valuetext", "0.1")
    assert page.locator("[aria-label*='**']").count() == 0
    page.keyboard.press("s")
    wait_until(page, lambda: sidebar_number(page, "step") == 1)
    page.keyboard.press("t")
    expect(page.locator(".st-key-pause")).to_be_visible()
    expect(page.locator(".st-key-train")).to_have_count(0)
    page.keyboard.press("t")
    expect(page.locator(".stSidebar .st-key-train")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("train or pause")
    page.keyboard.press("Escape")
    page.keyboard.press("8")
    page.locator(".glassnet-runs .search").click()
    step = sidebar_number(page, "step")
    page.keyboard.type("s9")
    expect(page.locator(".glassnet-runs .search")).to_have_value("s9")
    assert page.url.split("?")[0].endswith("/runs") and sidebar_number(page, "step") == step


@pytest.mark.slow
def test_the_tools_of_the_header_stay_in_sight_while_one_looks_back(page: Page, app: Server):
    open_app(page, f"{app.url}/?hidden=8&n_train=500&batch_size=50")
    press(page, "step")
    wait_until(page, lambda: sidebar_number(page, "step") == 1)
    page.locator(".st-key-scrubber [role=slider]").press("Home")
    expect(page.locator(".st-key-looking-back")).to_contain_text("looking back")
    for width in (1366, 1920):
        page.set_viewport_size({"width": width, "height": 768})
        wait_until(page, lambda: len(in_sight(page, ".st-key-header-tools > *:has(.stBidiComponent)")) >= 3)


@pytest.mark.slow
@pytest.mark.time_limit(900)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_finding(
    open_page: Callable[..., Page],
    app: Server,
    trained: str,  # noqa: F811
    scheme: str,
):
    page = open_page(color_scheme=scheme)
    table: dict[str, list[str]] = {}
    for query in ("", trained):
        for name in PAGES:
            open_app(page, address(app, name, query))
            table[f"{name}, {scheme}, {'trained' if query else 'empty'}"] = findings(page)
    for place, found in table.items():
        print(f"{place}: {len(found)} serious findings")
    assert not {place: found for place, found in table.items() if found}
