"""Data, Weights and Evaluate in a real browser: from what is visible to its cause, by clicks, also while training."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.waiting import number_after, open_app, wait_idle, wait_number, wait_until


def chart(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} .glassnet-plot")


def wait_drawn(page: Page, key: str) -> None:
    """Wait until the chart is there and has been drawn."""
    wait_until(page, lambda: bool(chart(page, key).count() and chart(page, key).get_attribute("data-drawn")))


def go(page: Page, name: str) -> None:
    page.locator(".stAppHeader").get_by_role("link", name=name).click()
    wait_idle(page)


def open_trained(page: Page, url: str, name: str, training: bool = False) -> None:
    """Train the network of the sidebar a little, and go to a page; it rests there unless `training`."""
    open_app(page, url)
    page.locator(".st-key-train button").click()
    wait_until(page, lambda: number_after(page.locator(".stSidebar"), "step") > 300)
    go(page, name)
    if not training:
        page.locator(".st-key-pause button").click()
        expect(page.locator(".st-key-train button")).to_be_visible()
        wait_idle(page)


def stop_training(page: Page) -> None:
    page.locator(".st-key-pause button").click()
    expect(page.locator(".st-key-train button")).to_be_visible()


def click_cell(page: Page, key: str, column: int, row: int, columns: int, rows: int) -> None:
    """Click the middle of a cell of a chart that is a grid."""
    wait_drawn(page, key)
    chart(page, key).scroll_into_view_if_needed()
    box = chart(page, key).locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + (column + 0.5) / columns * box["width"], box["y"] + (row + 0.5) / rows * box["height"])


def matrix(page: Page) -> list[list[int]]:
    """The counts as the browser draws them, [true][read as]."""
    texts = chart(page, "evaluate-matrix").evaluate("node => node._fullData[1].text.map(Number)")
    return [texts[10 * row : 10 * row + 10] for row in range(10)]


@pytest.mark.slow
def test_from_a_cell_of_the_matrix_to_its_images_to_one_of_them_on_the_canvas(app, page):
    open_trained(page, app.url, "Evaluate")
    wait_drawn(page, "evaluate-matrix")
    expect(page.get_by_text("(the most common confusion)")).to_be_visible()
    counts = matrix(page)
    assert sum(map(sum, counts)) == 5_000
    worst = cell_line(page).inner_text().split(" (")[0]
    n, true, read_as = max(
        (counts[i][j], i, j) for i in range(10) for j in range(10) if i != j and f"{i} read as {j}" != worst
    )
    click_cell(page, "evaluate-matrix", read_as, true, 10, 10)
    expect(cell_line(page)).to_contain_text(f"{true} read as {read_as}")
    expect(cell_line(page)).to_contain_text(f": {n} of {sum(counts[true])} validation images")
    expect(chart(page, "evaluate-detail")).to_contain_text(f"labelled {true}")
    expect(chart(page, "evaluate-probabilities")).to_contain_text(f"Read as {read_as} with")
    wait_idle(page)
    shown = wait_number(chart(page, "evaluate-detail"), "image")
    numbers = chart(page, "evaluate-images").evaluate("node => node.data[0].z[0]")
    column = next(at for at, number in enumerate(numbers) if number != shown)
    click_cell(page, "evaluate-images", column, 0, *grid(page, "evaluate-images"))
    expect(chart(page, "evaluate-detail")).to_contain_text(f"Validation image {numbers[column]:,}, labelled {true}")
    title = chart(page, "evaluate-detail").locator(".gtitle").text_content()
    assert title
    page.locator(".st-key-evaluate-canvas button").click()
    page.wait_for_url("**/draw*")
    expect(page.get_by_text(title)).to_be_visible()


def cell_line(page: Page) -> Locator:
    """What the chosen cell is."""
    return page.locator(".stMain [data-testid=stMarkdown]").filter(has_text="validation images")


def unit_line(page: Page) -> Locator:
    """What the chosen unit is."""
    return page.locator(".stMain [data-testid=stMarkdown]").filter(has_text="bias")


def grid(page: Page, key: str) -> tuple[int, int]:
    """Columns and rows of a wall."""
    columns, rows = chart(page, key).evaluate("node => [node.data[0].z[0].length, node.data[0].z.length]")
    return columns, rows


@pytest.mark.slow
def test_a_chosen_cell_stays_chosen_while_training_and_over_a_page_switch(app, page):
    open_trained(page, app.url, "Evaluate", training=True)
    click_cell(page, "evaluate-matrix", 4, 9, 10, 10)
    expect(cell_line(page)).to_contain_text("9 read as 4")
    node = chart(page, "evaluate-matrix")
    node.evaluate("node => { node.sameAsEver = true }")
    step = number_after(node, "at step")
    wait_number(node, "at step", lambda now: now > step)
    assert sum(map(sum, matrix(page))) == 5_000
    assert node.evaluate("node => node.sameAsEver")
    expect(cell_line(page)).to_contain_text("9 read as 4")
    go(page, "Data")
    go(page, "Evaluate")
    expect(cell_line(page)).to_contain_text("9 read as 4")
    stop_training(page)


@pytest.mark.slow
def test_a_click_on_a_filter_enlarges_its_unit_which_stays_while_it_learns(app, page):
    open_trained(page, app.url, "Weights", training=True)
    wait_drawn(page, "weights-wall")
    columns, rows = grid(page, "weights-wall")
    click_cell(page, "weights-wall", 2, 1, columns, rows)
    expect(unit_line(page)).to_contain_text(f"Unit {columns + 2}:")
    wall = chart(page, "weights-wall")
    step = number_after(wall, "at step")
    wait_number(wall, "at step", lambda now: now > step)
    expect(unit_line(page)).to_contain_text(f"Unit {columns + 2}:")
    box = chart(page, "weights-filter").locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 14.5 / 28 * box["width"], box["y"] + 14.5 / 28 * box["height"])
    expect(chart(page, "weights-filter").locator(".hoverlayer")).to_contain_text("row 14, column 14")
    stop_training(page)


@pytest.mark.slow
def test_an_image_of_the_data_page_is_enlarged_and_goes_to_the_canvas(app, page):
    open_app(page, app.url)
    go(page, "Data")
    click_cell(page, "data-wall", 3, 2, 14, 7)
    expect(chart(page, "data-detail")).to_contain_text("Training image 31, labelled")
    click_cell(page, "data-means", 7, 0, 10, 1)
    expect(page.get_by_text("Training images, digit 7")).to_be_visible()
    page.locator(".st-key-data-canvas button").click()
    page.wait_for_url("**/draw*")
    expect(page.get_by_role("img", name="28 × 28, centred")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


@pytest.mark.slow
def test_nothing_is_wider_than_a_phone(app, open_page):
    page = open_page(viewport={"width": 390, "height": 844})
    open_app(page, app.url)
    page.locator(".st-key-empty-train button:visible").click()
    expect(page.locator(".st-key-bar-pause button:visible")).to_be_visible()
    for name, key in (("Data", "data-means"), ("Weights", "weights-images"), ("Evaluate", "evaluate-probabilities")):
        page.locator(".stMain").get_by_role("link", name=name).click()
        wait_drawn(page, key)
        assert page.locator(".stMain").evaluate("node => node.scrollWidth <= node.clientWidth"), name
    page.locator(".st-key-bar-pause button:visible").click()
    expect(page.locator(".st-key-bar-train button:visible")).to_be_visible()
