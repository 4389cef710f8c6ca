"""The noise scale is that of gradients whose mean and covariance are known, within 10 %, and without bias."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.measures.noise_scale import Noise, from_parts, from_two_batches, measure_noise
from nn_core.nn.network import build_model

TRUE, DEVIATIONS = np.array([0.3, -0.2, 0.1, 0.0]), np.array([1.0, 2.0, 0.5, 3.0])  # of one image's gradient
SCALE = float((DEVIATIONS**2).sum() / (TRUE**2).sum())  # 14.25 / 0.14: about 100 images


def test_two_batch_sizes_give_signal_and_noise_exactly_where_their_lengths_are_the_expected_ones():
    assert from_two_batches(5 + 80 / 16, 16, 5 + 80 / 128, 128) == pytest.approx((5, 80))


def test_smoothed_measurements_come_within_a_tenth_of_the_scale_of_known_gradients():
    rng, noise = np.random.default_rng(0), Noise()
    for _ in range(2_000):
        images = TRUE + DEVIATIONS * rng.normal(size=(8, 32, 4))  # 8 parts of 32 images
        noise = noise.and_then(*from_parts(images.mean(axis=1), 32), keep=0.999)
    assert noise.scale == pytest.approx(SCALE, rel=0.1)


def test_single_measurements_have_no_bias_though_some_are_negative():
    rng = np.random.default_rng(1)
    found = np.array([
        from_parts((TRUE + DEVIATIONS * rng.normal(size=(4, 16, 4))).mean(axis=1), 16) for _ in range(4_000)
    ])  # fmt: skip
    assert (found[:, 0] < 0).any()
    signal, trace = found.mean(axis=0)
    assert signal == pytest.approx(float((TRUE**2).sum()), rel=0.15) and trace == pytest.approx(14.25, rel=0.03)


def test_the_first_measurement_counts_in_full_and_later_ones_by_their_share():
    once = Noise().and_then(2.0, 60.0)
    assert once.scale == pytest.approx(30)
    assert once.and_then(4.0, 60.0, keep=0.5).scale == pytest.approx((0.5 * 6 + 30) / (0.5 * 0.2 + 2))


def test_where_no_gradient_stands_out_of_the_noise_the_scale_is_nan():
    assert math.isnan(Noise().scale) and math.isnan(Noise().and_then(-0.1, 5.0).scale)
    assert Noise().and_then(1.0, -0.5).scale == 0


def test_it_is_known_again_from_its_three_numbers():
    noise = Noise().and_then(1.0, 2.0)
    assert Noise(**asdict(noise)) == noise


@pytest.mark.parametrize(("small", "large"), [(16, 16), (0, 8), (32, 16)])
def test_batch_sizes_that_make_no_sense_are_refused(small: int, large: int):
    with pytest.raises(ValueError, match="two batch sizes"):
        from_two_batches(1.0, small, 1.0, large)


def test_the_noise_of_a_network_is_that_of_the_gradients_of_its_single_images(tiny: Dataset):
    network = build_model(RunConfig(hidden=(4,), l2=0.01), np.random.default_rng(0), dtype=np.float64)
    x, labels = network.inputs(tiny.train_images), tiny.train_labels
    each = []
    for at in range(len(x)):
        network.loss_and_gradients(x[at : at + 1], labels[at : at + 1])
        each.append(network.flat_grads.copy())
    expected = float(np.var(each, axis=0).sum())
    found = [measure_noise(network, x[some], labels[some])[1] for some in np.arange(1_000).reshape(5, 200)]
    assert np.mean(found) == pytest.approx(expected, rel=0.1)


def test_measuring_leaves_weights_and_running_statistics_alone(tiny: Dataset):
    network = build_model(RunConfig(hidden=(4,), normalization="batch"), np.random.default_rng(0))
    before, running = network.flat.copy(), network.running.copy()
    measure_noise(network, network.inputs(tiny.train_images[:64]), tiny.train_labels[:64])
    assert np.array_equal(network.flat, before) and np.array_equal(network.running, running)
