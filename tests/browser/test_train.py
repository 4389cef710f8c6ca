"""The main job in a real browser: train, watch, change, come back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.waiting import number_after, open_app, wait_idle, wait_number, wait_until

CHART = ".st-key-curve-accuracy .js-plotly-plot"


def press(page: Page, key: str) -> None:
    """Press the button of this widget key."""
    page.locator(f".st-key-{key} button").first.click()


def sidebar_number(page: Page, label: str) -> float:
    """The number after a label in the sidebar's status."""
    return number_after(page.locator(".stSidebar"), label)


def wait_training(page: Page, beyond: float = 0) -> float:
    """Wait until the status shows a step beyond the given one; returns it."""
    return wait_number(page.locator(".stSidebar"), "step", lambda step: step > beyond)


def validation_accuracy(page: Page) -> float:
    """The accuracy in the status, as a share; 0 where there is none."""
    text = " ".join(page.locator(".stSidebar").all_inner_texts())
    found = re.search(r"([\d.]+) % validation", text)
    return float(found[1]) / 100 if found else 0.0


def curve_points(page: Page) -> int:
    """How many points the validation accuracy curve has in the browser."""
    return int(
        page.evaluate(
            f"""() => {{
                const chart = document.querySelector("{CHART}");
                const lengths = (chart?._fullData ?? []).map((trace) => trace.x?.length ?? 0);
                return Math.max(0, ...lengths);
            }}"""
        )
    )


def start_training(page: Page, app: Server, query: str = "") -> None:
    """Open the app and press Train."""
    open_app(page, f"{app.url}/{query}")
    press(page, "train")
    expect(page.locator(".st-key-pause")).to_be_visible()  # on a busy machine


def pause(page: Page) -> None:
    """Pause, so that no run goes on into the next test."""
    if page.locator(".st-key-pause").count():
        press(page, "pause")
        expect(page.locator(".st-key-train")).to_be_visible()


def test_a_click_on_train_soon_gives_a_drawn_curve_and_an_accuracy_above_85_percent(page: Page, app: Server) -> None:
    open_app(page, app.url)
    clicked = time.monotonic()
    press(page, "train")
    wait_until(page, lambda: (validation_accuracy(page), curve_points(page)), lambda now: now[0] > 0.85 and now[1] > 1)
    print(f"from the click to a curve and 85 %: {time.monotonic() - clicked:.1f} s")
    pause(page)


@pytest.mark.slow  # a killed server and its address show more of the same
def test_reloading_the_page_finds_the_same_run_further_on(page: Page, app: Server) -> None:
    start_training(page, app)
    step = wait_training(page)
    run = re.search(r"run=(\w+)", page.url)
    assert run is not None
    page.reload()
    wait_idle(page)
    assert f"run={run[1]}" in page.url
    assert wait_training(page, step) > step
    expect(page.locator(".st-key-pause")).to_be_visible()
    pause(page)


@pytest.mark.slow  # the time machine's test goes over all pages too
def test_switching_pages_does_not_stop_the_run(page: Page, app: Server) -> None:
    start_training(page, app)
    step = wait_training(page)
    page.get_by_role("link", name="Data").first.click()
    wait_until(page, lambda: "/data" in page.url)
    step = wait_training(page, step)
    assert "run=" in page.url
    page.get_by_role("link", name="Train").first.click()
    wait_training(page, step)
    pause(page)


@pytest.mark.slow
def test_zoom_on_the_live_chart_survives_ten_updates(page: Page, app: Server) -> None:
    start_training(page, app)
    wait_until(page, lambda: curve_points(page) > 3)
    page.evaluate(f"""() => window.Plotly.relayout(document.querySelector("{CHART}"), {{"xaxis.range": [100, 300]}})""")
    page.evaluate(f"""() => {{
        window.updates = 0;
        document.querySelector("{CHART}").on("plotly_react", () => {{ window.updates += 1; }});
    }}""")
    seen: set[float] = set()

    def updates() -> int:
        seen.add(sidebar_number(page, "step"))
        return len(seen)

    wait_until(page, updates, lambda n: n > 10)
    shown = page.evaluate(f"""() => document.querySelector("{CHART}").layout.xaxis.range.map(Number)""")
    assert shown == [100, 300]
    pause(page)


