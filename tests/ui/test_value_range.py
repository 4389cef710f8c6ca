"""What a chart of curves shows: the values that matter, and marks at its edge for those beyond."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.ui.test_figures import series
from ui.charts.curve_traces import Overlaid
from ui.charts.curves import curves, overlay


def falling(n: int = 200, start: float = 2.3, least: float = 0.1) -> np.ndarray:
    return least + (start - least) * np.exp(-np.arange(n) / 4)


def rising(n: int = 200, end: float = 0.95) -> np.ndarray:
    return end - (end - 0.1) * np.exp(-np.arange(n) / 2)


def loss_chart(values, **options):
    return curves({"val/loss": series("val/loss", values)}, kind="loss", **options)


def accuracy_chart(values, **options):
    return curves({"val/accuracy": series("val/accuracy", values)}, kind="accuracy", **options)


def marks(figure) -> list[tuple[float, str]]:
    """Where curves leave the chart, and the values written there."""
    traces = {trace.uid: trace for trace in figure.data}
    if "beyond" not in traces:
        return []
    values = [text.strip("\u00a0") for text in traces["beyond-numbers"].text]
    return sorted(zip(traces["beyond"].x, values, strict=True))


def visible(figure, values) -> float:
    """The share of the values that lie on the chart."""
    low, high = figure.layout.yaxis.range
    return float(np.mean((values >= low) & (values <= high)))


def test_one_spike_does_not_flatten_the_loss_and_is_marked_with_its_value():
    values = falling()
    values[100] = 3012.4
    figure = loss_chart(values)
    low, high = figure.layout.yaxis.range
    assert low == 0 and 0.1 < high < 1.0
    assert (1000.0, "3,012") in marks(figure)
    assert max(figure.data[0].y) == pytest.approx(3012.4)  # still drawn, for who zooms out


def test_spikes_that_go_on_for_a_quarter_of_the_chart_do_not_flatten_it_either():
    values = falling()
    values[60:110:2] = 3000.0
    assert loss_chart(values).layout.yaxis.range[1] <= 5


def test_a_loss_that_is_high_now_is_on_the_chart():
    values = falling()
    values[-1] = 40.0
    figure = loss_chart(values)
    assert figure.layout.yaxis.range[1] >= 40 and not marks(figure)


def test_the_beginning_of_a_convolutional_network_at_10_leaves_room_for_what_follows():
    figure = loss_chart(falling(400, start=10.0, least=0.05))
    assert figure.layout.yaxis.range[1] < 1
    assert marks(figure)[0] == (0.0, "10")


@pytest.mark.parametrize(
    ("end", "low"), [(0.11, 0), (0.78, 0), (0.85, 80), (0.93, 90), (0.96, 95), (0.985, 98), (0.995, 99)]
)
def test_the_axis_of_accuracy_comes_nearer_once_learning_is_past_80_percent(end: float, low: float):
    figure = accuracy_chart(rising(end=end))
    assert figure.layout.yaxis.range[0] == low
    assert figure.layout.yaxis.range[1] > 100
    assert [text for _, text in marks(figure)] == (["10.0 %"] if low else [])


def test_94_and_95_percent_stand_a_twentieth_of_the_chart_apart():
    low, high = accuracy_chart(rising(end=0.945)).layout.yaxis.range
    assert 1 / (high - low) >= 0.05


def test_an_accuracy_that_has_just_broken_down_is_on_the_chart():
    values = rising()
    values[-1] = 0.11
    assert accuracy_chart(values).layout.yaxis.range[0] == 0


def test_the_axis_stays_as_it_is_while_the_values_change_a_little():
    ends = [loss_chart(falling(least=least)).layout.yaxis.range[1] for least in np.linspace(0.104, 0.109, 9)]
    assert len(set(ends)) == 1
    ends = [accuracy_chart(rising(end=end)).layout.yaxis.range for end in np.linspace(0.955, 0.975, 9)]
    assert len(set(ends)) == 1


def test_the_error_on_a_log_axis_goes_from_the_cut_to_a_round_error_below_the_best():
    figure = accuracy_chart(rising(end=0.985), log_y=True)
    top, bottom = (10**end for end in figure.layout.yaxis.range)
    assert (round(top, 6), round(bottom, 6)) == (2, 1)
    figure = accuracy_chart(rising(n=10, end=0.7), log_y=True)
    assert 10 ** figure.layout.yaxis.range[0] == pytest.approx(100)


def test_a_log_axis_of_loss_writes_every_tick_as_a_whole_number_or_fraction():
    axis = loss_chart(falling(), log_y=True).layout.yaxis
    assert axis.type == "log" and axis.tickformat.endswith("f")  # without it plotly writes 0.05 as "5"


def test_a_log_axis_of_loss_shows_all_but_what_is_far_above():
    values = falling(60)
    values[40] = 1e15
    low, high = (10**end for end in loss_chart(values, log_y=True).layout.yaxis.range)
    assert low < 0.1 and 2.3 < high < 100
    assert "1.0e+15" in [text for _, text in marks(loss_chart(values, log_y=True))]


def test_a_racer_that_diverges_does_not_flatten_the_others_and_is_marked():
    good = {"val/loss": series("val/loss", falling())}
    bad = {"val/loss": series("val/loss", np.geomspace(2.3, 1e5, 200))}
    figure = overlay([Overlaid("lr 0.1", good, 0), Overlaid("lr 10", bad, 1)], kind="loss")
    assert figure.layout.yaxis.range[1] <= 4
    assert [text for _, text in marks(figure)] == ["100,000"]


def test_a_racer_that_is_stuck_at_chance_is_seen_beside_the_others():
    good = {"val/accuracy": series("val/accuracy", rising())}
    stuck = {"val/accuracy": series("val/accuracy", np.full(200, 0.1))}
    figure = overlay([Overlaid("a", good, 0), Overlaid("b", stuck, 1)], kind="accuracy")
    assert figure.layout.yaxis.range[0] == 0


def test_a_steep_first_stretch_between_two_points_far_apart_does_not_hold_the_axis_back():
    figure = accuracy_chart([0.1, 0.90, 0.92, 0.93, 0.935])
    assert figure.layout.yaxis.range[0] == 90
    assert loss_chart([2.3, 0.4, 0.35, 0.3, 0.29]).layout.yaxis.range[1] < 1


def test_as_long_as_there_are_few_points_all_of_them_are_shown():
    assert accuracy_chart([0.1, 0.9, 0.92]).layout.yaxis.range[0] == 0
    assert loss_chart([2.3, 0.4, 0.35]).layout.yaxis.range[1] > 2


def test_only_the_three_farthest_marks_are_kept_and_none_of_them_touch():
    values = falling(400)
    values[20:380:18] = 50.0 + np.arange(20)
    found = marks(loss_chart(values))
    assert len(found) <= 3 and "69" in [text for _, text in found]
    assert all(after - before > 500 for (before, _), (after, _) in pairwise(found))


def test_what_lies_beyond_the_shown_part_of_the_x_axis_has_no_mark():
    short = {"val/loss": series("val/loss", falling(20))}
    long = {"val/loss": series("val/loss", np.r_[falling(100), 500.0, falling(99)])}
    assert "500" not in [text for _, text in marks(curves(short, kind="loss", ghost=long))]


@given(some.lists(some.floats(1e-6, 1e6), min_size=1, max_size=60))
def test_at_least_the_newest_and_half_of_all_values_of_one_run_are_on_the_chart(values):
    figure = loss_chart(values)
    assert values[-1] <= figure.layout.yaxis.range[1] * (1 + 1e-9)
    if len(values) > 20 and max(values) < 10 * np.median(values):
        assert visible(figure, np.array(values)) >= 0.5
