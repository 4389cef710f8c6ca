"""Verdicts with a date in a real browser: a press on one, on the curves or in the list, moves the time machine."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_time_machine import slider
from tests.browser.test_train import press, sidebar_number
from tests.browser.waiting import open_app, wait_idle, wait_until

ILL = "?hidden=16&n_train=5000&batch_size=50&init=zeros&eval_every=20"  # copies of one unit; 100 steps an epoch
NEWEST = """Math.max(0, ...(document.querySelector(".st-key-curve-loss .glassnet-plot")?._fullData ?? [])
    .filter((line) => line.mode.startsWith("lines")).map((line) => line.x?.at?.(-1) ?? 0))"""  # step that is drawn


@pytest.mark.slow
def test_a_press_on_a_verdict_shows_the_run_as_it_was_when_it_began(page, app):
    open_app(page, f"{app.url}/{ILL}")
    press(page, "epoch")
    wait_until(page, lambda: sidebar_number(page, "step") == 100)
    expect(page.locator(".st-key-train")).to_be_visible()
    wait_until(page, lambda: page.evaluate(NEWEST), lambda step: step == 100)
    wait_idle(page)

    looking_back = page.locator(".st-key-looking-back")
    mark = page.locator(".st-key-curve-loss .traceevents path.point").first
    mark.wait_for()
    chart = page.locator(".st-key-curve-loss .glassnet-plot")

    def is_pointed_at() -> bool:
        place = mark.bounding_box()
        if place is None:
            return False
        page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        return "on-mark" in (chart.get_attribute("class") or "")

    wait_until(page, is_pointed_at)
    page.mouse.down()
    page.mouse.up()
    expect(looking_back).to_contain_text("looking back")
    assert sidebar_number(page, "step") < 100
    slider(page).press("End")
    expect(looking_back).to_have_count(0)
    wait_idle(page)

    page.locator(".st-key-events button").first.click()
    listed = page.locator(".st-key-event-0 button:visible")
    expect(listed).to_contain_text("symmetric")
    listed.click()
    expect(looking_back).to_contain_text("looking back")
    assert sidebar_number(page, "step") < 100
