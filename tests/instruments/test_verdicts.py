"""The table of rules gives the verdicts that are written down, sentence for sentence.

verdicts.jsonl was written by the chain of ifs that came before the table, over the states below; the first of each kind
are kept. Remedies that did not cure were then replaced by those of test_remedies.py, and some words by plainer ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.instruments.health import RULES, health
from nn_core.training.history import History

STATES = Path(__file__).with_name("verdicts.jsonl").read_text().splitlines()

FALLING = [2.3 * 0.8**i for i in range(12)]
CURVES: dict[str, tuple[list[float], list[float]]] = {  # losses on training and on validation images
    "one score": ([2.3], [2.3]),
    "falling": (FALLING, FALLING),
    "level": ([2.3] * 12, [2.3] * 12),
    "creeping": ([2.3 - 0.01 * i for i in range(12)], [2.3 - 0.01 * i for i in range(12)]),
    "settled": ([*FALLING[:4], *[1.0] * 8], [*FALLING[:4], *[1.0] * 8]),
    "rising": ([*FALLING[:6], *[0.7 * 1.1**i for i in range(6)]], [*FALLING[:6], *[0.7 * 1.1**i for i in range(6)]]),
    "parting": (FALLING, [*FALLING[:6], *[0.7 * 1.1**i for i in range(6)]]),
    "blown up": ([2.3, 4.0, 30.0], [2.3, 4.0, 30.0]),
    "not a number": ([2.3, 1.0, float("nan")], [2.3, 1.0, float("nan")]),
}
rng = np.random.default_rng(0)
WEIGHTS = {
    "mlp": {"dense1.W": rng.normal(size=(784, 8)), "dense2.W": rng.normal(size=(8, 10))},
    "copies": {"dense1.W": np.ones((784, 8)), "dense2.W": rng.normal(size=(8, 10))},
    "cnn": {
        "conv1.W": rng.normal(size=(6, 1, 5, 5)),
        "conv2.W": rng.normal(size=(10, 6, 5, 5)),
        "dense1.W": rng.normal(size=(160, 64)),
        "dense2.W": rng.normal(size=(64, 10)),
    },
}


def verdict(state: dict[str, Any]) -> list[Any]:
    """What is said of a state: its level, verdict, reason and remedy."""
    history = History()
    for step, losses in enumerate(zip(*CURVES[state["curves"]], strict=True)):
        names = ("train/loss", "val/loss", "train/accuracy", "val/accuracy")
        for name, value in zip(names, (*losses, *state["accuracies"]), strict=True):
            history.record(name, value, step=step, epoch=step, images=step, seconds=step)
    more = {name: state[name] for name in ("step", "epoch", "stopped", "dead")}
    found = health(RunConfig(lr=state["lr"]), history.series(), WEIGHTS[state["weights"]], **more)
    return [found.level, found.verdict, found.why, dict(found.fix)]


@pytest.mark.parametrize("line", STATES, ids=range(len(STATES)))
def test_a_state_gets_the_verdict_that_it_always_got(line: str):
    state, expected = json.loads(line)
    assert verdict(state) == expected


def test_the_states_meet_every_rule_over_the_curves_and_the_verdict_where_none_finds_anything():
    met = {json.loads(line)[1][1] for line in STATES}
    assert {"diverged", "not trained yet", "just begun", "symmetric", "overshooting", "stuck near chance"} <= met
    assert {"dead units", "dead channels", "dead channels and units", "overfitting", "getting worse"} <= met
    assert {"settled", "slow", "learning well"} <= met


def test_every_rule_says_what_it_looks_at():
    assert all(rule.looks_at and rule.name in repr(rule) for rule in RULES)


def test_every_rule_of_what_is_wrong_has_a_source_and_explains_only_rules_that_there_are():
    names = {rule.name for rule in RULES}
    assert all(set(rule.explains) <= names - {rule.name} for rule in RULES)
    assert all(rule.source for rule in RULES if rule.level in ("bad", "warning"))
    assert len([rule for rule in RULES if rule.level in ("bad", "warning")]) >= 14
