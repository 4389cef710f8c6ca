"""The matrix of a layer's weights: each weight in its place, as numbers where they are few, as a picture of many."""

from __future__ import annotations

import numpy as np
import pytest

from ui.charts import theme
from ui.charts.figure import DIGITS
from ui.charts.weight_matrix import MOST_CELLS, weight_matrix
from ui.components.live_plot import to_json


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_small_matrix_has_a_row_for_each_output_and_a_column_for_each_input(dark):
    W = np.random.default_rng(0).normal(size=(32, 10)).astype(np.float32)
    figure = weight_matrix(W, names=DIGITS, dark=dark, title="W", inputs="unit", outputs="digit")
    np.testing.assert_array_equal(np.array(figure.data[0].z), W.T)
    assert list(figure.layout.yaxis.ticktext) == list(DIGITS) and not figure.layout.images
    assert figure.data[0].zmin == -figure.data[0].zmax
    assert dict(figure.data[0].colorscale)[0.5] == theme.palette(dark).background


def test_a_large_matrix_is_a_picture_of_a_few_hundred_kilobytes():
    W = np.random.default_rng(0).normal(size=(1600, 128)).astype(np.float32)
    figure = weight_matrix(W, dark=False, title="W", inputs="output", outputs="unit")
    assert W.size > MOST_CELLS and len(figure.layout.images) == 1
    assert len(to_json(figure.to_dict())) < 400_000
    assert figure.layout.meta["label"].startswith("W: 1,600 x 128 weights")


def test_a_layer_of_zeros_is_drawn_and_said_to_be_so():
    figure = weight_matrix(np.zeros((4, 3)), dark=False, title="W", inputs="unit", outputs="unit")
    assert "all 0" in figure.layout.meta["label"] and figure.data[0].zmax > 0
