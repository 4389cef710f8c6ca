"""The Draw page in a real browser: strokes are read, kept, undone and cleared, also while the network trains."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from nn_core import load_mnist
from tests.browser import strokes
from tests.browser.strokes import canvas, clear, draw, draw_digit, frame, read_digit, verdict
from tests.browser.waiting import open_app, wait_idle, wait_number, wait_until

PHONE = {"width": 390, "height": 844}
LINES = [[(30 + 24 * at, 60), (30 + 24 * at, 220)] for at in range(10)]  # ten strokes side by side, apart
SCROLLED = "() => Math.max(scrollY, ...[...document.querySelectorAll('section, div')].map((each) => each.scrollTop))"


@pytest.fixture(scope="module")
def drawing_app(server):
    """A server of its own: no other test's runs take its places to train."""
    return server("dashboard.py", GLASSNET_LEASE_SECONDS="1", GLASSNET_MAX_TRAINING="3")


def open_draw(page: Page, url: str, query: str = "") -> None:
    open_app(page, f"{url}/{query}")
    go_to(page, "Draw")
    canvas(page).wait_for()
    wait_idle(page)


def go_to(page: Page, title: str) -> None:
    page.get_by_role("link", name=title, exact=True).first.click()
    page.wait_for_url(re.compile(r"/draw" if title == "Draw" else r"/(\?|$)"))


def train(page: Page, n_steps: int) -> None:
    """Train with the settings of the address, to the last step."""
    page.locator(".st-key-train button").click()
    wait_number(page.locator(".stMain"), "step", lambda n: n >= n_steps, timeout=40)
    wait_idle(page)


