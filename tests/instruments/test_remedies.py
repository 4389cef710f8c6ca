"""Every remedy cures: applied to its ill network as the button does, it learns, and the verdict is gone.

Real MNIST, 5,000 images of it unless an illness needs more or fewer. With `-m slow -s`, pytest prints what became of
each network.
"""

from __future__ import annotations

from typing import Any

import pytest

from nn_core import Dataset, RunConfig, Trainer
from nn_core.instruments.dead_units import count_dead
from nn_core.instruments.health import RULES, Health, health

Ill = tuple[str, int, dict[str, Any]]  # the verdict, after how many epochs, the settings

TOO_FAST: dict[str, float] = {
    "sgd": 10,
    "momentum": 1,
    "nesterov": 1,
    "adagrad": 10,
    "rmsprop": 1,
    "adam": 1,
    "muon": 10,
}
ILLS: dict[str, Ill] = {
    "weights that overflow": ("diverged", 3, {"lr": 10.0, "activation": "leaky_relu", "hidden": (64, 64, 64)}),
    "tanh units thrown to and fro": ("overshooting", 3, {"lr": 10.0, "activation": "tanh"}),
    "equal weights": ("symmetric", 3, {"init": "zeros"}),
    "all units dead": ("stuck near chance", 3, {"lr": 10.0}),
    "all units dead, small batches": ("stuck near chance", 3, {"lr": 2.0, "batch_size": 20}),
    "steps far too small": ("stuck near chance", 3, {"lr": 0.0001}),
    "steps far too small for Adam": ("stuck near chance", 3, {"lr": 0.00001, "optimizer": "adam"}),
    "weights held at 0": ("stuck near chance", 3, {"l2": 1.0}),
    "a third of the units dead": ("dead units", 3, {"lr": 1.0}),
    "three sigmoid layers": ("slow start", 3, {"activation": "sigmoid", "hidden": (32,) * 3}),
    "five sigmoid layers": ("slow start", 5, {"activation": "sigmoid", "hidden": (32,) * 5}),
    "few images learned by heart": ("overfitting", 40, {"lr": 0.5, "hidden": (64,), "n_train": 500, "batch_size": 20}),
    "a rate that was raised": ("getting worse", 3, {"hidden": (), "n_train": 20_000}),
    "a slow descent": ("slow", 14, {"lr": 0.0003, "n_train": 10_000}),
    **{f"{optimizer}, too fast": ("", 3, {"optimizer": optimizer, "lr": lr}) for optimizer, lr in TOO_FAST.items()},
}
RAISED = {"getting worse": 3.0}  # to this the learning rate is raised, for half an epoch


def trained(trainer: Trainer, epochs: float) -> tuple[Trainer, Health]:
    """The same, so many epochs further, and its verdict."""
    trainer.train_epochs(epochs)
    trainer.score()
    dead = None
    if trainer.config.activation == "relu":
        dead = count_dead(trainer.model, trainer.data)
    about = trainer.config, trainer.history.series(), trainer.model.weights()
    step, epoch, stopped = trainer.step_count, trainer.epoch, trainer.stopped
    return trainer, health(*about, step=step, epoch=epoch, stopped=stopped, dead=dead)


def treated(ill: Trainer, found: Health, data: Dataset) -> Trainer:
    """The network with its remedy, as the button applies it."""
    if found.restart:
        return Trainer(ill.config.replace(**found.fix), data)
    mended = Trainer.resume(ill.checkpoint(), data)
    for name, value in found.fix.items():
        mended.change(name, value)
    return mended


@pytest.mark.slow
@pytest.mark.parametrize(("verdict", "epochs", "settings"), ILLS.values(), ids=ILLS)
def test_a_remedy_cures(mnist, verdict: str, epochs: int, settings: dict[str, Any]):
    ill, found = trained(Trainer(RunConfig(**{"n_train": 5_000, "eval_every": 20, **settings}), mnist), epochs)
    if verdict in RAISED:
        ill.change("lr", RAISED[verdict])
        ill, found = trained(ill, 0.5)
    assert found.verdict == verdict or (not verdict and found.level in ("warning", "bad")), found
    assert found.fix, found
    assert ill.scores
    before = ill.scores
    mended, then = trained(treated(ill, found, mnist), epochs)
    left, _ = (ill, found) if ill.stopped else trained(Trainer.resume(ill.checkpoint(), mnist), epochs)
    assert mended.scores and left.scores
    after, untreated = mended.scores, left.scores
    how = "restart with" if found.restart else "set"
    print(
        f"{found.verdict}: {before.val_accuracy:.1%}, loss {before.val_loss:.3g}; {how} {dict(found.fix)}: "
        f"{after.val_accuracy:.1%}, {after.val_loss:.3g} [{then.verdict}]; left alone {untreated.val_accuracy:.1%}, "
        f"{untreated.val_loss:.3g}"
    )
    assert after.val_loss < min(before.val_loss, untreated.val_loss)
    assert then.level != "bad" and then.verdict != found.verdict, then


def test_every_rule_with_a_remedy_stands_among_the_ills():
    offered = {rule.name for rule in RULES if rule.level in ("bad", "warning")}
    assert offered == {verdict for verdict, _, _ in ILLS.values() if verdict}


def test_what_left_alone_learns_by_itself_is_not_called_stuck(mnist):
    _, found = trained(Trainer(RunConfig(n_train=2_000, activation="sigmoid", hidden=(16,) * 5), mnist), 2)
    assert (found.verdict, found.level, found.restart) == ("slow start", "warning", True)
