"""Lanczos: the largest eigenvalues are those of the dense matrix, however the matrix is made and wherever it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.measures.eigenvalues import Eigenpairs, largest_eigenvalues, warm_start
from nn_core.machine.memory import Array
from nn_core.nn.hessian import Hessian, dense_hessian
from nn_core.nn.network import build_model


def matrix_of(values: Array | Sequence[float], seed: int = 0) -> tuple[Array, Array]:
    """A symmetric matrix with these eigenvalues, and its eigenvectors as columns."""
    vectors, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    return vectors * values @ vectors.T, vectors


def largest(A: Array, k: int = 3, start: Array | None = None, **more: Any) -> Eigenpairs:
    rng = np.random.default_rng(1)
    first = rng.normal(size=len(A)) if start is None else start
    return largest_eigenvalues(lambda v: A @ v, first.astype(A.dtype), k, rng, **more)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": (1,), "activation": "tanh"},
        {"hidden": (1, 6), "activation": "silu", "loss": "mse", "l2": 0.1},
        {"model": "cnn", "channels": (2,), "pool": 4, "normalization": "batch"},
    ],
    ids=str,
)
def test_the_three_largest_curvatures_of_a_small_network_are_those_of_its_dense_hessian(
    settings: dict[str, Any], dtype: type, tiny: Dataset
):
    network = build_model(RunConfig(**settings), np.random.default_rng(0), dtype=dtype)
    assert network.n_params <= 1_500
    m = 4 if settings.get("model") == "cnn" else 40
    hessian = Hessian(network, network.inputs(tiny.train_images[:m]), tiny.train_labels[:m])
    expected = np.linalg.eigvalsh(dense_hessian(hessian).astype(np.float64))[-3:][::-1]
    rng = np.random.default_rng(1)
    found = largest_eigenvalues(hessian.times, rng.normal(size=network.n_params).astype(dtype), 3, rng, 1e-5)
    assert found.converged and found.n_products <= 60
    assert np.allclose(found.values, expected, rtol=1e-4, atol=1e-4 * expected[0])
    for value, vector in zip(found.values, found.vectors, strict=True):
        assert np.linalg.norm(hessian.times(vector) - value * vector) < 1e-3 * expected[0]


def test_vectors_are_orthonormal_and_values_fall_after_many_products():
    A, _ = matrix_of(np.linspace(-1, 1, 300))
    found = largest(A.astype(np.float32), tolerance=1e-9)
    assert found.n_products == 100 and not found.converged  # the float32 basis would have lost its angles without care
    assert np.allclose(found.vectors @ found.vectors.T, np.eye(3), atol=1e-5)
    assert (np.diff(found.values) < 0).all()


def test_the_residual_bounds_how_far_each_value_lies_from_an_eigenvalue():
    values = np.sort(np.random.default_rng(0).exponential(size=200))
    A, _ = matrix_of(values)
    found = largest(A, tolerance=0.05)
    assert 0 < found.residual <= 0.05 * values[-1]
    assert all(np.abs(values - value).min() <= found.residual * 1.001 for value in found.values)


def test_an_eigenvalue_that_occurs_several_times_is_found_as_often():
    A, _ = matrix_of([5, 5, 5, 1, 0, 0, 0, -7])
    assert largest(A).values == pytest.approx([5, 5, 5])


def test_a_start_in_a_space_that_the_matrix_keeps_is_left():
    A, vectors = matrix_of([9, 8, 7, *np.linspace(0, 1, 60)])
    assert largest(A, start=vectors[:, 10]).values == pytest.approx([9, 8, 7], rel=1e-3)


@pytest.mark.parametrize("values", [[0.0] * 12, [-3.0, -2.0, -1.0], [4.0]])
def test_matrices_of_zeros_falling_ones_and_of_one_number_are_no_trouble(values: list[float]):
    A, _ = matrix_of(values)
    assert largest(A).values == pytest.approx(sorted(values)[::-1][:3], abs=1e-12)


def test_a_warm_start_takes_fewer_products_and_misses_nothing_that_has_grown():
    values = np.concatenate([[20, 15, 12, 11, 6, 3], np.random.default_rng(0).exponential(0.3, 600)])
    A, vectors = matrix_of(values)
    cold = largest(A)
    moved = A + 0.02 * np.outer(vectors[:, 0], vectors[:, 3]) + 0.02 * np.outer(vectors[:, 3], vectors[:, 0])
    warm = largest(moved, start=warm_start(cold.vectors, np.random.default_rng(2)))
    assert warm.n_products < cold.n_products
    assert warm.values == pytest.approx(np.linalg.eigvalsh(moved)[-3:][::-1], rel=1e-3)
    grown = A + 30 * np.outer(vectors[:, 300], vectors[:, 300])  # a direction that played no part before
    warm = largest(grown, start=warm_start(cold.vectors, np.random.default_rng(2)))
    assert warm.values == pytest.approx(np.linalg.eigvalsh(grown)[-3:][::-1], rel=1e-3)


def test_what_is_not_finite_is_refused_by_a_sentence():
    with pytest.raises(ValueError, match="the curvature is not a finite number"):
        largest(np.full((4, 4), np.nan))
