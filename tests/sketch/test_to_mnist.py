"""From a canvas to an image: MNIST comes back exactly, and a digit is the same wherever and however large it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nn_core.data import Dataset
from nn_core.sketch.to_mnist import Sketch, to_mnist

Point = tuple[float, float]  # y, x

# Strokes of digits, as (y, x).
THREE: list[Point] = [(30, 20), (10, 60), (35, 95), (70, 60), (105, 95), (140, 60), (120, 20)]
ONE: list[Point] = [(10, 40), (140, 35)]
FIVE: list[Point] = [(50, 20), (90, 25), (110, 80), (145, 55), (140, 15)]
FIVES_BAR: list[Point] = [(10, 20), (10, 90)]


def stroke(points: list[Point], brush: float = 14, shape: tuple[int, int] = (160, 120), zoom: float = 1) -> np.ndarray:
    """A round brush drawn along the points, anti-aliased: uint8, white on black."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    distance = np.full(shape, np.inf)
    for (y0, x0), (y1, x1) in zip(points, points[1:] or points, strict=False):
        dy, dx = (y1 - y0) * zoom, (x1 - x0) * zoom
        along = ((y - y0 * zoom) * dy + (x - x0 * zoom) * dx) / max(dy * dy + dx * dx, 1e-9)
        along = along.clip(0, 1)
        distance = np.minimum(distance, np.hypot(y - y0 * zoom - along * dy, x - x0 * zoom - along * dx))
    return (255 * (brush * zoom / 2 - distance + 0.5).clip(0, 1)).round().astype(np.uint8)


def put(*pieces: tuple[np.ndarray, int, int], side: int = 280) -> np.ndarray:
    """A square canvas with the pieces at (top, left)."""
    canvas = np.zeros((side, side), np.uint8)
    for piece, top, left in pieces:
        part = canvas[top : top + piece.shape[0], left : left + piece.shape[1]]
        np.maximum(part, piece, out=part)
    return canvas


def enlarge(image: np.ndarray, times: int) -> np.ndarray:
    return image.repeat(times, axis=0).repeat(times, axis=1)


def center_of_mass(image: np.ndarray) -> tuple[float, float]:
    """(y, x) in edge coordinates."""
    places = np.arange(28) + 0.5
    return float(image.sum(1) @ places / image.sum()), float(image.sum(0) @ places / image.sum())


def extent(image: np.ndarray) -> tuple[int, int]:
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def dot(size: float) -> np.ndarray:
    side = int(size) + 2
    return stroke([(side / 2, side / 2)], size, (side, side))


# ---------------------------------------------------------------------------------------------- MNIST comes back


def test_a_thousand_mnist_images_enlarged_ten_times_come_back_exactly(mnist: Dataset) -> None:
    images = np.concatenate([mnist.train_images[:600], mnist.val_images[:200], mnist.test_images[:200]])
    others = [x for x in images if not np.array_equal(to_mnist(enlarge(x, 10), drop_specks=False).image, x)]
    assert len(others) <= 1
    for image in others:  # 16 of the 70,000 were left a pixel too small, and one of them may be in the sample
        assert max(extent(image)) == 19


def test_by_default_few_mnist_images_change(mnist: Dataset) -> None:
    images = mnist.val_images[:1_000]
    changed = sum(not np.array_equal(to_mnist(enlarge(image, 10)).image, image) for image in images)
    assert 0 < changed < 40


digits = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


@given(drawing=digits, times=st.integers(1, 9), margins=st.tuples(*4 * [st.integers(0, 15)]))
def test_enlarging_by_a_whole_factor_and_moving_change_nothing(
    drawing: np.ndarray, times: int, margins: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = margins
    moved = np.pad(enlarge(drawing, times), ((top, bottom), (left, right)))
    one, other = to_mnist(drawing, drop_specks=False), to_mnist(moved, drop_specks=False)
    assert np.array_equal(one.image, other.image)
    assert one.empty == other.empty


# ---------------------------------------------------------------------------------------------- size and place


@given(top=st.integers(0, 120), left=st.integers(0, 160), points=st.sampled_from([THREE, ONE, FIVE]))
def test_where_a_digit_is_drawn_makes_no_difference(top: int, left: int, points: list[Point]) -> None:
    piece = stroke(points)
    assert np.array_equal(to_mnist(put((piece, top, left))).image, to_mnist(put((piece, 0, 0))).image)


@pytest.mark.parametrize("zoom", [0.5, 0.8, 1.3, 1.7, 4])
@pytest.mark.parametrize("points", [THREE, ONE, FIVE])
def test_how_large_a_digit_is_drawn_makes_hardly_a_difference(points: list[Point], zoom: float) -> None:
    large = stroke(points, shape=(int(160 * zoom), int(120 * zoom)), zoom=zoom)
    one, other = to_mnist(stroke(points)).image.astype(float), to_mnist(large).image.astype(float)
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]  # the centre may round the other way
    assert min(abs(one - np.roll(other, shift, (0, 1))).mean() for shift in shifts) < 2.5  # grey levels of 255
    assert abs(one.sum() / other.sum() - 1) < 0.05


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("points", [THREE, ONE, FIVE])
def test_the_longer_side_is_20_pixels_and_the_centre_of_mass_in_pixel_14(points: list[Point], turned: bool) -> None:
    piece = stroke(points)
    image = to_mnist(piece.T if turned else piece).image
    assert max(extent(image)) == 20
    assert center_of_mass(image) == pytest.approx((14.5, 14.5), abs=0.5)


