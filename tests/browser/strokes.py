"""Digits as strokes of a pen, and a hand that draws them with the mouse on the canvas of the Draw page."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Locator, Page

from tests.browser.waiting import wait_until

Point = tuple[float, float]
Stroke = Sequence[Point]

# Points that the pen passes on a canvas of 280 x 280, in the order of writing; between them it moves in smooth curves,
# except where a point is given twice: there is a corner.
DIGITS: dict[int, list[Stroke]] = {
    0: [[(150, 48), (95, 75), (78, 145), (98, 215), (145, 234), (190, 205), (203, 135), (185, 72), (145, 48)]],
    1: [[(152, 48), (146, 110), (138, 170), (132, 234)]],
    2: [
        [
            (86, 98),
            (102, 62),
            (146, 48),
            (188, 72),
            (184, 118),
            (140, 172),
            (84, 228),
            (84, 228),
            (140, 222),
            (204, 226),
        ]
    ],
    3: [
        [
            *((88, 68), (130, 48), (182, 66), (178, 108), (132, 132), (132, 132)),
            *((182, 148), (196, 192), (160, 228), (112, 230), (80, 208)),
        ]
    ],
    4: [[(102, 54), (94, 100), (84, 146), (84, 146), (130, 148), (202, 142)], [(176, 62), (170, 150), (164, 234)]],
    5: [
        [(106, 58), (102, 95), (98, 128), (98, 128), (150, 116), (192, 146), (188, 202), (146, 230), (86, 216)],
        [(106, 58), (150, 58), (198, 54)],
    ],
    6: [
        [
            (172, 46),
            (126, 88),
            (96, 150),
            (96, 200),
            (130, 232),
            (174, 222),
            (188, 184),
            (160, 156),
            (122, 164),
            (98, 190),
        ]
    ],
    7: [[(80, 66), (140, 64), (200, 62), (200, 62), (168, 130), (140, 190), (126, 236)]],
    8: [
        [
            *((186, 72), (146, 48), (104, 66), (106, 104), (146, 134), (188, 172), (186, 216), (142, 236)),
            *((98, 214), (100, 172), (146, 134), (184, 102), (186, 72)),
        ]
    ],
    9: [
        [
            (188, 84),
            (150, 52),
            (106, 72),
            (100, 116),
            (138, 140),
            (180, 118),
            (190, 82),
            (188, 84),
            (186, 150),
            (172, 236),
        ]
    ],
}


def smooth(points: Stroke, steps: int = 6) -> list[Point]:
    """Points on a Catmull-Rom curve through `points`, `steps` to each piece."""
    ends = [points[0], *points, points[-1]]
    path = [points[0]]
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        if b == c:
            continue
        a, d = (b if a == b else a), (c if c == d else d)
        for step in range(1, steps + 1):
            t = step / steps
            path.append((_between(a[0], b[0], c[0], d[0], t), _between(a[1], b[1], c[1], d[1], t)))
    return path


def _between(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + t * ((c - a) / 2 + t * (a - 2.5 * b + 2 * c - d / 2 + t * (1.5 * (b - c) + (d - a) / 2)))


def canvas(page: Page) -> Locator:
    """What the mouse draws on."""
    return page.locator(".st-key-canvas canvas.upper-canvas")


def draw(page: Page, *strokes: Stroke) -> None:
    """Draw strokes with the mouse, each through the given points in straight lines."""
    box = canvas(page).bounding_box()
    assert box is not None, "there is no canvas"
    for points in strokes:
        page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
        page.mouse.down()
        for x, y in points[1:]:
            page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.up()


def draw_digit(page: Page, digit: int) -> None:
    """Write a digit as a hand does."""
    draw(page, *map(smooth, DIGITS[digit]))


def verdict(page: Page) -> str:
    """The big digit and its two sentences as shown now, "" where there are none."""
    return " ".join(" ".join(page.locator(".verdict").all_inner_texts()).split())


def read_digit(page: Page) -> int:
    """The big digit, once the page shows one."""
    return int(wait_until(page, lambda: verdict(page), lambda text: text[:1].isdigit())[0])


def frame(page: Page, label: str) -> str:
    """One picture of the film as a data URI; it changes with the drawing."""
    return page.locator(f'.film img[alt="{label}"]').get_attribute("src") or ""


def clear(page: Page) -> None:
    """Press Clear and wait for the blank canvas."""
    page.get_by_role("button", name="Clear").click()
    wait_until(page, lambda: verdict(page), lambda text: text.startswith("?"))
