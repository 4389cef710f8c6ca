"""Optimizers: many steps against the recurrences of the papers, closed forms, and PyTorch where it is installed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.config import RunConfig
from nn_core.knobs import choices
from nn_core.optimizers import BLOCK, DENORMAL, SWEEP_EVERY, make_optimizer

OPTIMIZERS = choices("optimizer")
SETTINGS = [
    {"lr": 0.1},
    {"lr": 0.003, "momentum": 0.5, "beta1": 0.8, "beta2": 0.99},
    {"lr": 1.0, "momentum": 0.0, "beta1": 0.0, "beta2": 0.0},
    {"lr": 1e-5, "momentum": 0.999, "beta1": 0.999, "beta2": 0.99999},
]


# ------------------------------------------------------------------------- one parameter at a time, as in the papers


def sgd(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """Robbins & Monro 1951."""
    for g in gradients:
        theta = theta - c.lr * g
        yield theta


def momentum(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """Polyak 1964: theta_t+1 = theta_t - lr g_t + mu (theta_t - theta_t-1), the form without a velocity."""
    previous = theta
    for g in gradients:
        theta, previous = theta - c.lr * g + c.momentum * (theta - previous), theta
        yield theta


def adam(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """Kingma & Ba 2015, algorithm 1, line by line."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = c.beta1 * m + (1 - c.beta1) * g
        v = c.beta2 * v + (1 - c.beta2) * g**2
        m_hat = m / (1 - c.beta1**t)
        v_hat = v / (1 - c.beta2**t)
        theta = theta - c.lr * m_hat / (math.sqrt(v_hat) + 1e-8)
        yield theta


PAPERS: dict[str, Callable[[float, list[float], RunConfig], Iterator[float]]] = {
    "sgd": sgd,
    "momentum": momentum,
    "adam": adam,
}


def test_every_registered_optimizer_is_checked_here():
    assert set(PAPERS) == set(OPTIMIZERS)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", sorted(PAPERS))
def test_thirty_steps_equal_the_recurrence_of_the_paper(name: str, settings: dict[str, Any]):
    config = RunConfig(optimizer=name, **settings)
    rng = np.random.default_rng(0)
    params, grads = rng.normal(size=7), rng.normal(size=(30, 7))
    expected = [list(PAPERS[name](float(params[i]), grads[:, i].tolist(), config)) for i in range(7)]
    optimizer = make_optimizer(config, 7, np.float64)
    for t in range(30):
        optimizer.step(params, grads[t], config)
        assert params == pytest.approx([column[t] for column in expected], rel=1e-9, abs=1e-12)
    assert optimizer.t == 30


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_in_float32_it_stays_near_the_recurrence_for_a_thousand_steps(name: str):
    config = RunConfig(optimizer=name, lr=0.001)
    rng = np.random.default_rng(0)
    params = rng.normal(size=3).astype(np.float32)
    grads = rng.normal(size=(1000, 3)).astype(np.float32)
    ends = [list(PAPERS[name](float(params[i]), grads[:, i].tolist(), config))[-1] for i in range(3)]
    optimizer = make_optimizer(config, 3)
    for g in grads:
        optimizer.step(params, g, config)
    assert params.dtype == np.float32
    assert params == pytest.approx(ends, rel=1e-3, abs=1e-3)


def test_ten_steps_of_gradient_descent_on_a_parabola_shrink_the_parameter_geometrically():
    config = RunConfig(optimizer="sgd", lr=0.25)  # on x^2 / 2 the gradient is x: x <- (1 - lr) x
    x = np.array([8.0])
    optimizer = make_optimizer(config, 1, np.float64)
    for _ in range(10):
        optimizer.step(x, x.copy(), config)
    assert x[0] == 8 * 0.75**10


def test_ten_steps_of_momentum_on_a_slope_sum_a_geometric_series():
    config = RunConfig(optimizer="momentum", lr=0.5, momentum=0.5)
    x = np.array([0.0])
    optimizer = make_optimizer(config, 1, np.float64)
    for _ in range(10):
        optimizer.step(x, np.array([1.0]), config)
    # velocities 1, 3/2, 7/4, ...: v_t = 2 - 2^(1-t); their sum over ten steps is 20 - 2 (1 - 2^-10)
    assert x[0] == pytest.approx(-0.5 * (20 - 2 * (1 - 2**-10)), rel=1e-14)


def test_adam_on_a_slope_moves_by_the_learning_rate_whatever_the_slope():
    config = RunConfig(optimizer="adam", lr=0.01)
    slopes = np.array([1e-4, 1.0, -50.0])
    x = np.zeros(3)
    optimizer = make_optimizer(config, 3, np.float64)
    for _ in range(10):
        optimizer.step(x, slopes, config)
    # both bias-corrected moments equal g and g^2 exactly at every step
    assert x == pytest.approx([-0.1 * g / (abs(g) + 1e-8) for g in slopes], rel=1e-10)