@given(drawing=digits)
def test_the_ink_is_centred_as_well_as_whole_pixels_and_the_border_allow(drawing: np.ndarray) -> None:
    image = to_mnist(drawing, drop_specks=False).image
    if not image.any():
        return
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    for first, last, center in zip((rows[0], columns[0]), (rows[-1], columns[-1]), center_of_mass(image), strict=True):
        assert abs(center - 14.5) <= 0.5 + 1e-9 or first <= 1 or last >= 26


@pytest.mark.parametrize(("height", "width", "expected"), [(200, 50, (20, 5)), (30, 120, (5, 20)), (77, 77, (20, 20))])
def test_the_aspect_is_kept(height: int, width: int, expected: tuple[int, int]) -> None:
    image = to_mnist(put((np.full((height, width), 255, np.uint8), 40, 60))).image
    assert extent(image) == expected
    assert set(np.unique(image)) == {0, 255}


def test_on_the_shorter_side_the_ink_keeps_its_amount_and_lies_in_the_middle() -> None:
    image = to_mnist(put((np.full((200, 45), 255, np.uint8), 40, 60))).image  # 20 x 4.5 pixels
    assert extent(image) == (20, 5)
    (row,) = {tuple(row[row > 0]) for row in image if row.any()}
    assert row == (191, 255, 255, 255, 191)  # 3/4 of a pixel at either end


@given(drawing=digits, axis=st.integers(0, 1))
def test_a_mirrored_drawing_gives_the_mirrored_20x20_picture(drawing: np.ndarray, axis: int) -> None:
    mirrored = to_mnist(np.flip(drawing, axis), drop_specks=False).stages["20x20"]
    box = to_mnist(drawing, drop_specks=False).stages["20x20"]
    shift = int(np.flatnonzero(mirrored.any(axis=1 - axis))[:1].sum()) if mirrored.any() else 0
    turned = np.flip(box, axis)
    offset = int(np.flatnonzero(turned.any(axis=1 - axis))[:1].sum()) if turned.any() else 0
    assert np.array_equal(np.roll(turned, shift - offset, axis), mirrored)


# ---------------------------------------------------------------------------------------------- specks


@pytest.mark.parametrize("size", [1, 4, 10, 20])
@pytest.mark.parametrize("place", [(5, 5), (5, 250), (250, 5), (250, 250), (130, 255)])
@pytest.mark.parametrize("points", [THREE, ONE, FIVE])
def test_a_stray_dot_does_not_change_the_image(points: list[Point], place: tuple[int, int], size: int) -> None:
    piece = (stroke(points, brush=18), 60, 70)
    clean, spoiled = to_mnist(put(piece)), to_mnist(put(piece, (dot(size), *place)))
    assert np.array_equal(clean.image, spoiled.image)
    assert np.array_equal(clean.stages["cropped"], spoiled.stages["cropped"])
    assert spoiled.stages["drawn"][place[0] : place[0] + size + 2, place[1] : place[1] + size + 2].any()


def test_a_stray_dot_is_kept_when_specks_are_kept() -> None:
    spoiled = put((stroke(THREE), 60, 70), (dot(10), 5, 5))
    assert not np.array_equal(to_mnist(spoiled).image, to_mnist(spoiled, drop_specks=False).image)


def test_many_dots_go_together() -> None:
    piece = (stroke(THREE, brush=18), 60, 70)
    row_of_dots = [(dot(8), 5, left) for left in range(5, 260, 14)]
    assert np.array_equal(to_mnist(put(piece, *row_of_dots)).image, to_mnist(put(piece)).image)


