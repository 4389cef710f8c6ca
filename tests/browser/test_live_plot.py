"""The live chart in a real browser: updates leave zoom, hover and node alone, and clicks come back to Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.waiting import open_app, wait_idle, wait_number, wait_until
from ui.charts import theme

APP = Path(__file__).parent / "apps" / "live_plots.py"
KEYS = ("curves", "matrix", "wall", "plain")


@pytest.fixture(scope="module")
def plots(server):
    return server(APP)


def chart(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} .glassnet-plot")


def drawn(page: Page, key: str) -> int:
    """How often the chart has been drawn."""
    return int(chart(page, key).get_attribute("data-drawn") or 0)


def open_plots(page: Page, url: str) -> None:
    open_app(page, url)
    wait_until(page, lambda: all(drawn(page, key) for key in KEYS))


def middle(
    page: Page, key: str, layer: str = ".nsewdrag", across: float = 0.5, down: float = 0.5
) -> tuple[float, float]:
    """A place on the plotting area of a chart, in px of the page."""
    box = chart(page, key).locator(layer).first.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def x_range(page: Page) -> list[float]:
    return chart(page, "curves").evaluate("node => node._fullLayout.xaxis.range.map(Number)")


def toolbars_over_plots(page: Page) -> list[str]:
    """Labels of the charts whose toolbar lies over their plotting area."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".glassnet-plot")].filter((box) => {
            const bar = box.querySelector(".modebar")?.getBoundingClientRect();
            return bar && [...box.querySelectorAll(".nsewdrag")].some((plot) => {
                const area = plot.getBoundingClientRect();
                return bar.bottom > area.top && bar.top < area.bottom && bar.right > area.left && bar.left < area.right;
            });
        }).map((box) => box.getAttribute("aria-label"))"""
    )
    return found


@pytest.mark.slow
def test_zoom_and_node_survive_ten_updates_and_no_toolbar_lies_over_the_curves(plots, page):
    open_plots(page, plots.url)
    page.mouse.move(*middle(page, "curves"))
    assert page.locator(".st-key-curves .modebar").count() and not toolbars_over_plots(page)
    chart(page, "curves").evaluate("node => { node.sameAsEver = true }")
    before, n_points = x_range(page), chart(page, "curves").evaluate("node => node._fullData[0]._length")
    page.mouse.move(*middle(page, "curves", across=0.2))
    page.mouse.down()
    page.mouse.move(*middle(page, "curves", across=0.6), steps=5)
    page.mouse.up()
    zoomed = wait_until(page, lambda: x_range(page), lambda shown: shown[1] < 0.9 * before[1])
    count = drawn(page, "curves")
    wait_until(page, lambda: drawn(page, "curves"), lambda now: now >= count + 10)
    assert x_range(page) == zoomed
    assert chart(page, "curves").evaluate("node => node.sameAsEver")
    assert chart(page, "curves").evaluate("node => node._fullData[0]._length") > n_points
    to_everything_and_back(page, zoomed)


def to_everything_and_back(page: Page, zoomed: list[float]) -> None:
    """A double click ends a zoom, the next one shows all that was cut off, and a third goes back."""

    def press_twice() -> None:
        page.mouse.dblclick(*middle(page, "curves"))

    def top() -> float:
        return chart(page, "curves").evaluate("node => node._fullLayout.yaxis.range[1]")

    press_twice()
    follows = wait_until(page, lambda: x_range(page), lambda shown: shown[1] > 1.2 * zoomed[1])
    wait_until(page, lambda: x_range(page), lambda shown: shown[1] > follows[1])
    cut = top()
    expect(chart(page, "curves").locator(".tracebeyond-numbers")).to_have_text("1.2")
    press_twice()
    wait_until(page, top, lambda now: now > max(1.2, cut))
    assert chart(page, "curves").locator(".tracebeyond").count() == 0, "all is shown: there is nothing beyond"
    press_twice()
    wait_until(page, top, lambda now: now <= cut)


@pytest.mark.slow
def test_a_chart_is_never_blank_or_faded_while_it_is_updated(plots, page):
    open_plots(page, plots.url)
    page.evaluate("""() => {
        window.faults = [];
        const look = () => {
            const plot = document.querySelector('.st-key-curves .glassnet-plot');
            const lines = plot ? plot.querySelectorAll('.scatterlayer .trace').length : 0;
            const faded = plot && plot.closest('[data-testid="stElementContainer"]');
            if (lines !== 2) window.faults.push(`${lines} lines`);
            else if (getComputedStyle(faded).opacity !== '1') window.faults.push('faded');
            requestAnimationFrame(look);
        };
        look();
    }""")
    count = drawn(page, "curves")
    wait_until(page, lambda: drawn(page, "curves"), lambda now: now >= count + 4)
    assert page.evaluate("window.faults") == []


def test_clicks_on_cells_tiles_and_curves_come_back_to_python_once(plots, page):
    open_plots(page, plots.url)
    x, y = middle(page, "matrix", across=0.75, down=0.25)  # the middle of column 7, row 2
    page.mouse.click(x, y)
    expect(page.get_by_text("clicked [2, 7] shift False")).to_be_visible()
    page.keyboard.down("Shift")
    page.mouse.click(x, y)
    page.keyboard.up("Shift")
    expect(page.get_by_text("clicked [2, 7] shift True")).to_be_visible()
    rows, columns = chart(page, "wall").evaluate("node => [node.data[0].z.length, node.data[0].z[0].length]")
    page.mouse.click(*middle(page, "wall", across=2.5 / columns, down=1.5 / rows))
    expect(page.get_by_text(f"unit {columns + 2}", exact=True)).to_be_visible()
    expect(page.get_by_text("clicked [2, 7]")).to_have_count(0)
    page.mouse.click(*middle(page, "curves"))
    expect(page.get_by_text("curve validation").or_(page.get_by_text("curve training"))).to_be_visible()


@pytest.mark.slow
def test_hover_shows_the_values_with_split_and_n_and_stays_during_updates(plots, page):
    open_plots(page, plots.url)
    page.mouse.move(*middle(page, "curves"))
    hover = chart(page, "curves").locator(".hoverlayer")
    expect(hover).to_contain_text("validation, n=5,000: 0.")
    expect(hover).to_contain_text("step ")
    count = drawn(page, "curves")
    wait_until(page, lambda: drawn(page, "curves"), lambda now: now >= count + 3)
    expect(hover).to_contain_text("training, n=5,000: 0.")
    page.mouse.move(*middle(page, "matrix", across=0.75, down=0.25))
    expect(chart(page, "matrix").locator(".hoverlayer")).to_contain_text("3 of 450 images of 2 read as 7 (0.7 %)")


@pytest.mark.slow
def test_switching_the_theme_recolours_what_is_there(plots, page):
    open_plots(page, plots.url)
    chart(page, "matrix").evaluate("node => { node.sameAsEver = true }")
    ink = "node => getComputedStyle(node.querySelector('.xtick text')).fill"
    neutral = "node => node._fullData[0].colorscale[10][1]"
    before = chart(page, "matrix").evaluate(ink)
    assert chart(page, "matrix").evaluate(neutral) == theme.LIGHT.background
    page.emulate_media(color_scheme="dark")
    wait_until(page, lambda: chart(page, "matrix").evaluate(ink), lambda now: now != before)
    wait_until(page, lambda: chart(page, "matrix").evaluate(neutral), lambda now: now == theme.DARK.background)
    assert chart(page, "matrix").evaluate("node => node.sameAsEver")


@pytest.mark.slow
def test_a_rerun_that_changes_nothing_draws_nothing(plots, page):
    open_plots(page, plots.url)
    page.mouse.move(5, 5)
    before = drawn(page, "matrix"), drawn(page, "wall")
    for _ in range(3):
        page.get_by_role("button", name="rerun").click()
        wait_idle(page)
    assert (drawn(page, "matrix"), drawn(page, "wall")) == before


@pytest.mark.slow
def test_a_chart_that_leaves_the_page_is_purged_and_may_come_back(plots, page):
    open_plots(page, plots.url)
    wall = page.evaluate_handle("document.querySelector('.st-key-wall .glassnet-plot')")
    page.get_by_text("wall", exact=True).click()
    expect(chart(page, "wall")).to_have_count(0)
    assert wall.evaluate("node => [node.isConnected, node._fullLayout === undefined]") == [False, True]
    page.get_by_text("wall", exact=True).click()
    wait_until(page, lambda: chart(page, "wall").count() and drawn(page, "wall"))


@pytest.mark.slow
def test_charts_follow_the_width_of_the_page(plots, page):
    open_plots(page, plots.url)
    fits = "node => node._fullLayout.width === node.clientWidth && node.clientWidth === node.scrollWidth"
    for width in (390, 1366):
        page.set_viewport_size({"width": width, "height": 844})
        wait_until(page, lambda: [chart(page, key).evaluate(fits) for key in KEYS], all)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_without_the_library_a_sentence_stands_in_the_chart(plots, page):
    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/plotly.min.js*", refuse)
    open_app(page, plots.url)
    expect(chart(page, "curves")).to_contain_text("The chart library could not be loaded from http://")
    page.unroute("**/plotly.min.js*", refuse)
    wait_until(page, lambda: drawn(page, "curves"))  # the next update tries again
    expect(chart(page, "curves")).not_to_contain_text("could not be loaded")


@pytest.mark.slow
def test_charts_load_the_library_once_and_say_in_words_what_they_show(plots, page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "plotly.min.js" in request.url else None)
    open_plots(page, plots.url)
    expect(page.get_by_role("figure", name="Curves of loss: validation 0.")).to_have_count(1)
    expect(page.get_by_role("application", name="Confusion matrix, test, n=4,750")).to_have_count(1)
    expect(page.get_by_role("application", name="32 first-layer filters, colour scale ±0.31")).to_have_count(1)
    wait_number(page, "ticks", lambda n: n >= 3)
    assert len(asked) == 1
