"""Figures of a layer are those derived by hand, and those of units that were killed or pushed to an end."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from nn_core.instruments.measures.layers import (
    dead_share,
    distance,
    mean_and_spread,
    n_dead,
    rms,
    saturated_share,
    signal_to_noise,
    update_ratio,
)


def test_sizes_ratios_and_distances_are_those_derived_by_hand():
    assert rms(np.array([3.0, -4.0, 0.0, 0.0])) == 2.5
    assert update_ratio(np.array([0.003, 0.004]), np.array([[3.0], [4.0]])) == pytest.approx(1e-3)
    assert distance(np.array([3.0, 5.0]), np.array([3.0, 4.0])) == pytest.approx(0.2)
    assert distance(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0


def test_what_has_no_size_to_compare_with_is_nan():
    assert math.isnan(update_ratio(np.ones(2), np.zeros(2))) and math.isnan(distance(np.ones(2), np.zeros(2)))
    assert rms(np.zeros(0)) == 0 and math.isnan(signal_to_noise(np.ones((1, 3))))


def test_the_size_of_numbers_too_large_to_square_in_single_precision_is_known():
    assert rms(np.full(3, 1e30, np.float32)) == pytest.approx(1e30, rel=1e-6)


def test_the_size_of_a_layer_is_found_without_a_copy_of_it():
    weights = np.random.default_rng(0).normal(size=(784, 128)).astype(np.float32)
    expected = float(np.sqrt(np.mean(weights.astype(np.float64) ** 2)))
    tracemalloc.start()
    found = rms(weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == pytest.approx(expected, rel=1e-5) and peak < weights.nbytes / 10


def test_the_signal_to_noise_of_gradients_is_their_mean_over_their_deviation():
    # means 2 and 4, unbiased deviations sqrt(2) and 2 sqrt(2): both ratios are sqrt(2); the third weight never moves
    assert signal_to_noise(np.array([[1.0, 2.0, 0.0], [3.0, 6.0, 0.0]])) == pytest.approx(math.sqrt(2))
    rng = np.random.default_rng(0)
    assert signal_to_noise(rng.normal(0.5, 0.25, (4_000, 50))) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("places", [(), (3, 3)])
def test_units_that_put_out_nothing_are_dead(places: tuple[int, ...]):
    outputs = np.random.default_rng(0).random((20, 8, *places))
    outputs[:, [1, 5]] = 0
    outputs[1:, 6] = 0  # one image wakes it
    assert dead_share(outputs) == 2 / 8 and n_dead(outputs) == 2


@pytest.mark.parametrize(("activation", "ends"), [("tanh", (-1, 1)), ("sigmoid", (0, 1))])
def test_units_pushed_to_an_end_for_most_images_are_saturated(activation: str, ends: tuple[int, int]):
    low, high = ends
    outputs = np.full((20, 5), (low + high) / 2)
    outputs[:, 0] = high - 0.001
    outputs[:10, 1], outputs[10:, 1] = low, high  # at either end
    outputs[:17, 2] = high  # 85 % of the images
    assert saturated_share(outputs, activation) == pytest.approx(2 / 5)


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu", "identity"])
def test_what_has_no_end_above_does_not_saturate(activation: str):
    assert math.isnan(saturated_share(np.ones((4, 3)), activation))


def test_mean_and_spread_are_those_derived_by_hand():
    outputs = np.array([[1.0, 2.0], [3.0, 2.0]])  # variances 1 and 0
    assert mean_and_spread(outputs) == pytest.approx((2.0, math.sqrt(0.5)))
    assert mean_and_spread(np.ones((5, 3, 2, 2)))[1] == 0
