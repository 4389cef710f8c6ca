"""The charts of the page Inside say what is in the maps, in words that they have room for."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.explain.maps import receptive_field
from ui.charts import maps, theme, tiles
from ui.charts.walls import tile_wall
from ui.components import live_plot

CNN = RunConfig(model="cnn", channels=(3, 4))
IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
MAP = np.random.default_rng(1).normal(0, 1, (12, 12)).astype(np.float32)


def a_map(values: np.ndarray = MAP, limit: float = 2.0, padding: int = 0):
    config = CNN.replace(padding=padding, kernel=3, pool=1) if padding else CNN
    return maps.map_detail(
        values,
        sees=lambda row, column: receptive_field(config, 0, row, column),
        place=(3, 8),
        dark=False,
        title="Channel 0",
        limit=limit,
        image_key="the-image",
    )


@pytest.mark.parametrize("padding", [0, 3])
def test_what_hovering_over_a_map_says_is_a_few_short_lines(padding: int):
    texts = [text for row in a_map(padding=padding).data[0].hovertext for text in row]
    lines = [re.sub("<[^>]*>", "", line) for text in texts for line in text.split("<br>")]
    assert max(map(len, lines)) <= 24 and max(text.count("<br>") for text in texts) <= 3
    assert ("sees nothing but padding" in lines) == (padding == 3)


def test_a_place_of_a_map_says_its_value_and_carries_the_frame_of_the_pixels_it_sees():
    figure = a_map()
    assert f"<b>−{-MAP[3, 8]:.3f}</b>" in figure.data[0].hovertext[3][8]
    rows, columns = receptive_field(CNN, 0, 3, 8)
    frames = figure.layout.meta["frames"]
    assert frames["chart"] == "the-image"
    x0, x1, y0, y1 = frames["corners"][3][8]
    assert (x0, x1, y0, y1) == (columns.start - 0.5, columns.stop - 0.5, rows.start - 0.5, rows.stop - 0.5)
    framed = maps.image_under(IMAGE, None, field=(rows, columns), dark=False, title="").layout.shapes[0]
    assert (framed.x0, framed.x1, framed.y0, framed.y1) == (x0, x1, y0, y1)


def test_an_enlarged_map_has_the_colours_of_its_tile_and_a_bar_with_their_ends():
    maps = np.stack([MAP, 5 * MAP])
    limit = float(tiles.weight_limits(maps.reshape(2, -1).T, True)[0])
    figure = a_map(limit=limit)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-limit, limit)
    (bar,) = [trace.marker.colorbar for trace in figure.data if trace.type == "scatter"]
    assert bar.ticktext == (f"−{limit:.2g}", "0", f"+{limit:.2g}")


@pytest.mark.parametrize("size", [0.000123, 0.0533, 8.0, 1234.0])
def test_the_ends_of_a_bar_under_an_image_have_room_for_their_numbers(size: float):
    over = np.full((28, 28), size, np.float32)
    bar = maps.image_under(IMAGE, over, dark=False, title="", what="logit").layout.coloraxis.colorbar
    assert bar.len - 2 * bar.xpad > 60 and bar.xpad >= 6 * len(bar.ticktext[0]) / 2  # about 6 pixels a letter


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_lies_over_an_image_has_a_bar_that_says_what_it_is_and_where_its_colour_is_full(dark: bool):
    over = np.random.default_rng(2).normal(0, 3, (28, 28))
    figure = maps.image_under(IMAGE, over, dark=dark, title="Saliency", what="logit per brightness")
    largest = np.abs(over).max()
    axis, heatmap = figure.layout.coloraxis, figure.data[1]
    assert (axis.cmin, axis.cmax) == (heatmap.zmin, heatmap.zmax) == (-largest, largest)
    assert axis.colorbar.title.text == "logit per brightness"
    assert axis.colorbar.ticktext == (f"−{largest:.2g}", "0", f"+{largest:.2g}")
    assert [colour for _, colour in axis.colorscale] == [theme.DARK.negative[2], "#000000", theme.DARK.positive[2]]
    assert live_plot.to_json(figure.to_dict())


def test_an_image_without_anything_over_it_has_no_bar_and_zeros_have_one_word_for_their_scale():
    assert maps.image_under(IMAGE, None, dark=False, title="").layout.coloraxis.cmax is None
    axis = maps.image_under(IMAGE, np.zeros((28, 28)), dark=False, title="", what="").layout.coloraxis
    assert [text for text in axis.colorbar.ticktext if text] == ["all 0"] and axis.cmin < axis.cmax


def test_a_map_of_zeros_lies_in_the_middle_of_its_colours_and_its_scale_says_so():
    figure = a_map(limit=0.0)
    assert figure.data[0].zmin < 0 < figure.data[0].zmax
    (bar,) = [trace.marker.colorbar for trace in figure.data if trace.type == "scatter"]
    assert [text for text in bar.ticktext if text] == ["all 0"]
    assert tile_wall(np.zeros((784, 3))).layout.meta["label"] == "3 first-layer filters, colour scale all 0"
