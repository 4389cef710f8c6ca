"""A convolutional network in a real browser: it learns live, curves and kernels move, and it reads a sketch."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.strokes import canvas, draw_digit, read_digit
from tests.browser.test_train import curve_points, press, validation_accuracy
from tests.browser.waiting import open_app, wait_idle, wait_until

SETTINGS = "?model=cnn&channels=4-8&n_train=2000&batch_size=50&epochs=300"


def kernels(page: Page) -> str | None:
    """The picture of the first layer's kernels, as it is drawn."""
    image = page.locator(".st-key-filters .glassnet-plot image").first
    return image.get_attribute("href") if image.count() else None


@pytest.mark.slow
def test_a_convolutional_network_learns_live_and_reads_a_sketch(page: Page, app: Server) -> None:
    open_app(page, f"{app.url}/{SETTINGS}")
    expect(page.locator(".st-key-set-channels-1")).to_contain_text("Block 2 channels")
    press(page, "train")
    seen: set[str | None] = set()

    def moved() -> tuple[int, int]:
        seen.add(kernels(page))
        return len(seen - {None}), curve_points(page)

    wait_until(page, moved, lambda now: now[0] >= 3 and now[1] >= 3, timeout=40)
    wait_until(page, lambda: validation_accuracy(page), lambda share: share > 0.85, timeout=60)
    press(page, "pause")
    expect(page.locator(".st-key-train")).to_be_visible()
    page.locator(".stAppHeader").get_by_role("link", name="Draw").click()
    page.wait_for_url(re.compile("/draw"))
    canvas(page).wait_for()
    wait_idle(page)
    draw_digit(page, 0)
    wait_until(page, lambda: read_digit(page), lambda digit: digit == 0)
    page.get_by_role("button", name="Look inside").click()
    page.wait_for_url(re.compile("/inside"))
    expect(page.locator(".st-key-inside-image .glassnet-plot")).to_contain_text("Read as 0")
    expect(page.locator(".st-key-inside-wall .glassnet-plot")).to_contain_text("Block 1: 4 maps of 12 x 12")
    expect(page.get_by_text("sees rows")).to_be_visible()
    the_frame_follows_the_pointer(page)


def the_frame_follows_the_pointer(page: Page) -> None:
    """Over a place of the enlarged map, the frame on the image lies around what it sees; the words are not cut off."""
    plot = page.locator(".st-key-inside-map .glassnet-plot")
    frame = page.locator(".st-key-inside-image .glassnet-plot .shapelayer path").first
    wait_idle(page)
    before, place = frame.get_attribute("d"), plot.bounding_box()
    assert place is not None and before
    for step in (0, 4):  # the first place of the first row
        page.mouse.move(place["x"] + 8 + step, place["y"] + 44)
    wait_until(page, lambda: frame.get_attribute("d"), lambda now: now != before)
    words = plot.locator(".hoverlayer .hovertext").bounding_box()
    assert words is not None and place["x"] <= words["x"] and words["y"] >= place["y"]
    assert words["x"] + words["width"] <= place["x"] + place["width"]
    page.mouse.move(5, 5)
    wait_until(page, lambda: frame.get_attribute("d"), lambda now: now == before)
