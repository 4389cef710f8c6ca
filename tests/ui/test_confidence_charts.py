"""The charts of Evaluate: what they draw is what was counted."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core.evaluation import reliability
from nn_core.evaluation.corruptions import SWEEPS
from nn_core.evaluation.report import refusing
from nn_core.evaluation.robustness import Robustness
from ui.charts.confidence import confidence_histograms, coverage_chart, reliability_diagram
from ui.charts.matrix import matrix_difference
from ui.charts.robustness import sweep_chart

SURE = np.array([0.95, 0.9, 0.55, 0.5, 0.99])
RIGHT = np.array([True, False, True, False, True])


def test_a_reliability_diagram_has_a_dot_for_each_bin_with_images():
    found = reliability(SURE, RIGHT, n_bins=2)
    figure = reliability_diagram(found, found)
    line, says, tempered = figure.data
    assert list(line.x) == list(line.y) == [0, 100]
    assert list(says.x) == pytest.approx([50, 100 * (0.95 + 0.9 + 0.55 + 0.99) / 4])
    assert list(says.y) == pytest.approx([0, 75]) and list(tempered.y) == list(says.y)


def test_histograms_leave_out_empty_bins_and_empty_charts_are_drawn():
    figure = confidence_histograms(np.array([0, 7]), np.array([2, 0]))
    assert [list(trace.y) for trace in figure.data] == [[None, 7], [2, None]]
    nothing = reliability(np.empty(0), np.empty(0, bool))
    assert len(reliability_diagram(nothing, nothing).data) == 3
    assert len(coverage_chart([("here", refusing(np.empty(0), np.empty(0, bool)))]).data) == 1


def test_the_line_of_coverage_ends_at_the_accuracy_on_all_images():
    drawn = coverage_chart([("here", refusing(SURE, RIGHT)), ("the other", refusing(SURE, ~RIGHT))]).data
    assert drawn[0].x[-1] == 100 and drawn[0].y[-1] == 60 and drawn[1].y[-1] == 40
    assert drawn[0].y[0] == 100  # the surest answer alone is right


def test_the_difference_of_two_matrices_is_blue_where_the_first_is_better():
    ours, theirs = np.array([[9, 1], [0, 10]]), np.array([[7, 3], [0, 10]])
    heatmap, numbers, _ = matrix_difference(ours, theirs, names=("a", "b")).data
    assert np.array(heatmap.z)[0].min() > 0 and not np.array(heatmap.z)[1].any()
    assert list(numbers.text) == ["+2", "−2", "+0", "+0"]


def test_a_change_is_drawn_as_far_as_it_was_measured_and_the_other_network_dashed():
    first, second = Robustness(5, curves={"blur": (1.0, 0.8)}), Robustness(5)
    sweep = next(each for each in SWEEPS if each.name == "blur")
    here, other = sweep_chart(sweep, [("here", first), ("the other", second)]).data
    assert list(here.x) == list(sweep.values[:2]) and list(here.y) == [100, 80]
    assert list(other.x) == [] and other.line.dash == "dash"
