"""Sums over many images and places are those of float64, as far as float32 can hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.instruments.measures.averaging import WeightAverage
from nn_core.kernels.choose import ReferenceStep, training_step
from nn_core.nn.losses import l2_penalty
from nn_core.nn.network import Network
from nn_core.nn.sums import mean_over_rows, over_rows, products_over_rows, squares

CLOSE = 1e-5
N_IMAGES = 4_000
SMOOTH: dict[str, Any] = {"pooling": "average", "activation": "sigmoid"}  # nothing jumps where float32 rounds otherwise

cnns = st.fixed_dictionaries(
    {
        "channels": st.lists(st.integers(1, 8), min_size=1, max_size=2).map(tuple),
        "kernel": st.integers(1, 4),
        "pool": st.integers(1, 2),
        "head": st.sampled_from(sorted(choices("head"))),
        "normalization": st.sampled_from(["none", "batch"]),
        "loss": st.sampled_from(sorted(choices("loss"))),
        "batch_size": st.sampled_from([32, 64, 128]),
    }
)
mlps = st.fixed_dictionaries(
    {
        "hidden": st.lists(st.integers(1, 40), min_size=1, max_size=2).map(tuple),
        "normalization": st.sampled_from(["none", "layer"]),
        "loss": st.sampled_from(sorted(choices("loss"))),
        "batch_size": st.sampled_from([1_000, N_IMAGES]),
    }
)


def images_and_labels(n: int = N_IMAGES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, 784)).astype(np.uint8), rng.integers(0, 10, n).astype(np.uint8)


def network(config: RunConfig, dtype: type) -> Network:
    found: Network = choices("model")[config.model].target(config, np.random.default_rng(1), None, dtype)
    return found


def furthest_gradient(step: Any, config: RunConfig) -> float:
    """How far the gradients of one batch are from those in float64, as a share of the largest."""
    images, labels = images_and_labels(config.batch_size)
    narrow, wide = network(config, np.float32), network(config, np.float64)
    wide.flat[...] = narrow.flat
    for make, model in ((step, narrow), (ReferenceStep, wide)):
        make(model, images, labels).gradients(slice(0, len(labels)), 0.0, np.random.default_rng(0))
    return float(np.abs(narrow.flat_grads - wide.flat_grads).max() / np.abs(wide.flat_grads).max())


@settings(max_examples=4, deadline=None)
@given(cnns)
@example({"channels": (8,), "kernel": 2, "pool": 1, "normalization": "batch", "loss": "mse", "batch_size": 256})
def test_the_gradients_of_a_cnn_are_those_of_float64_on_every_step(sizes: dict[str, Any]):
    config = RunConfig(model="cnn", **SMOOTH, **sizes)
    for step in (training_step, ReferenceStep):
        assert furthest_gradient(step, config) < CLOSE


@settings(max_examples=4, deadline=None)
@given(mlps)
@example({"hidden": (20,), "normalization": "batch", "loss": "mse", "batch_size": N_IMAGES})
def test_the_gradients_of_an_mlp_are_those_of_float64_on_every_step(sizes: dict[str, Any]):
    config = RunConfig(activation="sigmoid", **sizes)
    for step in (training_step, ReferenceStep):
        assert furthest_gradient(step, config) < CLOSE


@pytest.mark.parametrize("shape", [(1, 1), (50_000, 8), (300_000, 2)])
def test_sums_means_and_products_over_rows_are_rounded_once(shape: tuple[int, int]):
    x = np.random.default_rng(0).random(shape, np.float32) + 1
    wide = x.astype(np.float64)
    for found, expected in (
        (over_rows(x), wide.sum(axis=0)),
        (mean_over_rows(x), wide.mean(axis=0)),
        (products_over_rows(x, x), (wide**2).sum(axis=0)),
    ):
        assert found.dtype == np.float32
        assert np.allclose(found, expected, rtol=1e-7, atol=0)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_squares_of_many_weights_are_added_as_in_float64(order: Any):
    W = np.asarray(np.random.default_rng(0).random((2_000, 5_000), np.float32), order=order)
    expected = float(np.square(W, dtype=np.float64).sum())
    assert squares(W) == pytest.approx(expected, rel=CLOSE)
    assert l2_penalty([W], 2.0) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize("loss", sorted(choices("loss")))
def test_the_loss_over_all_training_images_is_that_of_float64(loss: str):
    logits = np.random.default_rng(0).normal(0, 3, (55_000, 10)).astype(np.float32)
    labels = np.arange(55_000) % 10
    of = choices("loss")[loss].target
    for measured in (of.value, of.scored):
        assert measured(logits, labels) == pytest.approx(measured(logits.astype(np.float64), labels), rel=CLOSE)


def test_an_average_of_weights_over_many_steps_is_that_of_float64():
    rng = np.random.default_rng(0)
    average, mean = WeightAverage(8, 20_000), np.zeros(8)
    for n in range(1, 20_001):
        w = (1 + 0.1 * rng.normal(size=8)).astype(np.float32)
        average.see(w)
        mean += (w - mean) / n
    assert np.allclose(average.values, mean, rtol=CLOSE)
