"""The line of each optimizer is where its steps on a parabola begin to swing; sharpness is measured in its units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.config.presets import PRESETS
from nn_core.data import Dataset
from nn_core.instruments.measures.edge import edge_of, sharpness
from nn_core.nn.optimizers import make_optimizer
from nn_core.training import Trainer

OPTIMIZERS = sorted(choices("optimizer"))
WITH_LINE = [name for name in OPTIMIZERS if edge_of(RunConfig(optimizer=name)).value is not None]


def test_every_optimizer_but_muon_has_a_line():
    assert set(OPTIMIZERS) - set(WITH_LINE) == {"muon"}
    assert "no curvature is their limit" in edge_of(RunConfig(optimizer="muon")).words


def _grows(config: RunConfig, curvature: float) -> float:
    """How many times as large w is after many steps on the loss h w^2 / 2, with P held as it is."""
    start = 1e-8  # so small that its own gradients do not move P
    weights, rule = np.full(1, start), make_optimizer(config, 1, np.float64)
    rule.t = 10**7  # Adam's beginning is long over
    held = {"v", "squares"} & set(rule.state)
    for name in held:
        rule.state[name][...] = 0.3
    P = rule.preconditioner(config)
    h = curvature * (1.0 if P is None else float(P[0]))
    last = [start]
    while len(last) < 4_000 and last[-1] < 1e4 * start:
        for name in held:
            rule.state[name][...] = 0.3
        rule.step(weights, h * weights, config)
        last.append(abs(float(weights[0])))
    return max(last[-20:]) / start


@pytest.mark.parametrize("optimizer", WITH_LINE)
@pytest.mark.parametrize("setting", [{}, {"momentum": 0.5, "beta1": 0.6, "weight_decay": 2.0}], ids=str)
def test_steps_on_a_parabola_die_away_below_the_line_and_grow_above_it(optimizer: str, setting: dict[str, Any]):
    config = RunConfig(optimizer=optimizer, lr=0.01, beta2=0.99999, **setting)
    line = edge_of(config).value
    assert line is not None
    assert _grows(config, 0.98 * line) < 1e-3
    assert _grows(config, 1.02 * line) > 1e3


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"optimizer": "sgd", "lr": 0.07}, 2 / 0.07),
        ({"optimizer": "momentum", "lr": 0.1}, 38.0),
        ({"optimizer": "nesterov", "lr": 0.1}, 38 / 2.8),
        ({"optimizer": "adam", "lr": 0.001}, 38_000.0),
        ({"optimizer": "rmsprop", "lr": 0.001}, 2_000.0),
    ],
    ids=str,
)
def test_lines_are_those_of_the_literature(settings: dict[str, Any], line: float):
    assert edge_of(RunConfig(**settings)).value == pytest.approx(line)


def test_the_rate_in_force_counts():
    assert edge_of(RunConfig(lr=0.1), multiplier=0.5).value == pytest.approx(40)
    assert edge_of(RunConfig(lr=0.1), multiplier=0.0).value is None


@pytest.mark.parametrize("settings", [{"clip_norm": 1.0}, {"max_norm": 2.0}], ids=str)
def test_where_steps_are_not_what_the_rate_says_no_line_is_given(settings: dict[str, Any]):
    edge = edge_of(RunConfig(**settings))
    assert edge.value is None and edge.words.endswith("no line holds.")


def test_the_words_say_what_holds_for_mini_batches_and_what_is_left_out():
    assert "mini-batches" in edge_of(RunConfig()).words
    assert "Full batches" in edge_of(RunConfig(batch_size=0)).words
    assert "without dropout and augmentation" in edge_of(RunConfig(dropout=0.5, shift=2.0)).words


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "adagrad"])
def test_the_preconditioner_is_what_the_step_was_divided_by(optimizer: str):
    config, rng = RunConfig(optimizer=optimizer, lr=0.01, beta1=0.0, weight_decay=0.0), np.random.default_rng(0)
    rule, weights = make_optimizer(config, 5, np.float64), np.zeros(5)
    for _ in range(7):
        g, before = rng.normal(size=5), weights.copy()
        rule.step(weights, g, config)
    P = rule.preconditioner(config)
    assert P is not None
    assert np.allclose(before - weights, config.lr * g / P, rtol=1e-12)
    assert make_optimizer(RunConfig(), 5).preconditioner(RunConfig()) is None


def test_preconditioned_sharpness_is_the_largest_eigenvalue_of_the_inverse_of_p_times_h():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(40, 40))
    H, P = A + A.T, rng.uniform(0.1, 3, 40)
    expected = np.sort(np.linalg.eigvals(np.diag(1 / P) @ H).real)[-3:][::-1]
    found = sharpness(lambda v: H @ v, 40, preconditioner=P, rng=rng, dtype=np.float64, tolerance=1e-8)
    assert found.values == pytest.approx(expected, rel=1e-6)
    again = sharpness(
        lambda v: H @ v, 40, preconditioner=P, last=found.vectors, rng=rng, dtype=np.float64, tolerance=1e-8
    )
    assert again.values == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_preset_with_momentum_is_not_thrown_out_at_its_start(seed: int, mnist: Dataset):
    trainer = Trainer(PRESETS["edge-momentum"].config.replace(seed=seed), mnist)
    while trainer.step_count < 50:  # at a gain of 1 it begins above its line, and ends before
        assert trainer.step(), trainer.stopped
