"""Arrays of a training step as pictures: every value lies at one place, and a click there gives its index back."""

from __future__ import annotations

import numpy as np
import pytest

from ui.charts.arrays import MOST_CELLS, Laid, array_picture


@pytest.mark.parametrize(
    "shape", [(7,), (3, 5), (1, 784), (4, 784), (1, 6, 4, 4), (1, 7, 3, 3), (2, 3, 4, 4), (5, 1, 3, 3), (1, 1, 4, 4)]
)
def test_every_value_has_one_place_and_the_place_leads_back(shape):
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    laid = Laid(values)
    assert sorted(laid.z.reshape(-1)) == list(values.reshape(-1))
    for row, column in ((0, 0), (laid.z.shape[0] - 1, laid.z.shape[1] - 1)):
        index = laid.index(row, column)
        assert values[index] == laid.z[row, column] and laid.place(index) == (row, column)


def test_of_a_large_array_the_columns_around_the_chosen_value_are_shown():
    values = np.random.default_rng(0).standard_normal((784, 512))
    figure, laid = array_picture(values, chosen=(3, 500), dark=False, title="W1")
    assert laid.z.size <= MOST_CELLS and laid.place((3, 500)) is not None and "columns" in figure.layout.title.text
    assert values[laid.index(3, 2)] == laid.z[3, 2]


@pytest.mark.parametrize(
    "shape, is_image", [((3, 784), True), ((1, 4, 12, 12), True), ((784, 10), False), ((10,), False)]
)
def test_pixels_of_images_and_maps_are_squares(shape: tuple[int, ...], is_image: bool):
    figure, _ = array_picture(np.ones(shape), dark=False, title="X")
    assert (figure.layout.yaxis.scaleanchor == "x") is is_image
