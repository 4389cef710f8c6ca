"""The time machine in a real browser: looking back, playing, branching, and what outlives a server that is killed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server
from tests.browser.test_train import CHART, curve_points, pause, press, sidebar_number, wait_training
from tests.browser.waiting import open_app, wait_idle, wait_number, wait_until

SMALL = "?hidden=16&n_train=5000&batch_size=50"  # 100 steps an epoch
WALL = ".st-key-filters .glassnet-plot"


def slider(page: Page, key: str = "scrubber") -> Locator:
    return page.locator(f".st-key-{key} [role=slider]")


def picture(page: Page) -> str:
    """The wall of filters as it is drawn."""
    return str(page.evaluate(f"""document.querySelector("{WALL}")?._fullLayout?.images?.[0]?.source ?? ''"""))


def title(page: Page, selector: str) -> str:
    return str(page.evaluate(f"""document.querySelector("{selector}")?._fullLayout?.title?.text ?? ''"""))


def cursor(page: Page) -> float | None:
    """Where on the curves the step that is looked at is marked."""
    return page.evaluate(
        f"""document.querySelector("{CHART}")?.layout?.shapes?.find((one) => one.name === "looked at")?.x0 ?? null"""
    )


def trained(page: Page, app: Server) -> float:
    """Open the app and train a small network for two epochs; returns its step."""
    open_app(page, f"{app.url}/{SMALL}")
    press(page, "epoch")
    wait_until(page, lambda: sidebar_number(page, "step") == 100)
    press(page, "epoch")
    wait_until(page, lambda: sidebar_number(page, "step") == 200)
    expect(page.locator(".st-key-train")).to_be_visible()
    wait_idle(page)
    return 200


@pytest.mark.slow
def test_all_pages_show_the_network_as_it_was_and_say_so_and_a_branch_goes_on_from_there(page, app):
    trained(page, app)
    now = wait_until(page, lambda: picture(page))
    page.evaluate(f"""document.querySelector("{CHART}").sameAsEver = true""")
    slider(page).press("Home")
    wait_until(page, lambda: title(page, WALL), lambda text: "W1 at step 0" in text)
    assert picture(page) != now
    assert cursor(page) == 0
    assert page.evaluate(f"""document.querySelector("{CHART}").sameAsEver""")
    expect(page.locator(".st-key-looking-back")).to_contain_text("step 0 · looking back")
    expect(page.locator(".stSidebar")).to_contain_text("step 0 of 200 · looking back")
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile("step 0 of 200"))
    assert "step=0" in page.url

    page.get_by_role("link", name="Evaluate").first.click()
    matrix = ".st-key-evaluate-matrix .glassnet-plot"
    wait_until(page, lambda: title(page, matrix), lambda text: "at step 0" in text)
    slider(page).press("End")
    wait_until(page, lambda: title(page, matrix), lambda text: "at step 200" in text)
    assert "step=" not in page.url

    slider(page).press("Home")
    for _ in range(5):
        slider(page).press("ArrowRight")
    wait_until(page, lambda: title(page, matrix), lambda text: "at step 5," in text)
    page.get_by_role("link", name="Draw").first.click()
    press(page, "sketch-show")
    expect(page.get_by_text("at step 5, looking back")).to_be_visible()

    parent = re.search(r"run=(\w+)", page.url)
    page.locator(".st-key-scrubber .branch").click()
    expect(page.locator(".st-key-parent")).to_contain_text("at step 5")
    expect(page.locator(".st-key-looking-back")).to_have_count(0)
    assert parent and f"run={parent[1]}" not in page.url
    assert sidebar_number(page, "step") == 5
    press(page, "step")
    wait_until(page, lambda: sidebar_number(page, "step") == 6)
    press(page, "parent")
    wait_until(page, lambda: f"run={parent[1]}" in page.url and "step=5" in page.url)
    expect(page.locator(".st-key-looking-back")).to_contain_text("step 5")


@pytest.mark.slow
def test_while_the_run_trains_one_looks_back_undisturbed_and_the_film_plays_to_its_end(page, app):
    open_app(page, f"{app.url}/?hidden=16")
    press(page, "train")
    step = wait_training(page, 200)
    slider(page).press("Home")
    wait_until(page, lambda: title(page, WALL), lambda text: "at step 0" in text)
    then, read = picture(page), lambda: number_of(page)
    step = wait_until(page, read, lambda now: now > step)
    wait_until(page, read, lambda now: now > step)
    assert picture(page) == then
    pause(page)
    expect(page.locator(".st-key-looking-back")).to_contain_text("step 0")
    seen: set[str] = set()
    slider(page).press(" ")

    def at_the_end() -> bool:
        seen.add(title(page, WALL))
        return page.locator(".st-key-looking-back").count() == 0

    wait_until(page, at_the_end)
    assert len(seen) > 8
    assert picture(page) != then


def number_of(page: Page) -> float:
    """The newest step of the run, while the page looks back."""
    found = re.search(
        r"of ([\d,]+)(?:, scored at [\d,]+)? · looking back", " ".join(page.locator(".stSidebar").all_inner_texts())
    )
    return float(found[1].replace(",", "")) if found else 0


@pytest.mark.slow
def test_a_killed_server_started_again_shows_the_run_with_its_curves_at_the_same_address(page, server, problems):
    own = server("dashboard.py")
    trained(page, own)
    points = wait_until(page, lambda: curve_points(page))
    page.get_by_role("link", name="Weights").first.click()
    slider(page).press("Home")
    expect(page.locator(".st-key-looking-back")).to_contain_text("step 0")
    address = page.url
    assert "/weights?" in address and "step=0" in address
    own.kill()
    own.start()
    problems.clear()
    page.goto(address)
    expect(page.get_by_text("brought back from disk at step 200; Train goes on from there")).to_be_visible()
    wait_until(page, lambda: title(page, ".st-key-weights-wall .glassnet-plot"), lambda text: "W1 at step 0" in text)
    page.get_by_role("link", name="Train").first.click()
    wait_until(page, lambda: curve_points(page), lambda n: n == points)
    slider(page).press("End")
    press(page, "step")
    wait_until(page, lambda: sidebar_number(page, "step") == 201)
    own.kill()
    own.start()
    wait_idle(page, 30)
    slider(page).press("Home")  # on the page that stayed open, which the server may not have drawn yet
    expect(page.locator(".st-key-looking-back")).to_contain_text("step 0")
    expect(page.get_by_text("brought back from disk at step 201")).to_be_visible()
    problems.clear()
    own.stop()


@pytest.mark.slow
def test_two_tabs_on_one_run_both_see_it_and_both_commands_are_carried_out_in_order(open_page, app):
    one, two = open_page(), open_page()
    open_app(one, f"{app.url}/{SMALL}")
    press(one, "step")
    wait_until(one, lambda: sidebar_number(one, "step") == 1)
    open_app(two, one.url)
    assert wait_number(two.locator(".stSidebar"), "step") == 1
    press(two, "epoch")
    wait_until(two, lambda: sidebar_number(two, "step") == 100)
    press(one, "step")
    wait_until(one, lambda: sidebar_number(one, "step") == 101)
    slider(one).press("Home")
    expect(one.locator(".st-key-looking-back")).to_contain_text("step 0")
    expect(two.locator(".st-key-looking-back")).to_have_count(0)


@pytest.mark.slow
def test_on_a_phone_the_scrubber_is_in_the_page_and_is_dragged_by_a_finger(open_page: Callable[..., Any], app):
    wide = open_page()
    trained(wide, app)
    phone = open_page(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark")
    open_app(phone, wide.url)
    track = slider(phone, "bar-scrubber")
    expect(track).to_be_visible()
    box = track.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    track.tap(position={"x": 1, "y": box["height"] / 2})
    expect(phone.locator(".st-key-looking-back")).to_contain_text("step 0")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