@pytest.mark.parametrize("gap", [0, 10, 30])
def test_a_bar_drawn_apart_from_its_five_stays(gap: int) -> None:
    canvas = put((stroke(FIVE), 60, 70), (stroke(FIVES_BAR), 60 - gap, 70))
    assert np.array_equal(to_mnist(canvas).image, to_mnist(canvas, drop_specks=False).image)


def test_a_dot_that_touches_or_nearly_touches_the_ink_stays() -> None:
    canvas = put((stroke(ONE, brush=18), 60, 70), (dot(10), 120, 125))
    assert np.array_equal(to_mnist(canvas).image, to_mnist(canvas, drop_specks=False).image)


def test_ink_joined_at_a_corner_only_is_one_piece() -> None:
    canvas = np.zeros((100, 100), np.uint8)
    steps = np.arange(90)
    canvas[steps, steps] = 255
    assert np.array_equal(to_mnist(canvas).stages["cropped"], canvas[:90, :90])
    canvas[:20, :20] = 255  # beside it a single pixel of the line would be a speck
    assert np.array_equal(to_mnist(canvas).stages["cropped"], canvas[:90, :90])


def test_a_dot_alone_is_no_speck() -> None:
    sketch = to_mnist(put((dot(6), 30, 200)))
    assert not sketch.empty
    assert sketch.image.any()


@pytest.mark.parametrize("side", [600, 2_000])
def test_a_stray_dot_goes_from_a_large_canvas_too(side: int) -> None:
    zoom = side / 280
    piece = (stroke(THREE, 18, (int(160 * zoom), int(120 * zoom)), zoom), side // 4, side // 4)
    speck = (dot(8 * zoom), 5, side - int(8 * zoom) - 5)
    assert np.array_equal(to_mnist(put(piece, speck, side=side)).image, to_mnist(put(piece, side=side)).image)


# ---------------------------------------------------------------------------------------------- colour


def test_gray_rgb_and_opaque_rgba_of_the_same_drawing_are_the_same() -> None:
    gray = stroke(THREE)
    for canvas in (np.stack([gray] * 3, axis=-1), np.stack([gray] * 3 + [np.full_like(gray, 255)], axis=-1)):
        assert np.array_equal(to_mnist(canvas).stages["drawn"], gray)
        assert np.array_equal(to_mnist(canvas).image, to_mnist(gray).image)


def test_every_gray_level_keeps_its_value_as_rgb() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_mnist(np.stack([levels] * 3, axis=-1)).stages["drawn"], levels)


def test_transparent_pixels_are_black_and_half_transparent_white_is_half_bright() -> None:
    gray = stroke(THREE)
    white_brush = np.stack([np.full_like(gray, 255)] * 3 + [gray], axis=-1)  # how a browser's canvas holds it
    assert np.array_equal(to_mnist(white_brush).stages["drawn"], gray)
    see_through = np.stack([np.full_like(gray, 255)] * 3 + [np.zeros_like(gray)], axis=-1)
    assert to_mnist(see_through).empty


def test_colours_become_luminance() -> None:
    red, green, blue, yellow = (
        int(to_mnist(np.full((9, 9, 3), colour, np.uint8)).stages["drawn"][0, 0])
        for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
    )
    assert (red, green, blue, yellow) == pytest.approx((76, 150, 29, 226), abs=1)  # 0.299, 0.587, 0.114 of 255


def test_polarity_is_never_turned() -> None:
    sketch = to_mnist(255 - put((stroke(THREE), 60, 70)))
    assert "ink" in sketch.message
    assert sketch.image[4, 4] == 255  # the ground stays bright
    assert not sketch.empty


# ---------------------------------------------------------------------------------------------- what is handed out


def test_the_stages_come_in_order_with_their_shapes_and_the_last_is_the_image() -> None:
    canvas = put((stroke(THREE), 60, 70))
    sketch = to_mnist(canvas)
    assert list(sketch.stages) == ["drawn", "cropped", "20x20", "28x28"]
    assert np.array_equal(sketch.stages["drawn"], canvas)
    assert sketch.stages["cropped"].shape == extent(canvas)
    assert sketch.stages["20x20"].shape == (20, 20)
    assert sketch.stages["20x20"].sum() == sketch.image.sum()
    assert sketch.stages["28x28"] is sketch.image
    assert sketch.message == ""
    for stage in sketch.stages.values():
        assert stage.dtype == np.uint8
        assert not stage.flags.writeable


