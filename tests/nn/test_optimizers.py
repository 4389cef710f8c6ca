"""Optimizers: many steps against the recurrences of the papers, closed forms, and PyTorch where it is installed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.nn.mlp import MLP
from nn_core.nn.muon import orthogonalised
from nn_core.nn.optimizers import BLOCK, DENORMAL, SWEEP_EVERY, make_optimizer

OPTIMIZERS = choices("optimizer")
SETTINGS = [
    {"lr": 0.1},
    {"lr": 0.003, "momentum": 0.5, "beta1": 0.8, "beta2": 0.99, "weight_decay": 2.0},
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


def nesterov(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """The form without a velocity: theta_t+1 - theta_t = mu (theta_t - theta_t-1) - lr [(1 + mu) g_t - mu g_t-1]."""
    previous, g_before = theta, 0.0
    for g in gradients:
        step = c.momentum * (theta - previous) - c.lr * ((1 + c.momentum) * g - c.momentum * g_before)
        theta, previous, g_before = theta + step, theta, g
        yield theta


def adagrad(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """Duchi et al. 2011: divided by the Euclidean length of all gradients so far."""
    for t, g in enumerate(gradients, start=1):
        theta = theta - c.lr * g / (math.hypot(*gradients[:t]) + 1e-10)
        yield theta


def rmsprop(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """Tieleman & Hinton 2012: the mean square written out as a weighted sum over all gradients so far."""
    for t, g in enumerate(gradients):
        mean_square = sum((1 - c.beta2) * c.beta2 ** (t - s) * gradients[s] ** 2 for s in range(t + 1))
        theta = theta - c.lr * g / (math.sqrt(mean_square) + 1e-8)
        yield theta


def adamw(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """Loshchilov & Hutter 2019, algorithm 2: Adam's step, and the decay of the parameter as it was before it."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = c.beta1 * m + (1 - c.beta1) * g
        v = c.beta2 * v + (1 - c.beta2) * g**2
        m_hat, v_hat = m / (1 - c.beta1**t), v / (1 - c.beta2**t)
        theta = theta - c.lr * (m_hat / (math.sqrt(v_hat) + 1e-8) + c.weight_decay * theta)
        yield theta


def muon_elsewhere(theta: float, gradients: list[float], c: RunConfig) -> Iterator[float]:
    """Outside of hidden matrices: a heavy ball whose parameter shrinks first."""
    velocity = 0.0
    for g in gradients:
        velocity = c.momentum * velocity + g
        theta = (1 - c.lr * c.weight_decay) * theta - c.lr * velocity
        yield theta


