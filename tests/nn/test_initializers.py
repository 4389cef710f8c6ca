"""First weights: their spread and bounds are those of the papers, and they follow from the seed alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.nn.mlp import MLP
from nn_core.nn.network import build_model

INITIALIZERS = choices("init")
SHAPES = [(784, 128), (128, 784), (400, 400)]


def draw(name: str, n_in: int, n_out: int, scale: float = 0.5, seed: int = 0) -> np.ndarray:
    weights: np.ndarray = INITIALIZERS[name].target(np.random.default_rng(seed), n_in, n_out, scale)
    return weights


# name -> (variance, largest absolute value) for n_in, n_out, scale, as the papers have them
EXPECTED = {
    "zeros": lambda n_in, n_out, s: (0.0, 0.0),
    "uniform": lambda n_in, n_out, s: ((2 * s) ** 2 / 12, s),  # the variance of a uniform of width 2s
    "normal": lambda n_in, n_out, s: (s * s, math.inf),
    "xavier": lambda n_in, n_out, s: (
        2 / (n_in + n_out),
        6**0.5 / (n_in + n_out) ** 0.5,
    ),  # Glorot & Bengio, eq. 12, 16
    "he": lambda n_in, n_out, s: (2 / n_in, math.inf),  # He et al., eq. 10
    "xavier_normal": lambda n_in, n_out, s: (2 / (n_in + n_out), math.inf),
    "lecun": lambda n_in, n_out, s: (1 / n_in, math.inf),  # LeCun et al., eq. 16
    "he_uniform": lambda n_in, n_out, s: (2 / n_in, 6**0.5 / n_in**0.5),  # a uniform of width 2b has variance b^2 / 3
    "orthogonal": lambda n_in, n_out, s: (1 / max(n_in, n_out), 1.0),  # min(n_in, n_out) columns or rows of length 1
    "constant": lambda n_in, n_out, s: (0.0, s),
}


def test_every_registered_initialization_is_checked_here():
    assert set(EXPECTED) == set(INITIALIZERS)


@pytest.mark.parametrize("scale", [0.01, 0.5, 3.0])
@pytest.mark.parametrize(("n_in", "n_out"), SHAPES)
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_mean_spread_and_bounds_are_those_of_the_paper(name: str, n_in: int, n_out: int, scale: float):
    weights = draw(name, n_in, n_out, scale)
    variance, bound = EXPECTED[name](n_in, n_out, scale)
    n = weights.size
    assert weights.shape == (n_in, n_out) and weights.dtype == np.float64
    mean = scale if name == "constant" else 0.0
    assert abs(weights.mean() - mean) <= 5 * math.sqrt(variance / n) + 1e-12
    assert weights.var() == pytest.approx(
        variance, rel=5 * math.sqrt(2 / n), abs=1e-20
    )  # five standard errors of a normal's
    assert np.abs(weights).max() <= bound
    if 0 < bound < math.inf and name != "orthogonal":
        assert np.abs(weights).max() > 0.99 * bound


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (7, 3), (3, 7), (5, 5), (784, 10), (10, 784)])
def test_an_orthogonal_matrix_keeps_lengths_and_angles_along_its_shorter_side(n_in: int, n_out: int):
    W = draw("orthogonal", n_in, n_out)
    gram = W.T @ W if n_in >= n_out else W @ W.T
    assert np.allclose(gram, np.eye(min(n_in, n_out)), atol=1e-12)


def test_the_signs_of_an_orthogonal_matrix_are_even():
    corners = [draw("orthogonal", 3, 3, seed=seed)[0, 0] for seed in range(400)]
    assert abs(np.mean(np.array(corners) > 0) - 0.5) < 0.125  # five standard errors


@pytest.mark.parametrize("gain", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_the_gain_multiplies_the_weights_that_were_drawn(name: str, gain: float):
    plain, scaled = (
        MLP(RunConfig(init=name, gain=g, hidden=(4,)), np.random.default_rng(3), dtype=np.float64) for g in (1.0, gain)
    )
    assert np.allclose(scaled.flat, gain * plain.flat, rtol=1e-14)


@pytest.mark.parametrize("name", ["normal", "he", "xavier_normal", "lecun"])
def test_a_bell_curve_has_its_shares_within_one_and_two_deviations(name: str):
    weights = draw(name, 784, 128)
    z = np.abs(weights / weights.std())
    assert np.mean(z < 1) == pytest.approx(math.erf(1 / math.sqrt(2)), abs=0.01)
    assert np.mean(z < 2) == pytest.approx(math.erf(2 / math.sqrt(2)), abs=0.01)


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_any_shape_can_be_drawn_and_the_same_seed_draws_the_same(name: str, n_in: int, n_out: int, seed: int):
    weights = draw(name, n_in, n_out, seed=seed)
    assert weights.shape == (n_in, n_out) and np.isfinite(weights).all()
    assert np.array_equal(weights, draw(name, n_in, n_out, seed=seed))


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - {"zeros", "constant"}))
def test_another_seed_draws_other_weights(name: str):
    assert not np.array_equal(draw(name, 5, 5, seed=1), draw(name, 5, 5, seed=2))


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_a_network_starts_with_those_weights_and_zero_biases_in_either_precision(name: str):
    config = RunConfig(init=name, hidden=(6, 5))
    single = MLP(config, np.random.default_rng(3))
    double = MLP(config, np.random.default_rng(3), dtype=np.float64)
    for (parameter, a), (_, b) in zip(single.named_params(), double.named_params(), strict=True):
        assert a.dtype == np.float32 and b.dtype == np.float64
        assert np.array_equal(a, b.astype(np.float32))
        assert parameter.endswith(".W") or not b.any()


@pytest.mark.parametrize("name", ["xavier", "xavier_normal"])
def test_the_fan_out_of_a_convolution_counts_all_places_that_an_input_has_a_part_in(name: str):
    config = RunConfig(model="cnn", channels=(32, 64), kernel=5, padding=2, init=name)
    network = build_model(config, np.random.default_rng(0))
    spreads = {part: W.std() for part, W in network.named_params() if part.endswith(".W")}
    # torch.nn.init.xavier_uniform_ of a (64, 32, 5, 5) tensor: fan_in 32 * 25, fan_out 64 * 25
    assert spreads["conv2.W"] == pytest.approx(math.sqrt(2 / (32 * 25 + 64 * 25)), rel=0.02)
    assert spreads["conv1.W"] == pytest.approx(math.sqrt(2 / (1 * 25 + 32 * 25)), rel=0.1)
    n_in, n_out = network.parts["dense1"].params["W"].shape
    assert spreads["dense1.W"] == pytest.approx(math.sqrt(2 / (n_in + n_out)), rel=0.02)
