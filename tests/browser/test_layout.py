"""One layout from a phone to a projector: what one needs is in sight at every width, and a large screen is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_idle, wait_until

PAGES = ["Train", "Draw", "Data", "Weights", "Inside", "Dynamics", "Evaluate"]
PAGES += ["Runs", "Race", "Search", "Frameworks", "Backprop", "Glossary"]
LARGE = {"width": 1920, "height": 1080}

IN_SIGHT = """(selector) => [...document.querySelectorAll(selector)].filter((node) => {
    const box = node.getBoundingClientRect();
    const middle = [box.x + box.width / 2, box.y + box.height / 2];
    const onTop = node.contains(document.elementFromPoint(...middle));
    return box.width && onTop && node.checkVisibility({opacityProperty: true});
}).map((node) => node.innerText.split("\\n").pop().trim())"""
LINKS = ".stAppHeader nav a, .st-key-page-links a, [data-testid=stSidebarNav] a"


def in_sight(page: Page, selector: str) -> list[str]:
    """The last line of each element of which nothing covers the middle."""
    return list(page.evaluate(IN_SIGHT, selector))


def missing(page: Page) -> list[str]:
    """What one needs and does not see in the window as it is."""
    links = in_sight(page, LINKS)
    accuracy = " ".join(in_sight(page, ".glance b, .stSidebar [data-testid=stMarkdownContainer] p strong:first-child"))
    found = {
        "every page, once": links == PAGES,
        "Train": len(in_sight(page, ".st-key-train button, .st-key-bar-train button")) == 1,
        "the accuracy": "%" in accuracy,
        "nothing beside the window": page.evaluate("document.querySelector('.stMain').scrollWidth <= innerWidth"),
    }
    return [f"{name} (links: {links})" for name, is_there in found.items() if not is_there]


@pytest.fixture(scope="module")
def trained(app: Server, chromium) -> Iterator[str]:
    """The address of a small run that has been trained."""
    context = chromium.new_context()
    context.add_init_script("localStorage.setItem('glassnet-tour', 'seen')")
    page = context.new_page()
    open_app(page, f"{app.url}/?n_train=1000&epochs=1")
    page.locator(".st-key-empty-train button:visible").click()
    expect(page.locator(".stSidebar").get_by_text("finished")).to_be_visible()
    wait_idle(page)
    yield page.url.split("?")[1]
    context.close()


WIDTHS = {"narrow": (360, 390, 683, 768, 1100, 1280, 1366), "wide": (1366, 1920, 1024)}


@pytest.mark.slow
@pytest.mark.parametrize("widths", WIDTHS.values(), ids=WIDTHS)
def test_pages_train_and_the_accuracy_are_in_sight_at_every_width(
    open_page: Callable[..., Page], app: Server, trained: str, widths: tuple[int, ...]
) -> None:
    page = open_page(viewport={"width": widths[0], "height": 800})
    open_app(page, f"{app.url}/?{trained}")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        wait_until(page, lambda: missing(page), lambda absent: not absent, timeout=20)


@pytest.mark.slow
def test_the_presentation_makes_type_large_and_folds_the_settings_which_stay_reachable(
    open_page: Callable[..., Page], app: Server, trained: str
) -> None:
    page = open_page(viewport=LARGE)
    open_app(page, f"{app.url}/?{trained}")
    title = page.locator(".st-key-curve-loss .gtitle")
    expect(title).to_be_visible()

    def height() -> float:
        return float((title.bounding_box() or {"height": 0})["height"])

    before = height()
    page.locator(".st-key-set-seed input").press("p")
    assert not in_sight(page, ".glance b"), "what is typed into a field is no command"
    page.locator(".stMain").press("p")
    wait_until(page, height, lambda now: now > 1.25 * before)
    assert in_sight(page, ".glance b") and not in_sight(page, ".st-key-train button")
    assert float(page.locator(".glance b").evaluate("node => parseFloat(getComputedStyle(node).fontSize)")) > 50
    page.reload()
    wait_until(page, lambda: in_sight(page, ".glance b"))
    page.get_by_test_id("stExpandSidebarButton").click()
    wait_until(page, lambda: in_sight(page, ".st-key-train button"))
    page.get_by_role("button", name="End presentation").click()
    wait_until(page, height, lambda now: now < 1.1 * before)
    assert not in_sight(page, ".glance b")


@pytest.mark.slow
def test_on_a_large_screen_a_stroke_lies_under_the_pen_and_a_click_hits_the_cell(
    open_page: Callable[..., Page], app: Server
) -> None:
    page = open_page(viewport=LARGE)
    open_app(page, f"{app.url}/draw")
    canvas = page.locator(".st-key-canvas")
    expect(canvas.locator("canvas").first).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None and box["width"] >= 400

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*at(0.3, 0.2))
    page.mouse.down()
    for x, y in ((0.5, 0.2), (0.7, 0.2), (0.6, 0.5), (0.5, 0.85)):
        page.mouse.move(*at(x, y), steps=5)
    page.mouse.up()
    expect(page.get_by_text("Read as 7")).to_be_visible()
    page.locator(".stAppHeader").get_by_role("link", name="Evaluate").click()
    grid = page.locator(".st-key-evaluate-matrix .nsewdrag").first
    expect(grid).to_be_visible()
    wait_idle(page)
    cells = grid.bounding_box()
    assert cells is not None
    page.mouse.click(cells["x"] + 4.5 / 10 * cells["width"], cells["y"] + 8.5 / 10 * cells["height"])
    expect(page.get_by_text("8 read as 4")).to_be_visible()


CUT_OFF = """() => {
    const seen = (node) => node.checkVisibility() && node.getBoundingClientRect().width > 2;
    const name = (node) => `${node.textContent.trim().slice(0, 50)} (${node.tagName.toLowerCase()})`;
    const within = (...parts) => document.querySelectorAll(parts.map((part) => `.stMain ${part}`).join());
    const clips = (node) => getComputedStyle(node).overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1;
    const fields = ["button p", "[data-testid=stButtonGroup] *", "[data-tag]", ".react-aria-ComboBox > div > div",
        ".react-aria-ComboBox input", "[data-testid=stCheckbox] *", ".stDataFrame .dvn-scroller"];
    const hidden = [...within(...fields)].filter((node) => seen(node) && clips(node));
    const outside = [...within(".react-aria-ComboBox button")].filter((node) =>
        node.getBoundingClientRect().right > node.closest(".react-aria-ComboBox").getBoundingClientRect().right + 1);
    const beyond = [...within(".glassnet-plot .gtitle")].filter((node) => {
        const chart = node.closest(".glassnet-plot").getBoundingClientRect();
        const title = node.getBoundingClientRect();
        return title.right > chart.right + 1 || title.top < chart.top - 1;
    });
    return [...hidden, ...outside, ...beyond].map(name);
}"""


UNDRAWN = "[data-testid=stSkeleton], .glassnet-plot:not([data-drawn])"
WIDE = """() => [...document.querySelectorAll(".stMain .glassnet-plot")].every((box) =>
    Math.abs(box.getBoundingClientRect().width - box.parentElement.clientWidth) < 3)"""


@pytest.mark.slow
def test_on_a_tablet_and_a_phone_no_button_switch_choice_or_title_is_cut_off(
    open_page: Callable[..., Page], app: Server, trained: str
) -> None:
    page = open_page(viewport={"width": 768, "height": 1024})
    found: dict[str, list[str]] = {}
    for name in PAGES:
        open_app(page, f"{app.url}/{'' if name == 'Train' else name.lower()}?{trained}")
        for width in (768, 390):
            page.set_viewport_size({"width": width, "height": 1024})
            wait_until(page, lambda: page.locator(UNDRAWN).count() == 0)
            wait_idle(page)
            wait_until(page, lambda: page.evaluate(WIDE))
            found[f"{name} at {width}"] = page.evaluate(CUT_OFF)
    assert {place: cut for place, cut in found.items() if cut} == {}