def test_a_change_of_the_learning_rate_reaches_the_running_network(page: Page, app: Server) -> None:
    start_training(page, app)
    wait_training(page)
    thumb = page.locator(".st-key-set-lr [role=slider], .st-key-set-lr input").first
    thumb.focus()
    moved = time.monotonic()
    thumb.press("ArrowRight")
    expect(page.locator(".st-key-set-lr")).to_contain_text("0.15")

    def marks() -> str:
        return str(page.evaluate(f"""() => JSON.stringify(document.querySelector("{CHART}")?.data)"""))

    wait_until(page, lambda: "0.15" in marks())
    print(f"learning rate moved and marked on the curve after {time.monotonic() - moved:.2f} s")
    assert "lr=0.15" in page.url
    pause(page)


@pytest.mark.slow
def test_two_tabs_on_one_run_both_see_it_and_both_command_it(open_page: Callable[..., Page], app: Server) -> None:
    one, two = open_page(), open_page()
    start_training(one, app)
    step = wait_training(one)
    open_app(two, one.url)
    wait_training(two, step)
    pause(two)
    expect(one.locator(".st-key-train")).to_be_visible()
    assert wait_number(two.locator(".stSidebar"), "step") == wait_number(one.locator(".stSidebar"), "step")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?lr=-1", "lr must be in [1e-05, 10], got -1"),
        pytest.param("?hidden=99999", "hidden must be in [1, 2048], got 99999", marks=pytest.mark.slow),
        pytest.param("?optimizer=adm", "did you mean 'adam'", marks=pytest.mark.slow),
        pytest.param("?nonsense=3", "unknown settings: nonsense", marks=pytest.mark.slow),
        pytest.param("?run=feedface&lr=0.3", "not on this server any more", marks=pytest.mark.slow),
        pytest.param("?dataset=/etc/passwd", "not a path", marks=pytest.mark.slow),
    ],
)
def test_an_address_that_makes_no_sense_is_answered_with_a_sentence(
    page: Page, app: Server, query: str, sentence: str
) -> None:
    open_app(page, f"{app.url}/{query}")
    expect(page.get_by_text(sentence).first).to_be_visible()
    expect(page.locator(".st-key-train")).to_be_visible()


@pytest.mark.slow
def test_a_copied_link_opens_the_same_settings(open_page: Callable[..., Page], app: Server) -> None:
    page = open_page()
    open_app(page, f"{app.url}/?hidden=64-16&lr=0.25&init=uniform&l2=0.001&batch_size=0")
    for key, text in (
        ("set-lr", "0.25"),
        ("set-hidden-1", "16"),
        ("set-batch_size", "full batch"),
        ("set-l2", "0.001"),
    ):
        expect(page.locator(f".st-key-{key}")).to_contain_text(text)
    for part in ("hidden=64-16", "lr=0.25", "init=uniform", "l2=0.001", "batch_size=0"):
        assert part in page.url


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        pytest.param("?lr=10&l2=1&activation=sigmoid", "diverged", marks=pytest.mark.slow),
        pytest.param("?init=zeros", "copies of one", marks=pytest.mark.slow),
    ],
)
def test_settings_that_break_training_end_in_a_sentence_and_a_way_on(
    page: Page, app: Server, query: str, sentence: str
) -> None:
    open_app(page, f"{app.url}/{query}")
    press(page, "train")
    expect(page.get_by_text(sentence).first).to_be_visible()
    expect(page.locator(".st-key-fix button")).to_be_visible()
    pause(page)


