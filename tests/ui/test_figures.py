"""Figures, colours and walls say what is in the data, in both themes, and stay small enough to be sent every second."""

from __future__ import annotations

import base64
import filecmp
import io
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import plotly
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from nn_core.instruments.events import Event
from nn_core.training.history import Axis, Series
from nn_core.training.state import Edit
from tests import ROOT
from ui.charts import theme, tiles
from ui.charts.bars import count_bars, probability_bars
from ui.charts.curve_axes import edit_text
from ui.charts.curve_traces import Overlaid
from ui.charts.curves import curves, overlay
from ui.charts.figure import DIGITS
from ui.charts.matrix import confusion_matrix
from ui.charts.unit_bars import unit_bars
from ui.charts.walls import filter_detail, image_wall, tile_wall
from ui.components import live_plot

SERIES = ("train/loss", "val/loss", "train/l2", "batch/loss", "train/accuracy", "val/accuracy", "train/lr")
AXES: tuple[Axis, ...] = ("step", "epoch", "images", "seconds")
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


def series(name: str, values, first_step: int = 0) -> Series:
    step = first_step + 10.0 * np.arange(len(values))
    columns = [step, step / 400, step * 128, step / 1000, np.asarray(values, dtype=np.float64)]
    return Series(name, np.stack(columns, axis=1))


def a_run(n: int, seed: int = 0) -> dict[str, Series]:
    rng = np.random.default_rng(seed)
    return {name: series(name, rng.uniform(0.1, 1.0, n)) for name in SERIES}


