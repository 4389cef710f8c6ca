"""The step gauge is exact on quadratics, is lr g'Hg / g'g for gradient descent, and knows when the loss rose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.measures.step import cosine, rate_of_one, step_gauge
from nn_core.machine.memory import Array
from nn_core.nn.hessian import Hessian
from nn_core.nn.network import Network, build_model
from nn_core.nn.optimizers import make_optimizer


@pytest.mark.parametrize(("way", "r"), [(0.5, 0.5), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (-1.0, -1.0)])
def test_the_gauge_is_the_way_gone_over_the_way_to_the_lowest_point_of_a_parabola(way: float, r: float):
    curvature, start = 4.0, np.array([3.0])  # loss 2 w^2: its lowest point is 3 away
    change = np.array([-3.0 * way])
    assert step_gauge(curvature * start, curvature * (start + change), change) == r


def test_the_gauge_is_1_at_the_lowest_point_along_any_direction_and_2_where_the_loss_is_as_before():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(6, 6))
    H, w, d = A @ A.T, rng.normal(size=6), rng.normal(size=6)
    best = -(d @ H @ w) / (d @ H @ d) * d  # the exact minimum along d
    assert step_gauge(H @ w, H @ (w + best), best) == pytest.approx(1, abs=1e-12)
    assert step_gauge(H @ w, H @ (w + 2 * best), 2 * best) == pytest.approx(2, abs=1e-12)
    assert (w + 2 * best) @ H @ (w + 2 * best) == pytest.approx(w @ H @ w)


def _gradient(network: Network, x: Array, labels: Array) -> tuple[float, Array]:
    return network.loss_and_gradients(x, labels), network.flat_grads.copy()


def test_for_gradient_descent_the_gauge_is_the_rate_times_the_curvature_along_the_gradient():
    config, rng = RunConfig(hidden=(6,), activation="tanh", l2=0.01), np.random.default_rng(0)
    network, lr = build_model(config, rng, dtype=np.float64), 1e-8
    x, labels = rng.normal(size=(20, 784)), rng.integers(0, 10, 20)
    hessian = Hessian(network, x, labels)
    g = hessian.gradient
    expected = lr * (g @ hessian.times(g)) / (g @ g)
    network.flat -= lr * g
    r = step_gauge(g, _gradient(network, x, labels)[1], -lr * g)
    assert r == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("optimizer", "lr", "batch"), [("sgd", 0.5, 32), ("momentum", 0.05, 64), ("adam", 0.02, 64)])
def test_the_gauge_is_above_2_where_and_only_where_the_loss_of_the_batch_rose(
    optimizer: str, lr: float, batch: int, tiny: Dataset
):
    config = RunConfig(optimizer=optimizer, lr=lr)
    network = build_model(config, np.random.default_rng(0))
    rule = make_optimizer(config, network.n_params, weights=network.matrices)
    images, rng = network.inputs(tiny.train_images), np.random.default_rng(1)
    agree, rose = 0, 0
    for _ in range(500):
        some = rng.choice(len(images), batch)
        x, labels = images[some], tiny.train_labels[some]
        before = network.flat.copy()
        loss, gradient = _gradient(network, x, labels)
        rule.step(network.flat, gradient, config)
        later, after = _gradient(network, x, labels)
        agree += (step_gauge(gradient, after, network.flat - before) > 2) == (later > loss)
        rose += later > loss
    assert rose > 2  # it is not always the one answer
    assert agree / 500 > 0.95


def test_a_gauge_that_is_not_defined_is_nan():
    assert math.isnan(step_gauge(np.array([1.0, 0.0]), np.ones(2), np.array([0.0, 1.0])))
    assert math.isnan(rate_of_one(0.1, -0.2)) and math.isnan(rate_of_one(0.1, 0.0))


def test_the_rate_of_one_is_that_of_the_exact_step():
    w, curvature, lr = np.array([3.0]), 4.0, 0.05
    gauge = step_gauge(curvature * w, curvature * (w - lr * curvature * w), -lr * curvature * w)
    assert rate_of_one(lr, gauge) == pytest.approx(1 / curvature)


def test_the_gauge_of_a_tiny_step_survives_single_precision():
    rng = np.random.default_rng(0)
    g = rng.normal(size=400_000).astype(np.float32)
    assert step_gauge(g, g * np.float32(1 - 1e-4), -g * np.float32(1e-4)) == pytest.approx(1e-4, rel=1e-3)


def test_cosines_are_those_derived_by_hand():
    assert cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(math.sqrt(0.5))
    assert cosine(np.array([1.0, 2.0]), np.array([-2.0, -4.0])) == pytest.approx(-1)
    assert cosine(np.array([0.0, 2.0]), np.array([3.0, 0.0])) == 0
    assert math.isnan(cosine(np.zeros(2), np.ones(2)))
