"""Ranks and edges of singular values, on matrices whose singular values are known."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.instruments.measures.spectrum import chance_edge, effective_rank, n_above, singular_values
from nn_core.training import Trainer


def test_singular_values_are_those_that_the_matrix_was_made_of():
    rng = np.random.default_rng(0)
    left, right = np.linalg.qr(rng.normal(size=(9, 3)))[0], np.linalg.qr(rng.normal(size=(5, 3)))[0]
    assert singular_values(left * [4.0, 2.0, 0.5] @ right.T)[:3] == pytest.approx([4, 2, 0.5])


@pytest.mark.parametrize(
    ("singular", "rank"),
    [([2, 2, 2, 0], 3), ([5, 0], 1), ([0, 0], 0), ([3, 1], 4 / 27**0.25)],  # exp(-(3/4 ln 3/4 + 1/4 ln 1/4))
)
def test_the_effective_rank_is_that_derived_by_hand(singular: list[float], rank: float):
    assert effective_rank(np.array(singular, float)) == pytest.approx(rank)


@pytest.mark.parametrize("init", ["he", "xavier", "normal"])
def test_before_training_no_singular_value_of_the_first_layer_stands_out_and_the_edge_is_exact(init: str):
    W = Trainer.initial_model(RunConfig(hidden=(128,), init=init)).weights()["dense1.W"]
    singular, edge = singular_values(W), chance_edge(W.shape, float(W.std()))
    assert singular[0] == pytest.approx(edge, rel=0.03)
    assert n_above(singular, edge) == 0


def test_directions_that_were_planted_stand_out_of_chance():
    rng = np.random.default_rng(0)
    W, left, right = rng.normal(0, 0.05, (784, 64)), rng.normal(size=(784, 3)), rng.normal(size=(64, 3))
    planted = W + 4 * (left / np.linalg.norm(left, axis=0)) @ (right / np.linalg.norm(right, axis=0)).T
    assert n_above(singular_values(planted), chance_edge(W.shape, 0.05)) == 3
