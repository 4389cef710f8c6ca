"""The verdict on a run: what it says, why, and a remedy that can be applied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.config.choices import choices
from nn_core.data import Dataset
from nn_core.instruments.health import Health, health
from nn_core.instruments.rules.symmetric import are_copies
from nn_core.training.history import History, Series

WEIGHTS = {
    "dense1.W": np.random.default_rng(0).normal(size=(784, 8)),
    "dense2.W": np.random.default_rng(1).normal(size=(8, 10)),
}


def curves(train: list[float], val: list[float], train_accuracy: float, val_accuracy: float) -> dict[str, Series]:
    history = History()
    for step, (a, b) in enumerate(zip(train, val, strict=True)):
        for name, value in [
            ("train/loss", a),
            ("val/loss", b),
            ("train/accuracy", train_accuracy),
            ("val/accuracy", val_accuracy),
        ]:
            history.record(name, value, step=step, epoch=step, images=step, seconds=step)
    return history.series()


def verdict(
    train: list[float], val: list[float] | None = None, accuracies: tuple[float, float] = (0.9, 0.9), **more: Any
) -> Health:
    config = more.pop("config", RunConfig(hidden=(8,)))
    given = {"step": 100, "epoch": 5.0, **more}
    return health(config, curves(train, train if val is None else val, *accuracies), WEIGHTS, **given)


FALLING = [2.3 * 0.8**i for i in range(12)]


def test_falling_losses_are_learning_well():
    found = verdict(FALLING)
    assert (found.level, found.verdict) == ("good", "learning well") and not found.fix


def test_a_fresh_network_is_not_trained_yet():
    assert verdict([2.3], step=0, epoch=0.0).verdict == "not trained yet"
    assert health(RunConfig(), {}, WEIGHTS, step=0, epoch=0).level == "idle"


def test_a_network_that_has_trained_but_not_been_scored_is_not_called_untrained():
    found = verdict([2.3], step=40, epoch=0.1)
    assert found.level == "idle" and "as they were drawn" not in found.why and found.verdict != "not trained yet"


@pytest.mark.parametrize(
    ("settings", "safe"),
    [({"lr": 10}, 0.1), ({"lr": 0.1}, 0.01), ({"lr": 10, "optimizer": "adam"}, 0.001)],
    ids=["far too large", "too large for this network", "Adam"],
)
def test_a_diverged_run_gets_its_sentence_and_a_new_network_with_a_rate_that_works(settings, safe):
    found = verdict(FALLING, stopped="Training diverged.", config=RunConfig(**settings))
    assert (found.level, found.verdict, found.why) == ("bad", "diverged", "Training diverged.")
    assert found.fix == {"lr": safe} and found.restart


def test_a_loss_far_above_its_start_is_overshooting():
    found = verdict([2.3, 4.0, 30.0])
    assert found.verdict == "overshooting" and "30" in found.why and found.fix == {"lr": 0.01}


@pytest.mark.parametrize("loss", choices("loss"))
def test_what_is_near_or_far_above_the_loss_of_guessing_is_so_in_the_unit_of_each_loss(loss):
    chance = choices("loss")[loss].target.chance
    config, deep = RunConfig(hidden=(8,), loss=loss), {**WEIGHTS, "dense3.W": WEIGHTS["dense2.W"]}

    def sigmoid(level: float) -> str:
        network = RunConfig(hidden=(8, 8), loss=loss, activation="sigmoid", lr=0.1)
        series = curves([level] * 4, [level] * 4, 0.11, 0.11)
        return health(network, series, deep, step=100, epoch=5.0).verdict

    assert verdict([chance, 2.1 * chance], config=config).verdict != "overshooting"
    assert verdict([chance, 2.3 * chance], config=config).verdict == "overshooting"
    assert verdict([2 * chance, 3.9 * chance], config=config).verdict != "overshooting"
    assert (sigmoid(1.01 * chance), sigmoid(1.03 * chance)) == ("slow start", "stuck near chance")


def test_accuracy_of_guessing_after_an_epoch_is_stuck():
    found = verdict([2.3] * 10, accuracies=(0.11, 0.11), config=RunConfig(lr=0.001))
    assert found.verdict == "stuck near chance" and "11.0 %" in found.why
    assert found.fix == {"lr": 0.03} and not found.restart
    fast = verdict([2.3] * 10, accuracies=(0.11, 0.11), config=RunConfig(lr=3))
    assert fast.fix == {"lr": 0.1} and fast.restart


def test_no_remedy_is_offered_where_none_is_known():
    found = verdict([2.3] * 10, accuracies=(0.11, 0.11), config=RunConfig(lr=0.1))
    assert found.verdict == "stuck near chance" and not found.fix
    val = [2.3, 1.0, 0.6, 0.5, 0.5, 0.6, 0.7, 0.8]
    assert not verdict(val, val, config=RunConfig(lr=0.01)).fix


def test_many_dead_units_are_told_with_their_number():
    found = verdict(FALLING, dead=[3])
    assert found.verdict == "dead units" and "3 of 8 units are dead" in found.why and found.restart
    assert verdict(FALLING, dead=[2]).verdict == "learning well"


def test_channels_and_units_behind_them_are_counted_apart():
    weights = {
        "conv1.W": np.random.default_rng(0).normal(size=(6, 1, 5, 5)),
        "conv2.W": np.random.default_rng(1).normal(size=(10, 6, 5, 5)),
        "dense1.W": np.random.default_rng(2).normal(size=(160, 64)),
        "dense2.W": np.random.default_rng(3).normal(size=(64, 10)),
    }
    series = curves(FALLING, FALLING, 0.9, 0.9)

    def said(dead: list[int]) -> Health:
        return health(RunConfig(model="cnn"), series, weights, step=100, epoch=5.0, dead=dead)

    found = said([2, 4, 5])
    assert found.verdict == "dead channels"
    assert found.why.startswith("6 of 16 channels and 5 of 64 units are dead: always 0")
    assert said([0, 0, 20]).verdict == "dead units" and "channels" not in said([0, 0, 20]).why
    assert said([3, 2, 0]).why.startswith("5 of 16 channels are dead")  # few beside 64 units, many of the channels
    assert said([5, 9, 60]).verdict == "dead channels and units"
    assert said([2, 2, 16]).verdict == "learning well"


def test_a_growing_gap_is_overfitting():
    val = [2.3, 1.0, 0.6, 0.5, 0.55, 0.6, 0.65, 0.7]
    found = verdict([2.3 * 0.6**i for i in range(8)], val, accuracies=(1.0, 0.9))
    assert found.verdict == "overfitting" and "10.0 percentage points" in found.why and "1.40 times" in found.why


def test_a_rising_validation_loss_is_getting_worse():
    val = [2.3, 1.0, 0.6, 0.5, 0.5, 0.6, 0.7, 0.8]
    assert verdict(val, val).verdict == "getting worse"


def test_a_level_loss_is_settled():
    found = verdict([2.3, 1.0, 0.5, 0.4, *[0.3] * 12])
    assert found.verdict == "settled" and "has stayed near 0.3;" in found.why


def test_of_a_loss_that_creeps_up_it_is_not_said_that_it_has_stayed_where_it_is():
    found = verdict([2.3, 1.0, 0.5, 0.25, 0.12, *np.linspace(0.12, 0.19, 60).tolist()])
    assert found.verdict == "settled"
    assert "no longer falls: 0.18" in found.why and "after 0.12 at best" in found.why


def test_a_loss_that_creeps_is_slow_and_a_larger_rate_is_offered():
    found = verdict([2.3 - 0.01 * i for i in range(12)], accuracies=(0.4, 0.4), config=RunConfig(hidden=(8,), lr=0.001))
    assert found.verdict == "slow" and found.fix == {"lr": 0.003}


@pytest.mark.parametrize("lr", [1e-5, 0.15, 10.0])
def test_every_remedy_is_a_setting_that_can_be_applied(lr: float):
    config = RunConfig(hidden=(8,), lr=lr)
    found = [
        verdict(FALLING, stopped="It diverged.", config=config),
        verdict([2.3, 30.0], config=config),
        verdict([2.3] * 10, accuracies=(0.1, 0.1), config=config),
        verdict(FALLING, dead=[8], config=config),
        verdict([2.3] * 8, [2.3, 1, 0.6, 0.5, 0.5, 0.6, 0.7, 0.8], accuracies=(1.0, 0.9), config=config),
    ]
    for each in found:
        assert each.level in ("warning", "bad") and each.why.endswith(".")
        config.replace(**each.fix)


def test_copies_are_seen_and_what_only_looks_alike_is_not():
    alike: np.ndarray = np.tile(np.arange(784.0)[:, None], (1, 5))
    out = np.zeros((5, 10))
    assert are_copies({"dense1.W": alike, "dense2.W": out})
    assert are_copies({"dense1.W": alike * (1 + 1e-6 * np.arange(5)), "dense2.W": out})  # rounding of a product
    assert not are_copies({"dense1.W": alike * (1 + 1e-3 * np.arange(5)), "dense2.W": out})
    assert not are_copies(WEIGHTS)
    assert not are_copies({"dense1.W": alike[:, :1], "dense2.W": out[:1]})  # a single unit
    assert not are_copies({"dense1.W": np.zeros((784, 10))})  # no hidden layer


def test_zero_weights_are_called_symmetric_with_the_remedy(tiny: Dataset):
    trainer = Trainer(RunConfig(init="zeros", eval_every=5), tiny)
    trainer.train_epochs(2)
    found = health(
        trainer.config, trainer.history.series(), trainer.model.weights(), step=trainer.step_count, epoch=trainer.epoch
    )
    assert found.verdict == "symmetric" and found.fix == {"init": "he"} and "32" in found.why


def test_a_run_on_real_digits_is_learning_well(tiny: Dataset):
    trainer = Trainer(RunConfig(batch_size=32, eval_every=5), tiny)
    trainer.train_epochs(1)
    found = health(
        trainer.config, trainer.history.series(), trainer.model.weights(), step=trainer.step_count, epoch=trainer.epoch
    )
    assert found.verdict == "learning well"


def test_values_that_are_no_numbers_are_no_readings():
    history = History()
    for step, value in enumerate([float("nan"), float("inf"), float("nan")], 1):
        for name in ("dead_units/dense1", "gradient_rms/dense1", "saturated_units/dense1", "step_gauge"):
            history.record(f"instruments/{name}", value, step=step, epoch=step, images=step, seconds=step)
    series = {**curves(FALLING, FALLING, 0.5, 0.5), **history.series()}
    found = health(RunConfig(hidden=(8,)), series, WEIGHTS, step=100, epoch=5.0)
    assert found.verdict == "learning well"
