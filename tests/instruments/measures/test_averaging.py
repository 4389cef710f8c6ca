"""The average of the weights is a mean by hand at first, and an exponential one afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core.instruments.measures.averaging import WeightAverage


def test_until_the_horizon_it_is_the_plain_mean():
    average, seen = WeightAverage(3, horizon=10), np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    for at, weights in enumerate(seen, start=1):
        average.see(weights)
        assert np.allclose(average.values, sum(seen[:at].astype(float)) / at, atol=1e-6)


def test_past_the_horizon_each_new_step_counts_by_its_share():
    average = WeightAverage(1, horizon=4, values=np.array([8.0]), n_seen=100)
    average.see(np.array([4.0]))
    assert average.values == pytest.approx([7.0])  # 3/4 of 8 and 1/4 of 4
    average.see(np.array([3.0]))
    assert average.values == pytest.approx([6.0])


def test_it_goes_on_from_its_state_exactly():
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(40, 5)).astype(np.float32)
    whole, first = WeightAverage(5, 7), WeightAverage(5, 7)
    for weights in steps:
        whole.see(weights)
    for weights in steps[:15]:
        first.see(weights)
    second = WeightAverage(5, 7, first.values.copy(), first.n_seen)
    for weights in steps[15:]:
        second.see(weights)
    assert np.array_equal(second.values, whole.values) and second.n_seen == 40


def test_a_horizon_below_one_step_is_refused():
    with pytest.raises(ValueError, match=r"at least 1 step, got 0\.5"):
        WeightAverage(2, 0.5)
