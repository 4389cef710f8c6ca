"""Schedules: the multipliers of the papers, of PyTorch, and what the trainer makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core import RunConfig, Trainer
from nn_core.config.choices import choices
from nn_core.data import Dataset
from nn_core.nn.schedules import lr_multiplier

SCHEDULES = choices("schedule")
SMALL = RunConfig(hidden=(6,), n_train=230, batch_size=64, eval_every=1)  # 4 steps an epoch


def multipliers(config: RunConfig, T: int) -> list[float]:
    return [lr_multiplier(t, T, config) for t in range(T)]


# T = 10 steps in 5 epochs of two steps; worked out by hand
BY_HAND: dict[str, tuple[dict[str, Any], list[float]]] = {
    "constant": ({}, [1.0] * 10),
    "step": ({"decay_factor": 0.5, "decay_every": 2}, [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]),
    "exponential": ({"decay_factor": 0.25, "decay_every": 1}, [0.5**t for t in range(10)]),
    "cosine": ({}, [math.cos(math.pi * t / 20) ** 2 for t in range(10)]),  # (1 + cos 2x) / 2 = cos^2 x
    "linear": ({"warmup": 0.5}, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]),
    "one_cycle": (
        {"warmup": 0.3},  # up in two steps, down in seven
        [0.04, 0.52, 1.0, *(4e-6 + (1 - 4e-6) * math.cos(math.pi * k / 14) ** 2 for k in range(1, 8))],
    ),
}


def test_every_registered_schedule_is_checked_here():
    assert set(BY_HAND) == set(SCHEDULES)


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_ten_steps_have_the_multipliers_worked_out_by_hand(name: str):
    settings, expected = BY_HAND[name]
    assert multipliers(RunConfig(schedule=name, epochs=5, **settings), 10) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.floats(0.01, 0.9),
    st.floats(0.01, 1.0),
    st.integers(1, 100),
)
def test_a_multiplier_is_above_zero_at_most_one_and_stays_after_the_budget(
    name: str, epochs: int, steps: int, warmup: float, factor: float, every: int
):
    config = RunConfig(schedule=name, epochs=epochs, warmup=warmup, decay_factor=factor, decay_every=every)
    T = epochs * steps
    values = np.array(multipliers(config, T))
    assert (values >= 0).all() and (values <= 1 + 1e-12).all() and values.max() > 0
    assert lr_multiplier(T, T, config) == lr_multiplier(10 * T, T, config) == values[-1]


def test_without_warm_up_the_linear_schedule_begins_at_the_top():
    values = multipliers(RunConfig(schedule="linear", warmup=0), 4)
    assert values == [1.0, 0.75, 0.5, 0.25]


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"linear"}))
def test_forty_steps_are_those_of_pytorch(name: str):
    torch = pytest.importorskip("torch")
    from torch.optim import lr_scheduler as theirs

    make: dict[str, Callable[[Any], Any]] = {
        "constant": lambda o: theirs.ConstantLR(o, factor=1.0),
        "step": lambda o: theirs.StepLR(o, step_size=8, gamma=0.3),
        "exponential": lambda o: theirs.ExponentialLR(o, gamma=0.3 ** (1 / 8)),
        "cosine": lambda o: theirs.CosineAnnealingLR(o, T_max=40),
        "one_cycle": lambda o: theirs.OneCycleLR(o, max_lr=1.0, total_steps=40, pct_start=0.25, cycle_momentum=False),
    }
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make[name](optimizer)
    config = RunConfig(schedule=name, epochs=10, decay_factor=0.3, decay_every=2, warmup=0.25)
    for t in range(40):
        assert lr_multiplier(t, 40, config) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        if t < 39:
            schedule.step()


# ---------------------------------------------------------------------------------------------- in training


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_the_rate_of_every_step_is_in_the_history(name: str, tiny: Dataset):
    config = SMALL.replace(schedule=name, epochs=3, lr=0.2, decay_every=1, warmup=0.25)
    trainer = Trainer(config, tiny)
    trainer.train_epochs(4)
    series = trainer.history["train/lr"]
    expected = [0.2 * lr_multiplier(min(t, 11), 12, config) for t in range(17)]
    assert series.step.tolist() == list(range(17))
    assert series.value == pytest.approx(expected, rel=1e-12)


def test_a_step_moves_by_the_scheduled_rate(tiny: Dataset):
    config = SMALL.replace(schedule="linear", warmup=0.5, epochs=3, lr=0.2)
    plain, scheduled = Trainer(SMALL, tiny), Trainer(config, tiny)
    for step in range(6):
        plain.change("lr", 0.2 * (step + 1) / 6)
        assert plain.step() and scheduled.step()
        assert np.allclose(plain.model.flat, scheduled.model.flat, atol=1e-6)


def test_the_base_rate_stays_live(tiny: Dataset):
    trainer = Trainer(SMALL.replace(schedule="cosine", epochs=2), tiny)
    trainer.train_epochs(1)
    trainer.change("lr", 0.4)
    trainer.step()
    assert trainer.history["train/lr"].last == pytest.approx(0.4 * math.cos(math.pi * 5 / 16) ** 2)


def test_a_batch_size_changed_under_way_leaves_the_schedule_where_it_was(tiny: Dataset):
    trainer = Trainer(SMALL.replace(schedule="cosine", epochs=4), tiny)
    trainer.train_epochs(2)
    before = trainer.lr_multiplier
    trainer.change("batch_size", 10)
    assert trainer.lr_multiplier == pytest.approx(before)
