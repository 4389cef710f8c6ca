"""The drawing that a visitor keeps: what the canvas is given, when, and the way back."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nn_core.sketch.doubt import Doubt
from nn_core.sketch.reading import Readings
from nn_core.sketch.to_mnist import to_mnist
from ui.panels.reading import STAGES, film, invitation, number_verdict, thresholds, verdict
from ui.session.drawing import CANVAS_SIDE, MAX_STATES, Sketchpad, State

STROKE = {"type": "Path", "path": [["M", 40, 40], ["L", 240, 240]]}


def from_canvas(*marks: tuple[int, int], objects: int | None = None) -> tuple[bytes, dict[str, Any]]:
    """What the canvas sends when squares of 40 px lie at `marks`, one object each."""
    picture = np.zeros((CANVAS_SIDE, CANVAS_SIDE, 4), np.uint8)
    picture[..., 3] = 255
    for row, column in marks:
        picture[row : row + 40, column : column + 40] = 255
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue(), {"objects": [STROKE] * (len(marks) if objects is None else objects)}


def n_shown(pad: Sketchpad) -> int:
    return len(pad.initial_drawing["objects"])


@pytest.fixture
def digit() -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 8:19] = np.arange(1, 221, dtype=np.uint8).reshape(20, 11)
    return image


def test_a_stroke_is_taken_over_and_the_canvas_is_not_given_its_own_drawing_back():
    pad = Sketchpad()
    given = pad.initial_drawing
    pad.take(*from_canvas((20, 20)))
    assert not pad.now.sketch.empty
    assert len(pad.now.objects) == 1
    assert pad.initial_drawing == given


def test_a_canvas_without_a_picture_changes_nothing():
    pad = Sketchpad()
    pad.take(*from_canvas((20, 20)))
    pad.show()
    pad.take(None, {"objects": []})
    assert not pad.now.sketch.empty
    assert n_shown(pad) == 1


def test_every_undo_goes_one_stroke_back_to_the_blank_canvas():
    pad = Sketchpad()
    pad.take(*from_canvas((20, 20)))
    first = pad.now
    pad.take(*from_canvas((20, 20), (120, 120)))
    pad.undo()
    assert pad.now is first
    assert n_shown(pad) == 1
    pad.undo()
    assert pad.now.sketch.empty
    assert not pad.can_undo
    pad.undo()
    assert pad.now.sketch.empty


def test_what_the_canvas_still_held_when_undo_was_pressed_is_not_taken_for_a_new_stroke():
    pad = Sketchpad()
    pad.take(*from_canvas((20, 20)))
    pad.take(*from_canvas((20, 20), (120, 120)))
    pad.undo()
    pad.take(*from_canvas((20, 20), (120, 120)))  # the page runs before the canvas has shown the older drawing
    assert len(pad.now.objects) == 1
    pad.take(*from_canvas((20, 20)))  # it has
    assert len(pad.now.objects) == 1
    pad.take(*from_canvas((20, 20), (200, 20)))
    assert len(pad.now.objects) == 2


def test_clear_gives_a_blank_canvas_each_time_and_undo_brings_the_drawing_back():
    pad = Sketchpad()
    given = []
    for _ in range(2):
        pad.take(*from_canvas((20, 20)))
        pad.clear()
        given.append(pad.initial_drawing)
        assert (pad.now.sketch.empty, n_shown(pad)) == (True, 0)
        pad.take(*from_canvas())
    assert given[0] != given[1], "an equal drawing would not reach the canvas"
    pad.undo()
    assert not pad.now.sketch.empty


def test_clearing_a_blank_canvas_leaves_nothing_to_undo():
    pad = Sketchpad()
    pad.clear()
    assert not pad.can_undo


def test_a_digit_put_on_the_canvas_is_read_exactly_and_told_where_it_is_from(digit):
    centred = to_mnist(digit.repeat(10, axis=0).repeat(10, axis=1), drop_specks=False).image
    pad = Sketchpad()
    pad.put_digit(centred, note="image 7")
    assert np.array_equal(pad.now.sketch.image, centred)
    assert (pad.now.note, n_shown(pad)) == ("image 7", 1)
    pad.undo()
    assert pad.now.sketch.empty


def test_the_picture_given_to_the_canvas_is_the_digit_enlarged_ten_times(digit):
    pad = Sketchpad()
    pad.put_digit(digit)
    (picture,) = pad.initial_drawing["objects"]
    assert np.array_equal(_decoded(picture["src"]), np.kron(digit, np.ones((10, 10), np.uint8)))


def test_a_stroke_over_a_digit_is_no_longer_called_that_digit(digit):
    pad = Sketchpad()
    pad.put_digit(digit, note="image 7")
    pad.take(*from_canvas((20, 20), objects=2))
    assert pad.now.note == ""
    pad.undo()
    assert pad.now.note == "image 7"


def test_undo_remembers_a_bounded_number_of_drawings():
    pad = Sketchpad()
    for at in range(MAX_STATES + 20):
        pad.take(*from_canvas((at, 2 * at % 200)))
    steps = 0
    while pad.can_undo:
        pad.undo()
        steps += 1
    assert steps == MAX_STATES - 1


def _decoded(uri: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


# ---------------------------------------------------------------------------------------------- words and pictures


def _probabilities(**shares: float) -> np.ndarray:
    p = np.zeros(10, np.float32)
    for name, share in shares.items():
        p[int(name[1:])] = share
    return p


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"d7": 0.982, "d1": 0.011}, ["Read as 7, with 98.2 %", "The runner-up is 1, with 1.1 %"]),
        ({"d3": 0.41, "d5": 0.38}, ["Unsure: perhaps 3, with 41.0 %", "It might as well be 5, with 38.0 %"]),
        ({"d0": 0.99999, "d6": 1e-5}, ["Read as 0, with over 99.9 %", "The runner-up is 6, with less than 0.1 %"]),
    ],
)
def test_the_reading_is_said_in_words_that_never_round_to_certainty(shares, words):
    said = verdict(_probabilities(**shares), dark=False)
    for each in words:
        assert each in said


def test_the_film_shows_four_labelled_stages_and_says_when_a_speck_was_left_out():
    canvas = np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)
    canvas[60:220, 120:150] = 255
    shown = film(to_mnist(canvas))
    assert [label in shown for label in STAGES.values()] == [True] * 4
    assert "speck" not in shown.split("</style>")[-1]
    canvas[10:16, 10:16] = 255
    assert "A speck far from the digit is left out." in film(to_mnist(canvas))


def test_a_blank_canvas_invites_to_draw():
    assert "draw a digit here" in film(Sketchpad().now.sketch)
    assert "Draw one digit" in invitation()


def test_a_sketch_that_a_tab_has_kept_comes_back_on_a_server_that_knows_nothing_of_it(digit: np.ndarray):
    pad, after_restart = Sketchpad(), Sketchpad()
    assert after_restart.is_untouched
    pad.take(*from_canvas((100, 100), (160, 100)))
    assert not pad.is_untouched
    after_restart.bring_back(pad.to_text())
    assert np.array_equal(after_restart.now.sketch.image, pad.now.sketch.image)
    assert after_restart.now.objects == pad.now.objects and n_shown(after_restart) == 2 and after_restart.can_undo
    pad.put_digit(digit)
    once_more = Sketchpad()
    once_more.bring_back(pad.to_text())
    assert np.array_equal(once_more.now.sketch.stages["drawn"], pad.now.sketch.stages["drawn"])
    pad.clear()
    once_more = Sketchpad()
    once_more.bring_back(pad.to_text())
    assert once_more.is_untouched


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "[" * 100_000, '{"objects": 3, "picture": ""}', '{"objects": [], "picture": 3}'),
        '{"objects": [], "picture": "data:image/png;base64,iVBORw0KGgo="}',
        json.dumps({"objects": [], "picture": "," + base64.b64encode(b"GIF89a" * 10).decode()}),
        "x" * 2_000_001,
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_kept_sketch_is_passed_over(text: str):
    pad = Sketchpad()
    pad.bring_back(text)
    assert pad.is_untouched


def test_what_was_undone_is_not_brought_back() -> None:
    pad = Sketchpad()
    pad.put_digit(np.full((28, 28), 255, np.uint8))
    assert not pad.is_untouched
    pad.undo()
    assert not pad.can_undo
    assert not pad.is_untouched, "the tab would give back what its visitor has just taken away"


# ---------------------------------------------------------------------------------------------- how sure it is


def _read(*verdicts: str, digits: tuple[int, ...] = (8,)) -> Readings:
    """Readings of which the calibrated probabilities are 0.7 and 0.3, and the raw ones 0.9 and 0.1."""
    n = len(verdicts)
    calibrated, raw = np.zeros((n, 10)), np.zeros((n, 10), np.float32)
    for at, digit in enumerate(digits):
        calibrated[at, [digit, (digit + 1) % 10]] = 0.7, 0.3
        raw[at, [digit, (digit + 1) % 10]] = 0.9, 0.1
    doubt = Doubt(1.5, {"energy": lambda images, logits: logits}, {}, 2.09)
    return Readings(np.array(digits), np.full(n, 0.7), np.array(verdicts), calibrated, raw, np.full(n, 1.25), doubt)


def test_the_sentence_gives_the_calibrated_confidence_and_tells_the_raw_one_apart():
    found = _read("sure")
    said = verdict(found.raw[0], False, found)
    assert "Read as 8, with 70.0 %" in said and "The runner-up is 9, with 30.0 %." in said
    assert "Before calibration: 90.0 %." in said
    assert "Not like any digit" not in said


def test_of_no_digit_it_says_so_and_shows_none():
    found = _read("no digit")
    said = verdict(found.raw[0], False, found)
    assert "Not like any digit it has seen" in said and "The nearest is 8." in said
    assert ">?</b>" in said and "Read as" not in said


def test_a_number_says_how_sure_each_of_its_digits_is():
    sure = number_verdict(_read("sure", "sure", digits=(1, 2)), False)
    assert "Read as the number 12" in sure and "1: sure, 70.0 %" in sure and "2: sure, 70.0 %" in sure
    unsure = number_verdict(_read("sure", "no digit", digits=(1, 2)), False)
    assert "Unsure: perhaps 1?" in unsure and "no digit" in unsure


def test_the_thresholds_are_told():
    said = thresholds(_read("sure"))
    assert "temperature 1.50" in said and "1.2, from the energy of its outputs; above 2.1" in said


def test_a_state_knows_its_digits_from_left_to_right_and_an_image_put_there_is_one():
    pad = Sketchpad()
    pad.take(*from_canvas((60, 60)))
    assert pad.now.digits == (pad.now.sketch,)
    broken = np.zeros((28, 28), np.uint8)
    broken[4:24, 6:9] = broken[4:24, 18:21] = 255
    pad.put_digit(broken)
    assert len(pad.now.digits) == 1
    drawn = np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)
    drawn[60:220, 60:80] = drawn[40:200, 180:200] = 255
    left, right = State((), to_mnist(drawn)).digits
    assert left.stages["drawn"][210, 70] and right.stages["drawn"][50, 190] and not right.stages["drawn"][210, 70]
