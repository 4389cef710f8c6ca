"""The charts of Dynamics say what is in the data, on every axis, in both themes, and in few bytes."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from nn_core.instruments.measures.data_map import DataMap
from nn_core.instruments.measures.histograms import Histogram, common_edges
from nn_core.instruments.registry import INSTRUMENTS, LINE, WHOLE
from nn_core.training import Axis, Frame, Series
from ui.charts.curve_axes import placed
from ui.charts.data_map import course_chart, data_map_chart
from ui.charts.dynamics import class_strip, histogram_maps, learned_from, singular_chart
from ui.charts.figure import seven_digits
from ui.charts.instruments import instrument_curves
from ui.components import live_plot
from ui.panels.dynamics import curve

AXES = get_args(Axis)
NAMES = tuple("0123456789")
N = 5_000


def series(values: Any, name: str = "one", every: int = 10) -> Series:
    steps = np.arange(len(values)) * every
    return Series(name, np.column_stack([steps, steps / 100, steps * 50, steps / 1000, values]))


def size(figure: Any) -> int:
    spec = figure.to_dict()
    spec["layout"].pop("template", None)
    return len(live_plot.to_json({"data": spec["data"], "layout": spec["layout"]}))


def classes(learned_at: int, n: int = 100) -> dict[str, Series]:
    """Ten classes, of which number k is learned so many points later than the one before."""
    name = INSTRUMENTS["class_accuracy"].series_name
    return {
        name(str(label)): series(np.where(np.arange(n) < learned_at * (label + 1), 0.3, 0.95), f"{label}")
        for label in range(10)
    }


@pytest.mark.parametrize("axis", AXES)
def test_the_strip_shows_each_class_in_a_row_with_a_mark_where_it_stays_learned_and_a_hollow_one_for_the_ghost(
    axis: Any,
):
    runs, ghost = classes(5), classes(8)
    order, of_run = list(range(9, -1, -1)), {name: series(np.full(100, 0.1), name) for name in ("val/loss", "train/lr")}
    figure = class_strip({**runs, **of_run}, names=NAMES, order=order, x=axis, cursor=300, ghost={**ghost, **of_run})
    heat, theirs, mine = figure.data
    place = placed({**runs, **of_run}, axis)["val/loss"].x(axis)
    assert list(figure.layout.yaxis.ticktext) == [str(label) for label in order]
    assert [row[-1] for row in heat.z] == pytest.approx([1 - 0.05**0.5] * 10, abs=0.01)
    assert list(mine.x) == [place[5 * (label + 1)] for label in order]
    assert list(theirs.x) == [place[8 * (label + 1)] for label in order]
    assert mine.marker.symbol == "circle" and theirs.marker.symbol == "circle-open"
    assert [shape.name for shape in figure.layout.shapes] == ["looked at"]
    assert "9 at step 990: 95.0 % read right" in heat.text[0][-1]


def test_a_class_is_learned_once_it_stays_at_four_fifths():
    assert learned_from(series([0.9, 0.7, 0.8, 0.9])) == 2
    assert learned_from(series([0.9, 0.9])) == 0 and learned_from(series([0.9, 0.1])) is None


def test_histograms_of_frames_share_their_bins_and_a_column_gives_its_step():
    rng = np.random.default_rng(0)
    frames = [Frame(step, step / 10, step * 5, step / 100, {}) for step in (0, 1, 5, 30)]
    found = [
        (frame, {"dense1": Histogram.of(rng.normal(0, 0.1 + at, N)), "dense2": Histogram.of(np.zeros(3))})
        for at, frame in enumerate(frames)
    ]
    titles = {"dense1": "Hidden layer 1", "dense2": "Output"}
    figure = histogram_maps(found, {"val/loss": series([1, 1])}, titles=titles, what="weights", x="step", cursor=5)
    first, second = figure.data
    z = np.array(first.z)
    assert list(first.x) == [0, 1, 5, 30] and list(first.customdata[0]) == [0, 1, 5, 30]
    assert (z > 0).sum(axis=0)[0] < (z > 0).sum(axis=0)[3], "a wider spread fills more bins"
    assert z.max() == 100 and second.yaxis == "y2" and figure.layout.yaxis2.title.text == "Output"
    of_run = {"train/lr": series([0.1] * 4), "val/loss": series([1] * 4)}
    against = histogram_maps(found, of_run, titles=titles, what="weights", x="lr_step")
    assert list(against.data[0].x) == pytest.approx([0, 0.1, 0.5, 3.0])
    assert figure.layout.meta["label"] == "Histograms of weights of 2 layers at 4 steps"


def test_in_other_bins_a_histogram_has_the_shares_that_the_values_have():
    values = np.random.default_rng(1).normal(size=20_000)
    edges = np.linspace(-2, 2, 17)
    wanted = np.histogram(values, edges)[0] / len(values)
    np.testing.assert_allclose(Histogram.of(values).shares(edges), wanted, atol=0.004)
    ends = common_edges([Histogram.of(values)], 10)[[0, -1]]
    assert np.abs(values[(values < ends[0]) | (values > ends[1])]).size <= 0.02 * len(values)


def test_singular_values_beyond_the_edge_of_chance_have_another_colour_and_are_counted():
    figure = singular_chart(np.array([5.0, 3.0, 1.0]), 2.0, what="Of W1")
    colours = figure.data[0].marker.color
    assert colours[0] == colours[1] != colours[2]
    assert figure.layout.meta["label"] == "Of W1: 3 values, 2 of them beyond chance"


def test_the_data_map_shows_where_all_images_lie_and_a_click_on_a_suspect_gives_its_number():
    rng = np.random.default_rng(0)
    found = DataMap(rng.uniform(size=N), rng.uniform(0, 0.5, size=N))
    suspects = found.suspects(48)
    figure = data_map_chart(found, suspects, [f"image {at}" for at in suspects], chosen=int(suspects[3]))
    shade, dots, ring = figure.data
    assert np.array(shade.text).sum() == N and list(dots.customdata) == suspects.tolist()
    assert ring.y[0] == pytest.approx(found.confidence[suspects[3]], abs=0.001)
    assert size(figure) < 40_000


def test_the_course_of_an_image_is_its_probability_at_each_scoring():
    figure = course_chart(np.array([0, 8, 16]), np.array([0.1, 0.5, 0.9]), title="p(3)")
    assert list(figure.data[0].y) == [0.1, 0.5, 0.9] and "0.90 at step 16" in figure.layout.meta["label"]


def test_a_line_to_compare_with_is_dotted_and_the_ghosts_dashed():
    each = INSTRUMENTS["sharpness"]
    runs = {each.series_name(part): series(np.full(30, value)) for part, value in ((WHOLE, 5.0), (LINE, 20.0))}
    figure = instrument_curves(each, runs, titles={}, ghost=runs)
    dashes = {(trace.name, trace.line.dash) for trace in figure.data}
    assert dashes == {("largest", None), ("line", "dot"), ("ghost, largest", "dash"), ("ghost, line", "dash")}


@pytest.mark.parametrize("dark", [False, True])
def test_the_bands_of_the_gauge_are_drawn_with_their_meaning(dark: bool):
    each = INSTRUMENTS["step_gauge"]
    runs = {each.series_name(): series(np.linspace(0.1, 2.4, 30))}
    words: Any = {"fine": "below 1", "watch": "1 to 2", "broken": "above 2"}
    figure = instrument_curves(each, runs, titles={}, dark=dark, zones=words)
    areas = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [(area.y0, area.y1) for area in areas] == [(0, 0.01), (0.01, 1), (1, 2), (2, pytest.approx(2.52))]
    assert [note.text for note in figure.layout.annotations] == ["below 1", "1 to 2", "above 2"]


def test_all_panels_of_a_long_run_together_are_sent_in_150_kilobytes():
    rng = np.random.default_rng(0)
    total = 0
    for each in INSTRUMENTS.values():
        parts = list(each.parts) or ["dense1", "dense2"]
        points = 2_000 if not each.once_a_second else 130  # 100,000 steps take about two minutes
        runs = {each.series_name(part): series(rng.normal(5, 1, points), every=50) for part in parts}
        if each.name != "class_accuracy":
            titles = {"dense1": "Hidden layer 1", "dense2": "Output"}
            total += size(instrument_curves(each, runs, titles=titles, n_points=curve.MOST_POINTS))
    assert total < 120_000  # strip, histograms and map take the rest


def test_numbers_are_sent_to_seven_digits():
    values = np.array([0.0, 1 / 3, -2e-9 / 3, 123_456.789, 1e12, np.float32(0.3)])
    short = seven_digits(values)
    np.testing.assert_allclose(short, values, rtol=1e-7)
    assert seven_digits(np.array([0.0, 86_000.0])).dtype == np.int64
    assert [repr(float(value)) for value in short[1:4]] == ["0.3333333", "-6.666667e-10", "123456.8"]


@pytest.mark.parametrize("values, ticks", [((120, 5000), "D2"), ((1e-6, 1), 2), ((900, 1000), None)])
def test_a_logarithmic_axis_has_few_ticks_that_are_whole_numbers_or_powers(values: Any, ticks: Any):
    each, name = INSTRUMENTS["noise_scale"], INSTRUMENTS["noise_scale"].series_name()
    axis = instrument_curves(each, {name: series(values, name)}, titles={}).layout.yaxis
    assert axis.dtick == ticks
    assert axis.exponentformat == "power" if ticks == 2 else "," in axis.tickformat
