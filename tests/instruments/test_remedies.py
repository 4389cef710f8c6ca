"""Every rule fires on a run made to provoke it, and its remedy, applied as the button does, cures: the network learns
better than left alone, and the verdict is gone. By how much, beside the same run left alone, is the rule's `gain`.

Real MNIST, 5,000 images of it unless an illness needs more or fewer. With `-m slow -s`, pytest prints what became of
each network.
"""

from __future__ import annotations

from typing import Any

import pytest

from nn_core import Dataset, RunConfig, Trainer
from nn_core.instruments.events import evidence_of
from nn_core.instruments.health import RULES, Health, findings
from nn_core.instruments.recording import Recording

Ill = tuple[str, int, dict[str, Any]]  # the rule, after how many epochs, the settings

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
    "a rate that was raised": ("getting worse", 3, {"hidden": (), "n_train": 20_000, "eval_every": 10}),
    "a slow descent": ("slow", 14, {"lr": 0.0003, "n_train": 10_000, "eval_every": 40}),
    "first weights far too large for tanh": (
        "saturated units",
        2,
        {"activation": "tanh", "gain": 10.0, "hidden": (64, 64), "eval_every": 4},
    ),
    "six sigmoid layers": (
        "vanishing gradients",
        3,
        {"activation": "sigmoid", "hidden": (32,) * 6, "eval_every": 4},
    ),
    "six layers of weights three times too large": (
        "exploding gradients",
        3,
        {"hidden": (64,) * 6, "gain": 3.0, "lr": 0.001, "eval_every": 4},
    ),
    "a penalty as large as the loss": ("L2 too strong", 3, {"l2": 0.1, "eval_every": 4}),
    "four units for ten digits": (
        "too small",
        30,
        {"hidden": (4,), "activation": "tanh", "batch_size": 32, "eval_every": 100},
    ),
    "two images a step": (
        "batch too small",
        3,
        {"batch_size": 2, "lr": 0.2, "activation": "tanh", "eval_every": 150},
    ),
    "a rate that was good at first": (
        "plateau",
        8,
        {"lr": 1.0, "batch_size": 64, "activation": "leaky_relu", "n_train": 55_000, "eval_every": 100},
    ),
    "all images in each step, to and fro across the valley": (
        "steps too long",
        500,
        {"lr": 3.0, "batch_size": 0, "hidden": (), "n_train": 10_000, "eval_every": 20, "seed": 3},
    ),
    "three labels of ten redrawn": (
        "label noise learned",
        60,
        {"label_noise": 0.3, "hidden": (128,), "n_train": 1_000, "batch_size": 50, "eval_every": 20},
    ),
    "digits turned upside down and pushed out of sight": (
        "augmentation too strong",
        4,
        {"rotation": 180.0, "shift": 8.0, "eval_every": 4},
    ),
    **{f"{optimizer}, too fast": ("", 3, {"optimizer": optimizer, "lr": lr}) for optimizer, lr in TOO_FAST.items()},
}
RAISED = {"getting worse": 3.0}  # to this the learning rate is raised, for half an epoch
COMES_AND_GOES = {"steps too long": 20, "plateau": 1}  # looked for every so many epochs: they are seen for a while only


def trained(trainer: Trainer, epochs: float, until: str = "") -> tuple[Trainer, list[Health]]:
    """The same, so many epochs further with its vital signs recorded, and all that the rules find.

    `until` names a rule: training ends when it fires.
    """
    recording = Recording(trainer)
    found: list[Health] = []
    while epochs > 0 and not trainer.stopped and until not in [one.rule for one in found]:
        now = min(epochs, COMES_AND_GOES.get(until, epochs))
        trainer.train_epochs(now)
        trainer.score()
        found, epochs = findings(evidence_of(trainer)), epochs - now
    recording.finish()
    return trainer, findings(evidence_of(trainer))


