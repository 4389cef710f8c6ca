"""Full-batch runs whose sharpness settles at the line of their optimizer: the edge of stability, on real networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from nn_core.config.presets import PRESETS
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.measures.edge import edge_of, sharpness
from nn_core.instruments.measures.step import step_gauge
from nn_core.machine.memory import Array
from nn_core.nn.hessian import Hessian
from nn_core.nn.network import from_weights
from nn_core.training import Trainer

pytestmark = pytest.mark.slow
EVERY = 100  # steps between two measurements
EDGE, MOMENTUM = PRESETS["edge"].config, PRESETS["edge-momentum"].config
ADAM = EDGE.replace(optimizer="adam", lr=0.003)  # beta2 is 0.999


class Measured(NamedTuple):
    """At one step: the sharpness, preconditioned where the optimizer is, and the gauge of the step that followed."""

    step: int
    sharpness: float
    gauge: float


def run(config: RunConfig, data: Dataset, steps: int) -> Iterator[Measured]:
    """The measurements of a run, which trains on all its images in each step."""
    trainer, rng = Trainer(config, data), np.random.default_rng(0)
    labels, last = trainer.train_labels, None
    while trainer.step_count < steps:
        while trainer.step_count % EVERY < EVERY - 1:
            assert trainer.step(), trainer.stopped
        network = from_weights(config, trainer.model.weights())
        x = network.inputs(trainer.train_images)
        hessian = Hessian(network, x, labels)
        P = trainer.optimizer.preconditioner(config)
        found = sharpness(hessian.times, network.n_params, preconditioner=P, last=last, rng=rng, tolerance=0.01)
        last, before = found.vectors, trainer.model.flat.copy()
        trainer.step()
        network.flat[...] = trainer.model.flat
        network.loss_and_gradients(x, labels)
        gauge = step_gauge(hessian.gradient, network.flat_grads, trainer.model.flat - before)
        yield Measured(trainer.step_count, float(found.values[0]), gauge)


def stays_within(tolerance: float, share: Array) -> bool:
    """Whether it has settled at 1: its median lies so near, and none of it, for it swings, twice as far."""
    return bool(abs(np.median(share) - 1) < tolerance and np.abs(share - 1).max() < 2 * tolerance)


def settled(config: RunConfig, data: Dataset, steps: int, after: int) -> tuple[Array, Array]:
    """(sharpness over the line, gauges) of the measurements after so many steps."""
    line = edge_of(config).value
    assert line is not None
    found = list(run(config, data, steps))
    late = [each for each in found if each.step > after]
    assert found[0].gauge < 1  # it was not at the edge from the first
    return np.array([each.sharpness / line for each in late]), np.array([each.gauge for each in late])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_sharpness_of_full_batch_gradient_descent_settles_at_2_over_the_rate_with_a_gauge_of_2(
    seed: int, mnist: Dataset
):
    share, gauge = settled(EDGE.replace(seed=seed), mnist, steps=3_000, after=2_500)
    assert stays_within(0.05, share)
    assert np.median(gauge) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_momentum_it_settles_at_the_line_of_the_heavy_ball_and_not_at_that_of_gradient_descent(
    seed: int, mnist: Dataset
):
    share, _ = settled(MOMENTUM.replace(seed=seed), mnist, steps=1_500, after=800)
    assert edge_of(MOMENTUM).value == pytest.approx(38)
    assert stays_within(0.1, share)
    assert share.min() * 38 > 1.5 * 2 / MOMENTUM.lr


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_adam_the_preconditioned_sharpness_settles_near_38_over_the_rate(seed: int, mnist: Dataset):
    share, _ = settled(ADAM.replace(seed=seed), mnist, steps=2_000, after=1_200)
    assert edge_of(ADAM).value == pytest.approx(38 / 0.003)
    assert stays_within(0.15, share)