# ---------------------------------------------------------------------------------------------- what all have in common


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 17])
def test_parameters_beyond_one_block_move_like_those_in_it(name: str, n: int):
    config = RunConfig(optimizer=name, lr=0.01)
    rng = np.random.default_rng(0)
    pattern, slopes = rng.normal(size=n).astype(np.float32), rng.normal(size=(3, n)).astype(np.float32)
    whole, last = pattern.copy(), pattern[-1:].copy()
    optimizer, alone = make_optimizer(config, n), make_optimizer(config, 1)
    for g in slopes:
        optimizer.step(whole, g, config)
        alone.step(last, g[-1:], config)
    assert optimizer.t == 3
    assert whole[-1] == last[0]
    assert np.mean(whole != pattern) > 0.99  # one or another may come back by chance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_the_gradients_are_left_as_they_are_and_the_state_keeps_the_dtype(name: str, dtype: type):
    config = RunConfig(optimizer=name)
    params: np.ndarray = np.ones(5, dtype)
    grads: np.ndarray = np.arange(5, dtype=dtype)
    optimizer = make_optimizer(config, 5, dtype)
    optimizer.step(params, grads, config)
    assert np.array_equal(grads, np.arange(5, dtype=dtype))
    assert params.dtype == dtype and all(v.dtype == dtype and v.shape == (5,) for v in optimizer.state.values())


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_the_learning_rate_is_read_anew_at_each_step(name: str):
    fast, slow = RunConfig(optimizer=name, lr=0.1), RunConfig(optimizer=name, lr=0.001)
    params, g = np.zeros(1), np.ones(1)
    optimizer = make_optimizer(fast, 1, np.float64)
    optimizer.step(params, g, fast)
    first = params[0]
    optimizer.step(params, g, slow)
    assert abs(params[0] - first) < abs(first) / 10


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@given(st.integers(0, 10))
def test_state_and_count_are_all_that_going_on_needs(name: str, stop: int):
    config = RunConfig(optimizer=name)
    grads = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)

    def advance(optimizer: Any, params: np.ndarray, some: np.ndarray) -> None:
        for g in some:
            optimizer.step(params, g, config)

    straight, params = make_optimizer(config, 4), np.zeros(4, np.float32)
    advance(straight, params, grads)
    before, halted = make_optimizer(config, 4), np.zeros(4, np.float32)
    advance(before, halted, grads[:stop])
    after = make_optimizer(config, 4)
    after.t = before.t
    for key, vector in before.state.items():
        after.state[key][...] = vector
    advance(after, halted, grads[stop:])
    assert np.array_equal(params, halted)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_moments_die_out_to_zero_instead_of_lingering_as_denormal_numbers(name: str):
    config = RunConfig(optimizer=name, beta1=0.9, beta2=0.9, momentum=0.9)
    params, optimizer = np.zeros(3, np.float32), make_optimizer(config, 3)
    optimizer.step(params, np.ones(3, np.float32), config)
    for _ in range(20 * SWEEP_EVERY):  # 0.9^1000 is below the normal numbers, and 0.9 times the least of all is itself
        optimizer.step(params, np.zeros(3, np.float32), config)
    tiny = float(np.finfo(np.float32).tiny)
    assert all(((v == 0) | (np.abs(v) >= tiny)).all() for v in optimizer.state.values())
    assert tiny < DENORMAL < 1e-20
    assert np.isfinite(params).all()


def test_an_optimizer_without_a_rule_says_so():
    from nn_core.optimizers import Optimizer

    with pytest.raises(TypeError):
        Optimizer(1).step(np.zeros(1, np.float32), np.zeros(1, np.float32), RunConfig())


# ---------------------------------------------------------------------------------------------- PyTorch


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", sorted(PAPERS))
def test_twenty_steps_equal_those_of_pytorch(name: str, settings: dict[str, Any]):
    torch = pytest.importorskip("torch")
    config = RunConfig(optimizer=name, **settings)
    rng = np.random.default_rng(0)
    params, grads = rng.normal(size=7), rng.normal(size=(20, 7))
    theirs = torch.tensor(params.copy(), requires_grad=True)
    make: dict[str, Callable[[], Any]] = {
        "sgd": lambda: torch.optim.SGD([theirs], lr=config.lr),
        "momentum": lambda: torch.optim.SGD([theirs], lr=config.lr, momentum=config.momentum),
        "adam": lambda: torch.optim.Adam([theirs], lr=config.lr, betas=(config.beta1, config.beta2)),
    }
    their_optimizer, ours = make[name](), make_optimizer(config, 7, np.float64)
    for g in grads:
        theirs.grad = torch.tensor(g)
        their_optimizer.step()
        ours.step(params, g, config)
        assert params == pytest.approx(theirs.detach().numpy(), rel=1e-9, abs=1e-12)
