"""The estimated trace is that of the matrix within its own error; shares of a gradient are those derived by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nn_core.instruments.measures.trace import share_within, trace


def test_the_trace_of_a_diagonal_matrix_is_exact_from_one_draw():
    diagonal = np.array([3.0, -1.0, 0.5])
    value, error = trace(lambda v: diagonal * v, 3, 1, np.random.default_rng(0))
    assert value == 2.5 and math.isnan(error)


def test_the_trace_of_any_matrix_lies_within_a_few_of_its_standard_errors():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(80, 80))
    A = A @ A.T
    value, error = trace(lambda v: A @ v, 80, 400, rng)
    assert 0 < error < 0.02 * np.trace(A) and abs(value - np.trace(A)) < 4 * error


def test_the_share_of_a_gradient_within_some_directions_is_that_derived_by_hand():
    vectors = np.array([[1.0, 0, 0], [0, 0.6, 0.8]])
    assert share_within(vectors, np.array([3.0, 0.0, 0.0])) == pytest.approx(1)
    assert share_within(vectors, np.array([0.0, -0.8, 0.6])) == pytest.approx(0, abs=1e-12)
    assert share_within(vectors, np.array([1.0, 1.0, 0.0])) == pytest.approx((1 + 0.36) / 2)
    assert math.isnan(share_within(vectors, np.zeros(3)))
