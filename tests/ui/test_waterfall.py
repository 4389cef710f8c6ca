"""The waterfall: every bar begins where the one before it ended."""

from __future__ import annotations

import pytest

from ui.charts.waterfall import waterfall


def test_each_bar_begins_where_the_last_ended_and_the_sum_stands_alone():
    figure = waterfall([("bias", 0.5), ("unit 3", 2.0), ("unit 1", -3.0)], -0.5, total_name="sum")
    bars = figure.data[0]
    assert list(bars.base) == pytest.approx([0, 0.5, 2.5, 0]) and list(bars.x) == pytest.approx([0.5, 2, -3, -0.5])
    assert list(bars.customdata) == ["bias", "unit 3", "unit 1", "sum"]
    assert list(bars.text) == ["+0.50", "+2.00", "−3.00", "<b>−0.50</b>"]
    low, high = figure.layout.xaxis.range
    assert low < -0.5 and high > 2.5


def test_a_sum_of_nothing_is_drawn():
    assert len(waterfall([("bias", 0.0)], 0.0, total_name="sum").data[0].x) == 2