@pytest.mark.slow
def test_a_server_that_was_killed_and_restarted_shows_the_run_of_the_address_which_goes_on(
    page: Page, server: Callable[..., Any], problems: list[str]
) -> None:
    own = server("dashboard.py")
    start_training(page, own, "?hidden=16")
    wait_training(page)
    pause(page)
    wait_idle(page)
    step, points = sidebar_number(page, "step"), curve_points(page)
    assert points > 1
    press(page, "train")
    wait_training(page, beyond=step)
    own.kill()
    own.restart()
    page.reload()
    wait_until(page, lambda: sidebar_number(page, "step"), lambda now: now >= step)
    wait_until(page, lambda: curve_points(page), lambda now: now >= points)
    expect(page.locator(".st-key-set-hidden-0")).to_contain_text("16")
    back = sidebar_number(page, "step")
    press(page, "train")
    wait_training(page, beyond=back)
    pause(page)
    problems.clear()
    own.stop()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["weights", "evaluate"])
def test_a_page_asked_for_by_its_address_opens_on_a_fresh_server(
    page: Page, server: Callable[..., Any], path: str
) -> None:
    own = server("dashboard.py")
    page.goto(f"{own.url}/{path}?hidden=16")
    expect(page.locator(".st-key-set-hidden-0")).to_contain_text("16")
    wait_idle(page)
    assert f"/{path}?" in page.url
    expect(page.get_by_role("dialog")).to_have_count(0)
    own.stop()


@pytest.mark.slow
def test_reset_keeps_the_seed_and_the_dice_rolls_a_new_one(page: Page, app: Server) -> None:
    start_training(page, app, "?seed=7")
    wait_training(page)
    press(page, "reset")
    wait_until(page, lambda: sidebar_number(page, "step") == 0)
    assert "seed=7" in page.url
    press(page, "dice")
    wait_until(page, lambda: "seed=" in page.url and "seed=7&" not in f"{page.url}&")


@pytest.mark.slow
def test_a_preset_says_what_it_changes_and_moves_no_slider(page: Page, app: Server) -> None:
    open_app(page, app.url)
    press(page, "step")
    wait_until(page, lambda: sidebar_number(page, "step") == 1)

    def heights() -> list[float]:
        boxes = [page.locator(f".st-key-set-{name}").bounding_box() for name in ("lr", "hidden-0", "n_train")]
        return [box["y"] for box in boxes if box]

    before = heights()
    press(page, "preset-classic")
    expect(page.locator(".st-key-new-network-title")).to_contain_text("4 changed")
    wait_idle(page)
    assert heights() == before
    press(page, "undo-draft")
    expect(page.locator(".st-key-undo-draft")).to_have_count(0)


@pytest.mark.slow
def test_a_live_setting_moved_in_one_tab_is_shown_in_the_other(open_page: Callable[..., Page], app: Server) -> None:
    one, two = open_page(), open_page()
    start_training(one, app)
    wait_training(one)
    open_app(two, one.url)
    thumb = two.locator(".st-key-set-lr [role=slider], .st-key-set-lr input").first
    thumb.focus()
    thumb.press("ArrowRight")
    expect(one.locator(".st-key-set-lr")).to_contain_text("0.15")
    wait_until(one, lambda: "lr=0.15" in one.url)
    expect(one.locator(".st-key-undo-draft")).to_have_count(0)
    pause(one)


@pytest.mark.slow
def test_the_button_that_fills_an_empty_page_shows_all_of_its_label(page: Page, app: Server) -> None:
    open_app(page, f"{app.url}/draw")
    label = page.locator(".st-key-empty-train button p").first
    expect(label).to_be_visible()
    assert label.evaluate("(shown) => shown.scrollWidth <= shown.clientWidth")


@pytest.mark.slow
def test_one_step_and_one_epoch_do_what_they_say(page: Page, app: Server) -> None:
    open_app(page, f"{app.url}/?n_train=1000&batch_size=100")
    press(page, "step")
    wait_until(page, lambda: sidebar_number(page, "step") == 1)
    press(page, "epoch")
    wait_until(page, lambda: sidebar_number(page, "step") == 10)
    expect(page.locator(".st-key-train")).to_be_visible()