def test_the_canvas_is_left_alone_and_may_be_read_only_or_a_view() -> None:
    canvas = put((stroke(THREE), 60, 70), (dot(5), 5, 5))
    before = canvas.copy()
    canvas.flags.writeable = False
    expected = to_mnist(canvas)
    assert np.array_equal(canvas, before)
    view = np.zeros((280, 560, 2), np.uint8)
    view[:, ::2, 1] = canvas
    assert np.array_equal(to_mnist(view[:, ::2, 1]).image, expected.image)
    written = before.copy()
    sketch = to_mnist(written)
    written[:] = 0
    assert sketch.stages["drawn"].any()  # a copy: the page may draw on


@given(
    canvas=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))
    | arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([3, 4]))),
    drop_specks=st.booleans(),
)
def test_any_canvas_gives_an_image_and_at_most_one_sentence(canvas: np.ndarray, drop_specks: bool) -> None:
    sketch = to_mnist(canvas, drop_specks)
    assert isinstance(sketch, Sketch)
    assert sketch.image.shape == (28, 28)
    assert sketch.image.dtype == np.uint8
    assert sketch.empty == (not sketch.stages["drawn"].any())
    assert sketch.message == "" or (sketch.message.endswith(".") and "\n" not in sketch.message)
    assert sketch.image.any() or sketch.message


# ---------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize("shape", [(1, 1), (280, 280), (280, 280, 3), (280, 280, 4), (4096, 3)])
def test_a_blank_canvas_is_empty_with_a_sentence(shape: tuple[int, ...]) -> None:
    sketch = to_mnist(np.zeros(shape, np.uint8))
    assert sketch.empty
    assert not sketch.image.any()
    assert sketch.message.startswith("There is no ink yet")
    assert list(sketch.stages) == ["drawn", "cropped", "20x20", "28x28"]


@pytest.mark.parametrize("level", [1, 255])
def test_a_full_canvas_gives_an_image_and_a_sentence(level: int) -> None:
    sketch = to_mnist(np.full((280, 280), level, np.uint8))
    assert not sketch.empty
    assert np.array_equal(sketch.image, np.pad(np.full((20, 20), level), 4))
    assert sketch.message.startswith("The whole canvas is ink")


def test_a_nearly_full_canvas_says_how_full_it_is() -> None:
    canvas = np.full((100, 100), 255, np.uint8)
    canvas[:5] = 0
    assert to_mnist(canvas).message.startswith("Nearly the whole canvas (95 %) is ink")


@pytest.mark.parametrize("size", [1, 5, 20, 40])
def test_a_very_small_sketch_gives_an_image_and_a_sentence_with_its_size(size: int) -> None:
    sketch = to_mnist(put((np.full((size, max(1, size // 4)), 255, np.uint8), 100, 100)))
    assert sketch.message.startswith(f"A very small sketch ({size} of 280 pixels)")
    assert max(extent(sketch.image)) == 20


def test_strokes_too_thin_to_be_seen_are_told() -> None:
    canvas = np.zeros((4096, 4096), np.uint8)
    canvas[100:4000, 2000] = 255
    assert "thin or faint" in to_mnist(canvas).message


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("canvas", "words"),
    [
        (np.zeros((280, 280)), "must hold uint8 values, got float64"),
        (np.zeros((280, 280), bool), "must hold uint8 values, got bool"),
        (np.zeros(280, np.uint8), r"must have shape \(H, W\), \(H, W, 3\) or \(H, W, 4\), got \(280,\)"),
        (np.zeros((), np.uint8), r"got \(\)"),
        (np.zeros((28, 28, 1), np.uint8), r"got \(28, 28, 1\)"),
        (np.zeros((28, 28, 5), np.uint8), r"got \(28, 28, 5\)"),
        (np.zeros((1, 28, 28, 3), np.uint8), r"got \(1, 28, 28, 3\)"),
        (np.zeros((0, 28), np.uint8), "1 to 4096 pixels on each side, got 0 x 28"),
        (np.zeros((28, 0, 4), np.uint8), "1 to 4096 pixels on each side, got 28 x 0"),
        (np.zeros((4097, 2), np.uint8), "1 to 4096 pixels on each side, got 4097 x 2"),
        (np.zeros((2, 5000, 3), np.uint8), "1 to 4096 pixels on each side, got 2 x 5000"),
        (None, "must be a NumPy array, got NoneType"),
        ([[0, 255]], "must be a NumPy array, got list"),
    ],
)
def test_what_is_no_canvas_is_refused_with_the_limit_and_the_value(canvas: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        to_mnist(canvas)
    assert "\n" not in str(caught.value)
