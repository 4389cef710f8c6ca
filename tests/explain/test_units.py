"""What a unit speaks for: its votes for the classes, and the orders in which units are shown."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core.config.run_config import RunConfig
from nn_core.explain.units import ORDERS, class_votes, unit_order
from nn_core.nn.mlp import MLP

HIDDEN = {"no hidden layer": (), "one unit": (1,), "the default": (32,), "two layers": (40, 12), "many": (600,)}


def weights_of(hidden: tuple[int, ...], seed: int = 0) -> dict[str, np.ndarray]:
    return MLP(RunConfig(hidden=hidden), np.random.default_rng(seed)).weights()


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_a_units_votes_are_the_change_of_the_logits_of_the_linear_network(hidden):
    weights = weights_of(hidden)
    n_units = weights["dense1.W"].shape[1]
    votes = class_votes(weights)
    assert votes.shape == (n_units, 10)
    for unit in (0, n_units - 1):
        signal = np.eye(n_units)[unit]  # this unit puts out 1, the others 0
        for number in range(2, len(hidden) + 2):
            signal = signal @ weights[f"dense{number}.W"]
        np.testing.assert_allclose(votes[unit], signal, rtol=1e-4, atol=1e-6)


def test_without_a_hidden_layer_each_unit_is_its_own_class():
    assert class_votes(weights_of(())).argmax(axis=1).tolist() == list(range(10))


@pytest.mark.parametrize("by", ORDERS)
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_every_order_holds_every_unit_once(hidden, by):
    weights = weights_of(hidden)
    assert sorted(unit_order(weights, by)) == list(range(weights["dense1.W"].shape[1]))


def test_by_norm_the_norms_fall_and_by_class_the_classes_rise():
    weights = weights_of((64,))
    norms = np.sqrt((weights["dense1.W"].astype(np.float64) ** 2).sum(axis=0))
    assert (np.diff(norms[unit_order(weights, "norm")]) <= 1e-6).all()
    assert (np.diff(class_votes(weights).argmax(axis=1)[unit_order(weights, "class")]) >= 0).all()
    with pytest.raises(ValueError, match="by must be one of index, norm, class, got 'size'"):
        unit_order(weights, "size")