PAPERS: dict[str, Callable[[float, list[float], RunConfig], Iterator[float]]] = {
    "sgd": sgd,
    "momentum": momentum,
    "adam": adam,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adamw": adamw,
    "muon": muon_elsewhere,
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
    from nn_core.nn.optimizers import Optimizer

    with pytest.raises(TypeError):
        Optimizer(1).step(np.zeros(1, np.float32), np.zeros(1, np.float32), RunConfig())


def test_the_schedules_multiplier_is_a_factor_of_the_learning_rate():
    for name in OPTIMIZERS:
        one, other = np.ones(3), np.ones(3)
        halved, half = RunConfig(optimizer=name, lr=0.1), RunConfig(optimizer=name, lr=0.05)
        first, second = make_optimizer(halved, 3, np.float64), make_optimizer(half, 3, np.float64)
        for g in np.random.default_rng(0).normal(size=(5, 3)):
            first.step(one, g, halved, 0.5)
            second.step(other, g, half)
        assert np.allclose(one, other, rtol=1e-14), name


# ---------------------------------------------------------------------------------------------- matrices


def network(dtype: type, hidden: tuple[int, ...] = (20, 15)) -> tuple[MLP, RunConfig]:
    """Matrices that lie in memory by rows and by columns, wide and tall."""
    config = RunConfig(optimizer="muon", hidden=hidden, lr=0.02, momentum=0.9, weight_decay=0.1)
    return MLP(config, np.random.default_rng(0), dtype=dtype), config


def steps_of(name: str, model: MLP, config: RunConfig, gradients: np.ndarray) -> None:
    weights = [layer.params["W"] for layer in model.dense]
    optimizer = make_optimizer(config.replace(optimizer=name), model.n_params, model.flat.dtype, weights)
    for g in gradients:
        model.flat_grads[...] = g
        optimizer.step(model.flat, model.flat_grads, config)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_decay_shrinks_weights_and_spares_biases(name: str):
    model, config = network(np.float64)
    model.flat[model.n_weights :] = 1
    before = model.weights()
    steps_of(name, model, config, np.zeros((10, model.n_params)))
    for parameter, values in model.named_params():
        factor = (1 - 0.02 * 0.1) ** 10 if parameter.endswith(".W") else 1
        assert np.allclose(values, factor * before[parameter], rtol=1e-12), parameter


def quintic_on_singular_values(G: np.ndarray) -> np.ndarray:
    """Jordan et al. 2024: five times s <- 3.4445 s - 4.7750 s^3 + 2.0315 s^5 on the singular values of G / |G|."""
    U, s, Vt = np.linalg.svd(G / np.linalg.norm(G), full_matrices=False)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (U * s) @ Vt


@pytest.mark.parametrize("hidden", [(20, 15), (3, 30, 12)], ids=str)
def test_twelve_steps_of_muon_move_hidden_matrices_along_the_orthogonalised_momentum(hidden: tuple[int, ...]):
    model, config = network(np.float64, hidden)
    expected = {name: values.copy() for name, values in model.weights().items()}
    velocity = {name: np.zeros_like(values) for name, values in expected.items()}
    rng = np.random.default_rng(1)
    steps = rng.normal(size=(12, model.n_params))
    for g in steps:
        model.flat_grads[...] = g
        for name, gradient in model.named_grads():
            velocity[name] = 0.9 * velocity[name] + gradient
            if name.endswith(".W"):
                expected[name] = expected[name] * (1 - 0.02 * 0.1)
            if name.endswith(".W") and name != f"dense{len(hidden) + 1}.W":
                n_in, n_out = gradient.shape
                step = quintic_on_singular_values(gradient + 0.9 * velocity[name]) * max(1, n_out / n_in) ** 0.5
            else:
                step = velocity[name]
            expected[name] = expected[name] - 0.02 * step
    steps_of("muon", model, config, steps)
    for name, values in model.named_params():
        assert np.allclose(values, expected[name], rtol=1e-6, atol=1e-6), name


@pytest.mark.parametrize("shape", [(30, 7), (7, 30), (12, 12), (5, 1)])
def test_the_orthogonalised_matrix_has_singular_values_near_one(shape: tuple[int, int]):
    G = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    near = orthogonalised(G)
    assert near.shape == shape and near.dtype == np.float32
    s = np.linalg.svd(near, compute_uv=False)
    assert 0.6 < s.min() and s.max() < 1.3
    assert not orthogonalised(np.zeros(shape, np.float32)).any()


def test_muon_is_near_that_of_pytorch():
    torch = pytest.importorskip("torch")
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this PyTorch has no Muon")
    model, config = network(np.float64)
    W = model.dense[0].params["W"]
    theirs = torch.tensor(W.T.copy(), requires_grad=True)  # (out, in) there
    optimizer = torch.optim.Muon([theirs], lr=0.02, momentum=0.9, weight_decay=0.1)
    start, steps = W.copy(), np.random.default_rng(1).normal(size=(12, model.n_params))
    for g in steps:
        model.flat_grads[...] = g
        theirs.grad = torch.tensor(model.dense[0].grads["W"].T.copy())
        optimizer.step()
    steps_of("muon", model, config, steps)
    moved = theirs.detach().numpy().T - start
    assert np.linalg.norm(W - start - moved) < 0.02 * np.linalg.norm(moved)  # theirs iterates in bfloat16


# ---------------------------------------------------------------------------------------------- PyTorch


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", sorted(set(PAPERS) - {"muon"}))
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
        "nesterov": lambda: torch.optim.SGD(
            [theirs], lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0
        ),
        "adagrad": lambda: torch.optim.Adagrad([theirs], lr=config.lr),
        "rmsprop": lambda: torch.optim.RMSprop([theirs], lr=config.lr, alpha=config.beta2),
        "adamw": lambda: torch.optim.AdamW(
            [theirs], lr=config.lr, betas=(config.beta1, config.beta2), weight_decay=config.weight_decay
        ),
    }
    their_optimizer, ours = make[name](), make_optimizer(config, 7, np.float64)
    for g in grads:
        theirs.grad = torch.tensor(g)
        their_optimizer.step()
        ours.step(params, g, config)
        assert params == pytest.approx(theirs.detach().numpy(), rel=1e-9, abs=1e-12)
