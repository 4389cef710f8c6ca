"""MNIST drawn again with a pen: middle lines, ink of one width, and the form that sketches get."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nn_core.data import load_mnist
from nn_core.sketch.pen import N_EXTRA, Pen, added_strokes, broken
from nn_core.sketch.thinning import middle_lines, thinned
from nn_core.sketch.to_mnist import to_mnist

N = 300


@pytest.fixture(scope="module")
def pen() -> Pen:
    data = load_mnist()
    return Pen(data.train_images[:N], data.train_labels[:N])


def rngs(seed: int = 0) -> tuple[np.random.Generator, np.random.Generator]:
    return np.random.default_rng(seed), np.random.default_rng(seed + 1)


def polyline(*corners: tuple[float, float], n: int = 60) -> np.ndarray:
    """Points along straight lines between the corners, float32 (k, 2)."""
    ends = np.array(corners, np.float32)
    steps = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    return np.concatenate([a + (b - a) * steps for a, b in pairwise(ends)])


def inked(pen: Pen, line: np.ndarray, width: float) -> np.ndarray:
    return pen.inked(line[None], np.array([len(line)]), np.array([width], np.float32))[0]


# ---------------------------------------------------------------------------------------------- middle lines


def test_a_bar_is_thinned_to_one_line_along_its_middle():
    ink = np.zeros((1, 40, 40), bool)
    ink[0, 10:17, 5:35] = True
    rows, columns = np.nonzero(thinned(ink)[0])
    assert np.abs(rows - 13).max() <= 3, "its ends may run to the corners"
    inner = (columns > 10) & (columns < 30)
    assert set(rows[inner]) == {13}
    assert sorted(columns[inner]) == list(range(11, 30)), "one point in every column"


def test_a_ring_stays_a_ring_of_one_pixel():
    y, x = np.mgrid[:41, :41] - 20
    radius = np.hypot(x, y)
    rows, columns = np.nonzero(thinned(((radius > 8) & (radius < 15))[None])[0])
    assert (np.abs(np.hypot(rows - 20, columns - 20) - 11.5) < 2).all()
    angles = np.sort(np.arctan2(rows - 20, columns - 20))
    assert np.diff(angles, append=angles[0] + 2 * np.pi).max() < 0.15, "it must not break"
    assert len(rows) < 8 * 11.5, "the steps of a ring in a square around it"


def test_middle_lines_run_within_the_ink_and_their_points_lie_close():
    images = load_mnist().train_images[:50]
    points, counts = middle_lines(images)
    for image, line in zip(images, np.split(points, np.cumsum(counts)[:-1]), strict=True):
        column, row = np.floor(line + 14).astype(int).T
        assert (image[row, column] > 0).mean() > 0.98
        distance = np.hypot(*(line[:, None] - line[None]).T) + 9 * np.eye(len(line))
        assert np.quantile(distance.min(axis=0), 0.97) <= 0.5  # a speck of ink is a point by itself


def test_an_image_without_ink_has_one_point_in_the_middle():
    points, counts = middle_lines(np.zeros((1, 28, 28), np.uint8))
    assert counts.tolist() == [1]
    assert np.abs(points).max() <= 0.5


# ---------------------------------------------------------------------------------------------- ink


@pytest.mark.parametrize("width", [1.0, 2.0, 4.0])
def test_an_upright_line_has_the_width_of_the_pen_and_is_twenty_pixels_high(pen, width):
    image = inked(pen, polyline((3, -9), (3, 9), n=300), width)
    assert np.flatnonzero(image.any(axis=1)).tolist() == list(range(4, 24))
    assert image[10:18].sum() / 255 / 8 == pytest.approx(width, abs=0.02)


@pytest.mark.parametrize("width", [10, 25, 50])
@pytest.mark.parametrize("corners", [((60, 40), (220, 60), (110, 250)), ((200, 30), (70, 150), (210, 170))])
def test_a_drawing_is_what_the_same_strokes_on_a_canvas_become(pen, width, corners):
    canvas = Image.new("L", (560, 560))
    line = polyline(*(np.array(corners) * 2.0), n=300)
    for x, y in line:
        ImageDraw.Draw(canvas).ellipse([x - width, y - width, x + width, y + width], fill=255)
    expected = to_mnist(np.asarray(canvas)).image.astype(int)
    longer = max(np.ptp(line, axis=0)) + 2 * width
    difference = np.abs(inked(pen, line, 20 * 2 * width / longer) - expected)
    assert difference.mean() < 3
    assert difference.max() < 90


def test_every_drawing_fills_the_box_and_is_centred_by_its_mass(pen):
    drawings = pen.draw(np.arange(N), rngs())
    for image in drawings:
        rows, columns = np.nonzero(image)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 19 <= max(height, width) <= 20  # a hairline's last pixel may round to no ink
        for axis, (at, size) in enumerate(((rows, height), (columns, width))):
            centre = np.average(np.arange(28) + 0.5, weights=image.sum(axis=1 - axis))
            touches = at.min() == 0 or at.max() == 27 or size == 20
            assert touches or abs(centre - 14.5) <= 0.51


# ---------------------------------------------------------------------------------------------- chance


def test_the_same_generators_draw_the_same_and_others_draw_otherwise(pen):
    first, again, other = (pen.draw(np.arange(60), rngs(seed)) for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert (first != other).any(axis=(1, 2)).all()


def test_pens_are_thin_and_thick(pen):
    ink = pen.draw(np.repeat(np.flatnonzero(pen.labels == 3)[:1], 200), rngs()).sum(axis=(1, 2)) / 255
    assert np.quantile(ink, 0.9) > 3 * np.quantile(ink, 0.1)


def test_strokes_are_added_to_0_1_and_7_alone_and_not_to_all(pen):
    line = np.tile(polyline((0, -9), (5, 0), (0, 9)), (4_000, 1, 1))
    labels = np.arange(4_000) % 10
    extra = added_strokes(line, labels, np.random.default_rng(0))
    assert extra.shape == (4_000, N_EXTRA, 2)
    share = np.array([(np.ptp(extra[labels == digit], axis=1).max(axis=1) > 0).mean() for digit in range(10)])
    assert set(np.flatnonzero(share)) == {0, 1, 7}
    assert (share < 0.5).all()


def test_a_break_takes_points_away_from_one_place_only():
    whole = np.tile(polyline((0, -9), (0, 9), n=100), (500, 1, 1))
    lines = whole.copy()
    broken(lines, np.full(500, 100), np.random.default_rng(1))
    moved = np.abs(lines - whole).max(axis=2) > 0
    assert 0 < moved.any(axis=1).mean() < 0.3
    for row in moved[moved.any(axis=1)]:
        gone = np.flatnonzero(row)
        assert np.ptp(gone) + 1 <= 20  # at most 3.2 of 18 pixels