def treated(ill: Trainer, found: Health, data: Dataset) -> Trainer:
    """The network with its remedy, as the button applies it."""
    if found.restart:
        return Trainer(ill.config.replace(**found.fix), data)
    mended = Trainer.resume(ill.checkpoint(), data)
    for name, value in found.fix.items():
        mended.change(name, value)
    return mended


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "epochs", "settings"), ILLS.values(), ids=ILLS)
def test_a_rule_finds_what_provokes_it_and_its_remedy_cures(
    mnist, rule: str, epochs: int, settings: dict[str, Any], request: pytest.FixtureRequest
):
    until = rule if rule in COMES_AND_GOES else ""
    ill, all_found = trained(Trainer(RunConfig(**{"n_train": 5_000, **settings}), mnist), epochs, until)
    if rule in RAISED:
        ill.change("lr", RAISED[rule])
        ill, all_found = trained(ill, 0.5)
    found = next((one for one in all_found if one.rule == rule), all_found[0])
    assert found.rule == rule or (not rule and found.level in ("warning", "bad")), all_found
    assert found.fix, found
    assert ill.scores
    before = ill.scores
    mended, then = trained(treated(ill, found, mnist), epochs)
    left = ill if ill.stopped else trained(Trainer.resume(ill.checkpoint(), mnist), epochs)[0]
    assert mended.scores and left.scores
    after, untreated = mended.scores, left.scores
    gain = 100 * (after.val_accuracy - untreated.val_accuracy)
    print(
        f"\n{found.rule}: {before.val_accuracy:.1%}, loss {before.val_loss:.3g}; "
        f"{'restart with' if found.restart else 'set'} {dict(found.fix)}: {after.val_accuracy:.1%}, "
        f"{after.val_loss:.3g} {[one.rule for one in then]}; left alone {untreated.val_accuracy:.1%}, "
        f"{untreated.val_loss:.3g}; gain {gain:.0f}"
    )
    assert after.val_loss < min(before.val_loss, untreated.val_loss)
    assert all(one.level != "bad" and one.rule != found.rule for one in then), then
    if rule and first_of(rule) == request.node.callspec.id:
        declared = next(each.gain for each in RULES if each.name == rule)
        assert gain == pytest.approx(declared, abs=5.0), "the gain that the rule declares is another"


@pytest.mark.slow
def test_of_several_verdicts_the_first_is_the_one_whose_remedy_helps_most(mnist):
    several: dict[str, Any] = {
        "n_train": 5_000,
        "rotation": 180.0,
        "shift": 8.0,
        "gain": 10.0,
        "activation": "tanh",
        "eval_every": 4,
    }
    ill, found = trained(Trainer(RunConfig(**several), mnist), 4)
    told = [one for one in found if not one.is_explained and one.level in ("bad", "warning")]
    assert len(told) >= 2, found
    helped = []
    for one in told:
        mended, _ = trained(treated(ill, one, mnist), 4)
        assert mended.scores
        helped.append(mended.scores.val_accuracy)
    print(f"\n{[(one.rule, accuracy) for one, accuracy in zip(told, helped, strict=True)]}")
    assert helped[0] == max(helped)


def first_of(rule: str) -> str:
    """The illness with which the gain of a rule was measured."""
    return next(name for name, ill in ILLS.items() if ill[0] == rule)


def test_every_rule_with_a_remedy_stands_among_the_ills():
    offered = {rule.name for rule in RULES if rule.level in ("bad", "warning")}
    assert offered == {rule for rule, _, _ in ILLS.values() if rule}


def test_what_left_alone_learns_by_itself_is_not_called_stuck(mnist):
    _, found = trained(Trainer(RunConfig(n_train=2_000, activation="sigmoid", hidden=(16,) * 5), mnist), 2)
    first = next(one for one in found if not one.is_explained)
    assert (first.verdict, first.level, first.restart) == ("slow start", "warning", True)