def by_name(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


WEIGHTS = np.random.default_rng(1).normal(0, 0.1, (784, 32)).astype(np.float32)
COUNTS = np.random.default_rng(2).integers(0, 9, (10, 10)) + 400 * np.eye(10, dtype=np.int64)
IMAGES = np.random.default_rng(3).integers(0, 256, (12, 28, 28)).astype(np.uint8)
BUILDERS: dict[str, Callable[[bool], go.Figure]] = {
    "loss": lambda dark: curves(a_run(50), kind="loss", smoothing=0.6, ghost=a_run(30, 1), dark=dark),
    "accuracy": lambda dark: curves(a_run(50), kind="accuracy", log_y=True, dark=dark),
    "no curve yet": lambda dark: curves({}, kind="loss", dark=dark),
    "overlay": lambda dark: overlay(three_runs(), kind="accuracy", log_y=True, dark=dark),
    "no run to overlay": lambda dark: overlay([], kind="loss", dark=dark),
    "filters": lambda dark: tile_wall(WEIGHTS, dark=dark),
    "one filter": lambda dark: filter_detail(WEIGHTS[:, 0], limit=0.3, dark=dark),
    "ten outgoing weights": lambda dark: unit_bars(WEIGHTS[0, :10], names=DIGITS, dark=dark),
    "many outgoing weights": lambda dark: unit_bars(WEIGHTS[:, 0], dark=dark, title="Many"),
    "matrix": lambda dark: confusion_matrix(COUNTS, dark=dark),
    "empty matrix": lambda dark: confusion_matrix(np.zeros((10, 10), dtype=int), normalize=True, dark=dark),
    "probabilities": lambda dark: probability_bars(np.full(10, 0.1), dark=dark),
    "images": lambda dark: image_wall(IMAGES, captions=[f"image {i}" for i in range(12)]),
    "counts": lambda dark: count_bars(np.arange(10), dark=dark, highlight=3),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", BUILDERS)
def test_a_figure_has_words_and_becomes_json_without_nan(name, dark):
    figure = BUILDERS[name](dark)
    text = live_plot.to_json(figure.to_dict())
    assert len(figure.layout.meta["label"]) > 10
    assert json.loads(text, parse_constant=pytest.fail)["layout"]


def test_a_number_that_is_not_finite_is_left_out_wherever_a_figure_holds_it():
    inf = float("inf")
    sent = {"value": float("nan"), "y": [1, -inf, (2.5, inf)], "z": {"a": np.array([1.0, np.nan])}, "text": "NaN"}
    shown = {"value": None, "y": [1, None, [2.5, None]], "z": {"a": [1.0, None]}, "text": "NaN"}
    assert json.loads(live_plot.to_json(sent), parse_constant=pytest.fail) == shown


def test_the_history_of_a_search_whose_first_trial_diverged_can_be_sent():
    study = optuna.create_study(direction="maximize")
    for value in (-float("inf"), 0.4, 0.9):
        study.add_trial(optuna.create_trial(value=value, params={}, distributions={}))
    figure = optuna.visualization.plot_optimization_history(study)
    sent = json.loads(live_plot.to_json(figure.to_dict()), parse_constant=pytest.fail)
    assert [0.4, 0.9] == sent["data"][0]["y"][1:]


# ---------------------------------------------------------------------------------------------- colours


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_zero_is_exactly_the_colour_of_the_page(dark):
    assert theme.signed_colour(0.0, 1.0, dark) == theme.palette(dark).background
    assert theme.palette(dark).background == CONFIG["theme"]["dark" if dark else "light"]["backgroundColor"]
    assert theme.palette(dark).text == CONFIG["theme"]["dark" if dark else "light"]["textColor"]


@given(some.floats(-10, 10), some.floats(1e-6, 10))
def test_equal_magnitudes_of_opposite_sign_lie_equally_far_from_zero(value, limit):
    above, below = theme.signed_index(np.array([value, -value]), limit).astype(int)
    assert above - theme.ZERO == theme.ZERO - below
    assert (above == theme.ZERO) == (value == 0)


def test_a_larger_magnitude_never_gets_a_colour_nearer_to_zero():
    rows = theme.signed_index(np.linspace(-2, 2, 1001), 1.0).astype(int)
    assert np.all(np.diff(rows) >= 0)
    assert (rows[0], rows[-1]) == (0, theme.N_SIGNED - 1)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_plotly_scale_is_the_table_of_colours(dark):
    scale = theme.signed_scale(dark)
    assert scale[0] == (0.0, theme.hex_colour(theme.signed_colours(dark)[0]))
    assert dict(scale)[0.5] == theme.palette(dark).background


def lab(colours: np.ndarray, sight: np.ndarray) -> np.ndarray:
    """CIELAB (n, 3) of sRGB (n, 3) in [0, 1] as seen by `sight`, a matrix in linear RGB (Machado et al., 2009)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.clip(linear @ sight.T, 0, 1) @ np.transpose(to_xyz) / (0.9505, 1, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


SIGHTS = {
    "normal": np.eye(3),
    "deuteranopic": np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]),
    "protanopic": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]),
}


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_two_digits_curves_or_signs_look_alike_to_anyone(dark, sight):
    colours = theme.palette(dark)
    groups = {
        "digits": (colours.digits, 18),
        "curves": ([colours.series[part] for part in ("train", "val", "l2")], 18),
        "signs": ([colours.positive[-1], colours.negative[-1], colours.background], 35),
    }
    for name, (group, least) in groups.items():
        seen = lab(np.array([theme.rgb(colour) for colour in group]) / 255, SIGHTS[sight])
        distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + 1000 * np.eye(len(group))
        assert distance.min() >= least, name


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_lines_bars_and_words_stand_out_from_the_page(dark):
    colours = theme.palette(dark)
    page = theme.rgb(colours.background)
    for colour in (*colours.digits, *colours.series.values(), colours.ghost):
        assert theme.contrast(theme.rgb(colour), page) >= 2.95, colour
    for colour in (colours.text, colours.muted):
        assert theme.contrast(theme.rgb(colour), page) >= 4.5, colour


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_numbers_can_be_read_on_every_colour_of_the_signed_scale(dark):
    for colour in theme.signed_colours(dark):
        assert theme.contrast(theme.rgb(theme.ink_on(colour)), colour) >= 4.5


def test_the_pages_own_charts_use_the_digits_colours():
    for name, colours in (("light", theme.LIGHT), ("dark", theme.DARK)):
        assert tuple(CONFIG["theme"][name]["chartCategoricalColors"]) == colours.digits


# ---------------------------------------------------------------------------------------------- curves


@pytest.mark.parametrize("smoothing", [0.0, 0.9])
def test_a_long_run_is_sent_as_about_a_thousand_points_a_line(smoothing):
    figure = curves(a_run(30_000), kind="loss", smoothing=smoothing)
    assert max(len(trace.x) for trace in figure.data) <= 1002
    assert len(live_plot.to_json(figure.to_dict())) < 130_000


def test_one_spike_among_many_points_is_still_drawn():
    values = np.ones(20_000)
    values[12_345] = 50.0
    figure = curves({"val/loss": series("val/loss", values)}, kind="loss")
    assert max(figure.data[0].y) == 50.0


def test_values_that_are_not_finite_are_left_out():
    run = {"val/loss": series("val/loss", [1.0, np.nan, np.inf, 0.5])}
    assert list(curves(run, kind="loss").data[0].y) == [1.0, 0.5]
    assert len(curves(run, kind="loss", smoothing=0.5).data[0].x) == 2


@pytest.mark.parametrize("x", AXES)
def test_points_lie_where_the_x_axis_says(x):
    run = {"val/loss": series("val/loss", [3.0, 2.0, 1.0])}
    figure = curves(run, kind="loss", x=x)
    np.testing.assert_allclose(figure.data[0].x, run["val/loss"].x(x), rtol=1e-6)


def test_over_lr_step_runs_of_other_rates_lie_where_they_have_come_equally_far():
    slow = {"val/loss": series("val/loss", [3.0, 2.0, 1.0]), "train/lr": series("train/lr", [0.1] * 3)}
    fast = {"val/loss": series("val/loss", [3.0, 1.0]), "train/lr": series("train/lr", [0.2] * 2)}
    figure = overlay([Overlaid("slow", slow, 0), Overlaid("fast", fast, 1)], kind="loss", x="lr_step")
    assert [list(trace.x) for trace in figure.data] == [pytest.approx([0, 1, 2]), pytest.approx([0, 2])]
    assert figure.layout.xaxis.title.text.startswith("learning rate × step")
    edits, events = [Edit(5, "lr", 0.1, 0.3)], [Event("slow", "warning", "slow", "It is slow.", 5, 10)]
    changed = {**slow, "train/lr": series("train/lr", [0.1, 0.3, 0.3])}
    figure = curves(changed, kind="loss", x="lr_step", edits=edits, events=events, cursor=5, frames=[0, 20], ghost=fast)
    assert list(by_name(figure, "validation")[0].x) == pytest.approx([0, 2, 5])
    assert by_name(figure, "changed")[0].x[0] == by_name(figure, "verdict")[0].x[0]
    assert not curves({"val/loss": slow["val/loss"]}, kind="loss", x="lr_step").data


def test_log_axes_leave_out_what_has_no_logarithm():
    run = {"val/loss": series("val/loss", [3.0, 0.0, 1.0])}
    figure = curves(run, kind="loss", log_x=True, log_y=True)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert (list(figure.data[0].x), list(figure.data[0].y)) == ([20.0], [1.0])


def test_a_zoom_belongs_to_its_axes_and_outlives_everything_else():
    def kept(**options) -> tuple[str, str]:
        layout = curves(a_run(5), kind="loss", **options).layout
        return layout.xaxis.uirevision, layout.yaxis.uirevision

    assert kept() == kept(smoothing=0.5, dark=True, ghost=a_run(3))
    assert kept()[0] != kept(x="epoch")[0] and kept()[1] == kept(x="epoch")[1]
    assert kept()[1] != kept(log_y=True)[1] and kept()[0] == kept(log_y=True)[0]


def test_accuracy_is_in_percent_with_the_line_of_chance_at_ten():
    figure = curves({"val/accuracy": series("val/accuracy", [0.1, 0.9, 1.0])}, kind="accuracy")
    np.testing.assert_allclose(figure.data[0].y, [10, 90, 100])
    assert figure.layout.shapes[-1].y0 == 10
    assert figure.layout.annotations[0].text == "chance, 10 %"


def test_on_the_error_scale_each_tick_stands_at_its_error_and_a_perfect_score_has_a_place():
    figure = curves({"val/accuracy": series("val/accuracy", [0.1, 0.99, 1.0])}, kind="accuracy", log_y=True)
    np.testing.assert_allclose(figure.data[0].y, [90, 1, 0.01], rtol=1e-4)
    np.testing.assert_allclose(figure.data[0].customdata, [10, 99, 100])
    axis = figure.layout.yaxis
    assert dict(zip(axis.tickvals, axis.ticktext, strict=True))[1] == "99 %"
    assert 10 ** figure.layout.annotations[0].y == pytest.approx(90)


def test_the_penalty_is_told_apart_and_only_there_when_it_counts():
    run = {"train/loss": series("train/loss", [1.0, 0.5]), "train/l2": series("train/l2", [0.0, 0.0])}
    assert not by_name(curves(run, kind="loss"), "L2's part")
    run["train/l2"] = series("train/l2", [0.1, 0.2])
    (penalty,) = by_name(curves(run, kind="loss"), "L2's part")
    assert penalty.line.dash == "dot"


def test_smoothed_lines_lie_over_faint_raw_ones_which_keep_the_hover():
    raw, smooth = by_name(curves(a_run(200), kind="loss", smoothing=0.9, sizes={"val": 5_000}), "validation")
    assert raw.opacity < 0.5 and smooth.opacity == 1
    assert np.std(smooth.y) < 0.5 * np.std(raw.y)
    assert "validation, n=5,000: " in raw.hovertemplate and smooth.hoverinfo == "skip"


@given(some.integers(3, 5000), some.floats(0.01, 0.99), some.floats(0.1, 10))
def test_smoothing_leaves_a_constant_as_it_is(n, weight, value):
    figure = curves({"val/loss": series("val/loss", np.full(n, value))}, kind="loss", smoothing=weight)
    np.testing.assert_allclose(figure.data[1].y, value, rtol=1e-4)


def test_a_long_ghost_does_not_squeeze_the_curves_of_a_run_that_is_still_short():
    short, long = a_run(5), a_run(200, 1)  # to steps 40 and 1,990
    assert curves(short, kind="loss", ghost=long).layout.xaxis.range == (0, 50)
    assert curves(short, kind="loss", x="images", ghost=long).layout.xaxis.range == (0, 50 * 128)
    assert max(by_name(curves(short, kind="loss", ghost=long), "ghost run")[-1].x) == 1990  # by zooming out
    for ghost in (None, short, a_run(6), {}):
        assert curves(short, kind="loss", ghost=ghost).layout.xaxis.range is None
    assert curves({}, kind="loss", ghost=long).layout.xaxis.range is None
    assert curves(a_run(1), kind="loss", ghost=long).layout.xaxis.range is None


def test_a_ghost_is_dashed_and_has_one_entry_in_the_legend():
    figure = curves(a_run(30), kind="loss", ghost=a_run(30, 1), ghost_name="run B")
    ghost = by_name(figure, "run B")
    assert {trace.line.dash for trace in ghost} == {"dash"}
    assert [trace.showlegend for trace in ghost].count(True) == 1
    assert not [trace for trace in figure.data if trace.name == "validation" and trace.line.dash]


def three_runs(n: int = 30) -> list[Overlaid]:
    return [Overlaid(name, a_run(n, slot), slot) for slot, name in enumerate(("lr 0.1", "lr 0.3", "<b>%{y}</b>"))]


@pytest.mark.parametrize("smoothing", [0.0, 0.6])
def test_overlaid_runs_have_a_colour_each_and_hover_values_name_their_run(smoothing):
    figure = overlay(three_runs(), kind="loss", smoothing=smoothing)
    assert len({trace.line.color for trace in figure.data}) == 3
    said = [trace.hovertemplate for trace in figure.data if trace.hoverinfo != "skip"]
    assert [text.split(",")[0] for text in said[:2]] == ["lr 0.1", "lr 0.3"] and len(said) == 3
    for trace, run in zip(figure.data[:: 1 + bool(smoothing)], three_runs(), strict=True):
        np.testing.assert_allclose(trace.y, run.series["val/loss"].value, rtol=1e-6)


@pytest.mark.parametrize("log_y", [False, True])
def test_losses_of_different_units_are_named_over_their_chart(log_y):
    runs = [*three_runs(), Overlaid("edge", a_run(30), 3, "half the squared error")]
    assert overlay(runs, kind="loss", log_y=log_y).layout.title.text.endswith(", in nats or half the squared error")
    assert "nats" not in overlay(three_runs(), kind="loss", log_y=log_y).layout.title.text
    assert "nats" not in overlay(runs, kind="accuracy", log_y=log_y).layout.title.text


def test_the_raw_line_stays_visible_under_the_smoothed_one():
    figure = overlay(three_runs()[:1], kind="accuracy", smoothing=0.9)
    raw, smooth = figure.data
    assert 0.2 <= raw.opacity < smooth.opacity == 1.0 and raw.line.color == smooth.line.color
    assert np.ptp(smooth.y) < np.ptp(raw.y)


def test_a_name_with_markup_is_drawn_as_it_was_written():
    trace, *_ = overlay(three_runs()[2:], kind="loss").data
    assert trace.name.startswith("&lt;b&gt;") and "%{y}" not in trace.name
    assert trace.hovertemplate.count("%{y") == 1  # the value itself
    assert re.fullmatch(r"[\w-]+", trace.uid)  # plotly looks for it as a CSS class


def test_training_is_dotted_beside_validation_and_hidden_unless_asked_for():
    figure = overlay(three_runs(), kind="accuracy", splits=("val", "train"))
    assert [trace.line.dash for trace in figure.data] == ["dot", None] * 3
    assert len(overlay(three_runs(), kind="accuracy").data) == 3


def test_runs_whose_colours_come_again_are_dashed():
    runs = [Overlaid(str(slot), a_run(30, slot), slot) for slot in range(12)]
    looks = {(trace.line.color, trace.line.dash) for trace in overlay(runs, kind="loss").data}
    assert len(looks) == 12


def test_two_hundred_runs_are_sent_in_a_few_megabytes():
    long = a_run(5_000)
    runs = [Overlaid(f"run {slot}", long, slot) for slot in range(200)]
    assert len(live_plot.to_json(overlay(runs, kind="loss").to_dict())) < 3_000_000


@pytest.mark.parametrize(("x", "place"), [("step", 45), ("epoch", 45 / 400), ("images", 45 * 128), ("seconds", 0.045)])
def test_the_step_that_is_looked_back_at_is_a_line_at_its_place_on_every_axis(x: Axis, place: float):
    figure = curves(a_run(10), kind="accuracy", x=x, cursor=45)
    (line,) = [shape for shape in figure.layout.shapes if shape.name == "looked at"]
    assert line.x0 == line.x1 == pytest.approx(place)


def test_step_0_has_its_place_although_the_batches_begin_at_step_1():
    run = {"val/loss": series("val/loss", [2.0, 1.0]), "batch/loss": series("batch/loss", [2.0] * 50, first_step=1)}
    (line,) = curves(run, kind="loss", cursor=0).layout.shapes
    assert line.x0 == 0


def test_without_a_look_back_or_a_point_there_is_no_line():
    assert not curves(a_run(10), kind="loss").layout.shapes
    assert not curves({}, kind="loss", cursor=5).layout.shapes


@pytest.mark.parametrize("x", AXES)
def test_a_changed_setting_is_marked_where_it_happened(x):
    run = a_run(11)  # steps 0 to 100
    edits = [Edit(50, "lr", 0.1, 0.3)]
    figure = curves(run, kind="loss", x=x, edits=edits)
    (mark,) = by_name(figure, "changed")
    assert mark.x[0] == pytest.approx(run["val/loss"].x(x)[5])
    assert mark.text[0] == "step 50: lr 0.1 → 0.3"
    assert figure.layout.shapes[0].x0 == mark.x[0]


@pytest.mark.parametrize("x", AXES)
def test_a_verdict_is_marked_where_it_began_and_along_the_axis_as_far_as_it_held(x):
    run = a_run(11)  # steps 0 to 100
    events = [Event("a", "bad", "dead <units>", "They are.", 50, 70), Event("b", "warning", "slow", "It is.", 80, None)]
    figure = curves(run, kind="loss", x=x, events=events)
    (marks,) = by_name(figure, "verdict")
    places = run["val/loss"].x(x)
    assert list(marks.x) == pytest.approx([places[5], places[8]]) and list(marks.customdata) == [50, 80]
    assert list(marks.text) == ["dead &lt;units&gt;, steps 50 to 70", "slow, steps from 80 on"]
    ends = [(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.y1 == 0]
    assert ends == [pytest.approx((places[5], places[7])), pytest.approx((places[8], places[10]))]
    assert marks.marker.color[0] != marks.marker.color[1]
    assert not by_name(curves(run, kind="loss", x=x), "verdict")


def test_a_change_is_told_in_the_words_of_its_setting_with_every_digit():
    assert edit_text(Edit(1_500, "lr", 0.1, 0.123456789)) == "step 1,500: lr 0.1 → 0.123456789"
    assert edit_text(Edit(1_500, "batch_size", 1024, 128)) == "step 1,500: batch_size 1,024 → 128"


def test_the_sizes_of_the_splits_are_written_on_the_chart():
    figure = curves(a_run(5), kind="loss", sizes={"train": 200, "val": 1_283})
    assert figure.layout.xaxis.title.text.endswith(" (training n=200, validation n=1,283)")
    assert "validation, n=1,283: " in by_name(figure, "validation")[0].hovertemplate
    assert "training, n=200: " in by_name(figure, "training")[0].hovertemplate
    alike = curves(a_run(5), kind="loss", sizes={"train": 500, "val": 500})
    assert alike.layout.xaxis.title.text.endswith(" (scored on n=500 each)")


def test_where_nobody_knows_how_many_images_were_scored_the_chart_says_none():
    for figure in (curves(a_run(5), kind="loss"), overlay([Overlaid("a", a_run(5), 0, "nats")], kind="loss")):
        assert "n=" not in figure.layout.xaxis.title.text
        assert not any("n=" in (trace.hovertemplate or "") for trace in figure.data)


# ---------------------------------------------------------------------------------------------- walls


@given(some.integers(1, 2048), some.floats(0.2, 8))
def test_a_grid_has_room_for_every_tile_and_no_empty_row(n, aspect):
    columns, rows = tiles.grid(n, None, aspect)
    assert (rows - 1) * columns < n <= rows * columns


@pytest.mark.parametrize("n", [1, 2, 7, 10, 32, 128, 513, 2048])
def test_every_unit_is_on_the_wall_once_in_the_order_asked_for(n):
    weights = np.random.default_rng(n).normal(0, 1, (784, n)).astype(np.float32)
    order = np.random.default_rng(0).permutation(n)
    figure = tile_wall(weights, order=order)
    cells = [cell for row in figure.data[0].z for cell in row]
    assert [cell for cell in cells if cell is not None] == list(order)
    words = [cell for row in figure.data[0].text for cell in row]
    assert words[0] == f"unit {order[0]:,}, norm {np.linalg.norm(weights[:, order[0]]):.2f}"


def test_the_picture_of_a_wall_of_weights_is_sent_as_it_is():
    figure = tile_wall(WEIGHTS, dark=True)
    data = base64.b64decode(figure.layout.images[0].source.removeprefix("data:image/png;base64,"))
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(picture, tiles.weight_wall(WEIGHTS, dark=True).rgb)
    assert figure.layout.meta["pixels"] == [picture.shape[1], picture.shape[0]]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_weight_is_drawn_in_its_place_and_zero_as_the_page(dark):
    weights = np.zeros((784, 6))
    weights[28 * 3 + 20, 4] = 1.0  # row 3, column 20 of unit 4
    picture = tiles.weight_wall(weights, columns=3, shared_scale=False, dark=dark).rgb
    unit = picture[30:60, 30:60][1:-1, 1:-1]  # the second tile of the second row, its gap taken off
    assert theme.hex_colour(unit[3, 20]) == theme.palette(dark).positive[-1]
    unit = np.delete(unit.reshape(784, 3), 28 * 3 + 20, axis=0)
    assert {theme.hex_colour(colour) for colour in unit} == {theme.palette(dark).background}


def test_one_huge_weight_does_not_pale_the_others_on_the_shared_scale():
    weights = WEIGHTS.copy()
    usual = tiles.weight_limits(weights, shared=True)[0]
    weights[0, 0] = 100.0
    assert tiles.weight_limits(weights, shared=True)[0] == pytest.approx(usual, rel=0.05)
    assert tiles.weight_limits(weights, shared=False)[0] == 100.0


def test_a_wall_of_zeros_or_broken_weights_is_still_a_wall():
    for value in (0.0, np.nan):
        assert tile_wall(np.full((784, 3), value)).layout.images
        assert tile_wall(np.full((784, 3), value), shared_scale=False).layout.images


def test_the_scale_of_colours_is_written_on_the_wall():
    limit = tiles.weight_limits(WEIGHTS, shared=True)[0]
    bar = tile_wall(WEIGHTS).data[1].marker.colorbar
    assert bar.ticktext == (f"−{limit:.2g}", "0", f"+{limit:.2g}")


def test_a_large_scale_of_colours_is_written_out_in_full():
    weights = np.zeros((784, 3))
    weights[0, 0] = 12_345.0
    for figure in (tile_wall(weights), filter_detail(weights[:, 0], limit=12_345.0)):
        bars = [trace.marker.colorbar.ticktext for trace in figure.data if trace.type == "scatter"]
        assert bars == [("−12,345", "0", "+12,345")]


def test_128_filters_are_sent_in_less_than_200_kilobytes():
    weights = np.random.default_rng(0).normal(0, 1, (784, 128))
    assert len(live_plot.to_json(tile_wall(weights).to_dict())) < 200_000


def test_an_image_wall_shows_the_images_and_frames_those_asked_for():
    wall = tiles.image_tiles(IMAGES, columns=4, borders=["#ff0000", *[None] * 11])
    picture = wall.rgb
    assert tuple(picture[1, 1]) == (255, 0, 0)
    inner = picture[3:31, 3:31].astype(int)
    assert np.abs(inner - IMAGES[0][:, :, None]).max() <= 1
    assert tuple(picture[1, 35]) != (255, 0, 0)


def test_an_image_wall_says_which_image_is_where():
    figure = image_wall(IMAGES, captions=[f"a {i}" for i in range(12)], columns=5)
    assert figure.data[0].z[1][0] == 5 and figure.data[0].text[1][0] == "a 5"
    assert figure.data[0].z[2][2] is None


# ---------------------------------------------------------------------------------------------- matrix and bars


def test_the_numbers_of_the_matrix_add_up_to_n():
    figure = confusion_matrix(COUNTS, title="validation")
    assert sum(int(text or 0) for text in figure.data[1].text) == COUNTS.sum()
    assert f"n={COUNTS.sum():,}" in figure.layout.title.text


def test_each_row_of_shares_adds_up_to_a_hundred():
    figure = confusion_matrix(COUNTS, normalize=True)
    shares = np.array([float(text or 0) for text in figure.data[1].text]).reshape(10, 10)
    np.testing.assert_allclose(shares.sum(axis=1), 100, atol=0.5)


def test_what_is_right_has_the_positive_colour_and_an_error_the_negative_one_that_grows_with_its_share():
    colour = np.array(confusion_matrix(COUNTS).data[0].z)
    errors = ~np.eye(10, dtype=bool)
    assert np.all(np.diag(colour) > 0) and np.all(colour[errors] <= 0)
    assert np.all((colour[errors] < -0.1) == (COUNTS[errors] > 0))  # even a single one can be seen
    shares = (COUNTS / COUNTS.sum(axis=1, keepdims=True))[errors]
    assert np.all(np.diff(colour[errors][np.argsort(shares)]) <= 1e-4)


def test_a_cell_says_itself_in_words_and_carries_its_digits():
    counts = np.zeros((10, 10), dtype=int)
    counts[4, 9], counts[4, 4] = 7, 493
    heatmap = confusion_matrix(counts).data[0]
    assert heatmap.hovertext[4][9] == "7 of 500 images of 4 read as 9 (1.4 %)"
    assert list(heatmap.customdata[4][9]) == [4, 9]
    assert heatmap.hovertext[0][0] == "0 of 0 images of 0 read as 0"


def test_probability_bars_never_jump_and_mark_the_likeliest():
    flat, sure = (probability_bars(p) for p in (np.full(10, 0.1), np.eye(10)[3]))
    assert flat.layout.xaxis.range == sure.layout.xaxis.range
    assert sure.data[0].text[3] == "<b>&gt;99.9 %</b>" and sure.data[0].text[0] == "&lt;0.1 %"
    assert sure.data[0].marker.color[3] == theme.LIGHT.digits[3] != flat.data[0].marker.color[3]


@pytest.mark.parametrize("n", [1, 10, 64, 65, 2048])
def test_outgoing_weights_are_all_there_with_their_sign_in_colour(n):
    weights = np.linspace(-1, 1, n) if n > 1 else np.array([0.5])
    trace = unit_bars(weights).data[0]
    shown = trace.y if trace.type == "bar" else trace.z[0]
    np.testing.assert_allclose(shown, weights, rtol=1e-6)
    if trace.type == "bar":
        assert trace.marker.color[-1] == theme.LIGHT.positive[-1]


@pytest.mark.parametrize(("n", "named"), [(5, 5), (16, 16), (64, 16), (33, 11)])
def test_of_many_units_so_few_are_named_that_the_names_have_room(n, named):
    axis = unit_bars(np.ones(n)).layout.xaxis
    assert len(range(0, n, int(axis.dtick))) == named and axis.tickangle == 0


@pytest.mark.parametrize("values", [[0, 3, 1], [-0.1, 5, 2], [-4, -1, 0], [0, 0, 0]])
def test_the_axis_of_outputs_goes_no_further_than_the_bars_and_zero(values):
    lowest, highest = unit_bars(np.array(values, float)).layout.yaxis.range
    assert lowest <= min(values) and highest >= max(values) and lowest < highest
    assert lowest >= 1.1 * min(*values, 0) and highest <= max(1.1 * max(values), 0.1 * -min(values), 1.0)
    assert tuple(unit_bars(np.array(values, float), limit=10).layout.yaxis.range) == pytest.approx((-10.8, 10.8))


@pytest.mark.parametrize("n", [10, 64, 600])
def test_the_chosen_unit_is_marked_even_where_it_puts_out_nothing_and_no_other_is(n):
    assert not unit_bars(np.zeros(n)).layout.shapes
    figure = unit_bars(np.zeros(n), chosen=7)
    (mark,) = figure.layout.shapes
    assert (mark.x0, mark.x1) == (6.5, 7.5)
    if figure.data[0].type == "bar":
        assert np.flatnonzero(np.asarray(figure.data[0].marker.line.width) > 1).tolist() == [7]


def test_a_strip_of_many_outputs_says_its_scale_and_who_hears_a_chart_what_it_shows():
    figure = unit_bars(np.linspace(0, 2.5, 600), title="Outputs", what="outputs")
    assert figure.data[1].marker.colorbar.ticktext == ("−2.5", "0", "+2.5")
    assert figure.layout.meta["label"] == "600 outputs, the largest in magnitude 2.5"


def test_a_scale_of_zeros_is_one_word():
    for figure in (tile_wall(np.zeros((784, 3))), unit_bars(np.zeros(600), title="Outputs")):
        bar = next(trace.marker.colorbar for trace in figure.data if trace.type == "scatter")
        assert [text for text in bar.ticktext if text] == ["all 0"]


def test_bars_count_every_image():
    figure = count_bars(np.arange(10) * 100)
    assert sum(figure.data[0].y) == 4500 and figure.data[0].text[9] == "900"


# ---------------------------------------------------------------------------------------------- the chart library


def test_the_library_is_copied_whole_and_a_damaged_copy_is_replaced(tmp_path):
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "plotly.min.js").write_text("half a file")
    live_plot._copy_library(folder)
    assert filecmp.cmp(source, folder / "plotly.min.js", shallow=False)
    assert [path.name for path in folder.iterdir()] == ["plotly.min.js"]


def test_a_wall_frames_no_tile_unless_one_is_chosen() -> None:
    unframed = tile_wall(WEIGHTS).layout.shapes
    framed = tile_wall(WEIGHTS, chosen=5).layout.shapes
    assert len(unframed) == 0
    assert len(framed) == 1


def test_tiles_that_would_be_an_empty_area_have_a_thin_frame():
    weights = WEIGHTS.copy()
    weights[:, [2, 4]] = 0
    assert [shape.line.width for shape in tile_wall(weights).layout.shapes] == [1, 1]
    assert len(tile_wall(np.zeros((784, 32))).layout.shapes) == 32


def test_a_small_error_is_far_paler_than_a_hit_and_a_legend_tells_the_two_scales():
    counts = np.diag(np.full(10, 490))
    counts[4, 9] = 10  # 2 %
    figure = confusion_matrix(counts)
    colour = np.array(figure.data[0].z)
    assert 0.1 < -colour[4, 9] < 0.5 * colour[4, 4]
    assert figure.data[2].marker.colorbar.ticktext == ("20 % wrong", "100 % right")


def test_the_label_of_a_sure_answer_has_room_beside_its_bar():
    figure = probability_bars(np.eye(10)[3])
    assert figure.layout.xaxis.range == (0, 1) and figure.layout.margin.r >= 55  # px, for "100.0 %" in bold


def test_two_walls_on_one_scale_give_one_weight_one_colour():
    strong = 3 * WEIGHTS
    alone, together = (
        tiles.weight_wall(strong),
        tiles.weight_wall(WEIGHTS, limit=3 * tiles.weight_limits(WEIGHTS, True)[0]),
    )
    assert np.array_equal(tiles.weight_wall(strong, limit=tiles.weight_limits(strong, True)[0]).index, alone.index)
    darkest = [np.abs(wall.index[wall.index < 255].astype(int) - 127).max() for wall in (alone, together)]
    assert darkest[0] == 127 and darkest[1] < 90  # a third of the weights' own range, but for the few largest
    figure = tile_wall(WEIGHTS, limit=0.77)
    assert "±0.77" in figure.layout.meta["label"]
