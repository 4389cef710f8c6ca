"""Digits side by side on one canvas, read one by one from left to right."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from nn_core.sketch import read
from nn_core.sketch.number import digits_apart
from nn_core.sketch.to_mnist import to_mnist

ONE = [(60, 60), (60, 220)]
TWO = [(120, 90), (150, 60), (190, 70), (195, 110), (115, 220), (205, 220)]
FIVE = [[(190, 60), (110, 60)], [(105, 75), (105, 130), (150, 120), (190, 160), (160, 215), (100, 210)]]


def canvas(*strokes: list[tuple[int, int]], width: int = 16) -> np.ndarray:
    picture = Image.new("L", (280, 280))
    for stroke in strokes:
        ImageDraw.Draw(picture).line(stroke, fill=255, width=width, joint="curve")
    return np.asarray(picture)


def moved(stroke: list[tuple[int, int]], right: int) -> list[tuple[int, int]]:
    return [(x + right, y) for x, y in stroke]


def apart(*strokes: list[tuple[int, int]]):
    return digits_apart(to_mnist(canvas(*strokes)))


def test_two_digits_with_a_gap_are_read_one_by_one_from_left_to_right():
    digits = apart(TWO, ONE)
    assert len(digits) == 2
    readings = read(np.stack([digit.image for digit in digits]))
    assert list(readings.digit) == [1, 2] and "no digit" not in readings.verdict


def test_each_digit_is_cropped_and_centred_as_if_it_stood_alone():
    digits = apart(ONE, TWO)
    for digit, alone in zip(digits, (ONE, TWO), strict=True):
        assert np.array_equal(digit.image, to_mnist(canvas(alone)).image)


def test_one_digit_is_left_as_it_is():
    sketch = to_mnist(canvas(TWO))
    assert digits_apart(sketch) == (sketch,)
    blank = to_mnist(canvas())
    assert digits_apart(blank) == (blank,)


def test_strokes_of_one_digit_that_do_not_touch_stay_together():
    assert len(apart(*FIVE)) == 1, "the bar of a 5 lies over it"
    assert len(apart(ONE, [(64, 250), (66, 252)])) == 1, "a dot"


def test_digits_that_touch_are_one():
    assert len(apart(ONE, TWO, [(60, 150), (140, 200)])) == 1


def test_a_low_piece_belongs_to_the_nearest_digit():
    digits = apart(ONE, TWO, [(240, 200), (250, 210)])
    assert len(digits) == 2 and digits[1].stages["drawn"][190:220, 230:260].any()


def test_a_row_of_many_strokes_is_one_picture():
    strokes = [[(10 + 24 * n, 60), (10 + 24 * n, 200)] for n in range(11)]
    assert len(digits_apart(to_mnist(canvas(*strokes, width=4)))) == 1