def pixels(page: Page, uri: str | None = None) -> np.ndarray:
    """A picture as uint8 (H, W): a frame of the film, or what the canvas itself shows."""
    uri = uri or page.locator(".st-key-canvas canvas.dc-canvas.lower-canvas").evaluate("node => node.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("L"))


def drawn(page: Page) -> np.ndarray:
    """What the server has of the drawing: all digits that it finds in it."""
    film = page.locator('.film img[alt="as drawn"]')
    film.first.wait_for(state="attached")
    return np.maximum.reduce([pixels(page, uri) for uri in film.evaluate_all("nodes => nodes.map((node) => node.src)")])


def wait_agree(page: Page) -> np.ndarray:
    """The drawing, once canvas and server have the same one."""
    wait_until(page, lambda: np.array_equal(pixels(page), drawn(page)))
    return drawn(page)


def wait_picture(page: Page, picture: np.ndarray) -> None:
    """Wait until canvas and server both have this drawing."""
    wait_until(page, lambda: np.array_equal(drawn(page), picture) and np.array_equal(pixels(page), picture))


@pytest.mark.slow
def test_clearly_drawn_digits_are_read_rightly(drawing_app, page):
    open_draw(page, drawing_app.url, "?epochs=20")  # the quick preset
    expect(page.get_by_role("button", name="Train a network")).to_be_visible()
    draw(page, [(60, 60), (220, 220)])  # canvas and film work before there is a network
    assert wait_agree(page)[140, 140] == 255
    train(page, n_steps=20 * 430)
    clear(page)
    read = []
    for digit in range(10):
        draw_digit(page, digit)
        wait_agree(page)
        wait_idle(page)
        read.append(read_digit(page))
        expect(page.locator(".st-key-reading .glassnet-plot")).to_have_attribute(
            "aria-label", re.compile(str(read[-1]))
        )
        clear(page)
    right = sum(digit == at for at, digit in enumerate(read))
    assert right >= 8, f"0 to 9 were read as {read}"


@pytest.mark.slow
def test_the_network_of_the_project_reads_until_one_is_trained_and_can_be_chosen_again(drawing_app, page):
    open_draw(page, drawing_app.url)
    said = page.locator(".stMain").get_by_text("Read by the network that comes with Glassnet")
    expect(said).to_be_visible()
    read = []
    for digit in (1, 4, 7):
        draw_digit(page, digit)
        wait_agree(page)
        wait_idle(page)  # the last stroke has been read too
        read.append(read_digit(page))
        clear(page)
    assert read == [1, 4, 7]
    page.get_by_role("button", name="Train a network").click()
    expect(page.locator(".stMain").get_by_text("Read by the network 784-32-10")).to_be_visible()
    expect(page.get_by_role("button", name="Train a network")).to_have_count(0)
    page.locator(".st-key-reader input").click()
    page.get_by_role("option", name="The network that comes with Glassnet").click()
    wait_idle(page)
    expect(said).to_be_visible()


@pytest.mark.slow
def test_undo_goes_back_stroke_by_stroke_and_clear_can_be_undone(drawing_app, page):
    open_draw(page, drawing_app.url)
    undo, press_clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    expect(undo).to_be_disabled()
    expect(press_clear).to_be_disabled()
    pictures = [wait_agree(page)]
    for line in LINES[:3]:
        draw(page, line)
        wait_until(page, lambda: not np.array_equal(drawn(page), pictures[-1]))
        pictures.append(wait_agree(page))
    press_clear.click()
    wait_until(page, lambda: not drawn(page).any())
    assert not wait_agree(page).any()
    for before in reversed(pictures):
        expect(undo).to_be_enabled()
        undo.click()
        wait_picture(page, before)
        wait_idle(page)
    expect(undo).to_be_disabled()
    expect(page.locator(".st-key-canvas").get_by_role("button", name="Redo")).to_have_count(0)  # no second undo


@pytest.mark.slow
def test_the_drawing_survives_a_page_switch_and_takes_more_strokes(drawing_app, page):
    open_draw(page, drawing_app.url)
    draw(page, LINES[2])
    wait_until(page, lambda: drawn(page).any())
    before = wait_agree(page)
    for _ in range(2):
        go_to(page, "Train")
        expect(canvas(page)).to_have_count(0)
        go_to(page, "Draw")
        canvas(page).wait_for()
        assert np.array_equal(wait_agree(page), before)
    draw(page, LINES[6])
    wait_until(page, lambda: drawn(page)[140, 174] == 255)
    assert wait_agree(page)[140, 78] == 255
    page.get_by_role("button", name="Undo").click()
    wait_picture(page, before)


@pytest.mark.slow
def test_a_blank_a_tiny_and_a_full_canvas_each_get_a_sentence(drawing_app, page):
    open_draw(page, drawing_app.url, "?epochs=1")
    page.locator(".st-key-train button").click()
    expect(page.locator(".verdict")).to_contain_text("Draw one digit, large, in the black field")
    draw(page, [(140, 140), (144, 150)])
    expect(page.get_by_text("A very small sketch")).to_be_visible()
    slider = page.get_by_role("slider", name="Brush")
    slider.focus()
    slider.press("End")
    wait_idle(page)
    across = range(0, 280, 31)
    draw(page, [(x, y) for at, y in enumerate(range(15, 280, 30)) for x in (across if at % 2 else across[::-1])])
    expect(page.get_by_text(re.compile("he whole canvas.* is ink"))).to_be_visible()
    assert verdict(page)[0] in "?0123456789"
    expect(page.locator(".verdict")).not_to_contain_text("Draw one digit")


@pytest.mark.slow
def test_no_stroke_is_lost_while_the_network_trains_and_the_reading_is_live(drawing_app, page):
    open_draw(page, drawing_app.url, "?epochs=500")
    page.locator(".st-key-train button").click()
    main = page.locator(".stMain")
    first = wait_number(main, "step", lambda n: n > 0)
    for line in LINES:
        draw(page, line)
        page.wait_for_timeout(150)
    picture = wait_agree(page)
    assert [int(picture[140, int(line[0][0])]) for line in LINES] == [255] * len(LINES)
    wait_number(main, "step", lambda n: n > first)
    # through two readings: nothing of the canvas is drawn anew
    now = wait_number(main, "step")
    canvas(page).evaluate("node => { node.sameAsEver = true }")
    for _ in range(2):
        now = wait_number(main, "step", now.__lt__)
    assert canvas(page).evaluate("node => node.sameAsEver === true")
    assert np.array_equal(wait_agree(page), picture)


@pytest.mark.slow
def test_a_digit_shown_on_the_canvas_is_the_image_itself_and_can_be_drawn_over(drawing_app, page):
    open_draw(page, drawing_app.url, "?epochs=1")
    page.locator(".st-key-train button").click()
    expect(page.locator(".verdict")).to_be_visible()
    page.get_by_role("button", name="Show me a digit").click()
    note = page.locator(".stMain").get_by_text(re.compile("Validation image"))
    number = int(wait_number(note, "Validation image"))
    wait_until(page, lambda: drawn(page).any())
    image = load_mnist().val_images[number]
    assert np.array_equal(wait_agree(page), np.kron(image, np.ones((10, 10), np.uint8)))
    assert np.abs(pixels(page, frame(page, "28 × 28, centred")).astype(int) - image).mean() < 1
    draw(page, [(20, 200), (260, 200)])
    expect(note).to_have_count(0)
    over = wait_agree(page)
    assert over[200, 60] == 255
    assert np.array_equal(over[:180], np.kron(image, np.ones((10, 10), np.uint8))[:180])


@pytest.mark.slow
def test_drawing_with_a_finger_on_a_phone_does_not_scroll_the_page(drawing_app, open_page: Callable[..., Page]):
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    open_app(page, f"{drawing_app.url}/draw")
    page.keyboard.press("Escape")  # the note on an unknown page, if this was the first visit of a new server
    canvas(page).wait_for()
    wait_idle(page)
    box = canvas(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    scrolled = page.evaluate(SCROLLED)
    finger = page.context.new_cdp_session(page)
    for at in range(12):
        point = {"x": box["x"] + 140, "y": box["y"] + 240 - 16 * at}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove" if at else "touchStart", "touchPoints": [point]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_until(page, lambda: drawn(page)[150, 140] == 255)
    assert page.evaluate(SCROLLED) == scrolled
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.get_by_text(re.compile("Read as|Unsure"))).to_be_in_viewport()


def test_the_drawing_helpers_know_ten_digits():
    assert sorted(strokes.DIGITS) == list(range(10))
