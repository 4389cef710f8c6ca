"""The largest eigenvalues of a symmetric matrix that is known by its products with vectors alone (Lanczos 1950)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nn_core.machine.memory import Array

Times = Callable[[Array], Array]  # v -> A v
MOST_PRODUCTS = 100
MOST_BYTES = 10**9  # of the basis, one vector a product
TOLERANCE = 1e-3  # of the largest eigenvalue: how far A v may be from theta v
NEW = 0.3  # the share of a random direction in a warm start: what has grown since is found by it
SMALL = 100  # roundings: a remainder below that is none


@dataclass(frozen=True, repr=False)
class Eigenpairs:
    """The k largest eigenvalues, values float64 (k,) descending, and their vectors (k, n), of length 1.

    `residual` is the largest |A v - value v|: an eigenvalue lies at most so far from each value. `converged` says
    whether that is within the tolerance. `n_products` is what it took.
    """

    values: Array
    vectors: Array
    residual: float
    converged: bool
    n_products: int

    def __repr__(self) -> str:
        found = ", ".join(f"{value:.4g}" for value in self.values)
        return f"<Eigenpairs {found}, within {self.residual:.2g}, by {self.n_products} products>"


def warm_start(last: Array, rng: np.random.Generator) -> Array:
    """Where to begin (n,) when the matrix has changed a little: the last vectors (k, n) together, and something new."""
    new = rng.normal(size=last.shape[1])
    together = last.sum(axis=0)
    start: Array = together + (NEW * np.linalg.norm(together) / np.linalg.norm(new) * new).astype(last.dtype)
    return start


def largest_eigenvalues(
    times: Times,
    start: Array,
    k: int,
    rng: np.random.Generator,
    tolerance: float = TOLERANCE,
    most_products: int = MOST_PRODUCTS,
) -> Eigenpairs:
    """The k algebraically largest eigenpairs of A (n, n), from products `times(v)` and a first direction (n,), not 0.

    Lanczos with full re-orthogonalization: every new direction is made orthogonal to all before. Where what is spanned
    maps onto itself, `rng` gives another. Stops at `tolerance`, a share of the largest eigenvalue's size, or after
    `most_products`, fewer where the basis would be too large. Raises ValueError where a product is not finite.
    """
    n, dtype = len(start), start.dtype
    most = min(n, max(2 * k, min(most_products, MOST_BYTES // (n * dtype.itemsize))))
    basis = np.empty((most, n), dtype)  # orthonormal rows
    diagonal, beside = np.zeros(most), np.zeros(most)  # of the tridiagonal matrix basis A basis^T
    direction, not_before = start / np.linalg.norm(start), 2 * k
    for made in range(1, most + 1):
        basis[made - 1] = direction
        rest = times(direction)
        diagonal[made - 1] = np.dot(direction, rest)
        if not np.isfinite(diagonal[made - 1]):
            raise ValueError("the curvature is not a finite number")
        rest = _orthogonal(rest, basis[:made])
        beside[made - 1] = np.linalg.norm(rest)
        values, rotation = _eigh_tridiagonal(diagonal[:made], beside[: made - 1])
        size = float(np.abs(values).max())
        if beside[made - 1] <= SMALL * np.finfo(dtype).eps * size:  # nothing new
            beside[made - 1], not_before = 0.0, made + 2 * k
            rest = _orthogonal(rng.normal(size=n).astype(dtype), basis[:made])
        residual = float(np.abs(beside[made - 1] * rotation[-1, -k:]).max())
        if made == most or (made >= not_before and residual <= tolerance * size):
            break
        direction = rest / np.linalg.norm(rest)
    vectors = rotation[:, -k:].T[::-1].astype(dtype) @ basis[:made]
    return Eigenpairs(values[-k:][::-1], vectors, residual, residual <= tolerance * size, made)


def _orthogonal(vector: Array, basis: Array) -> Array:
    """The vector without its parts along the orthonormal rows of the basis; twice is enough (Parlett 1998, 6.9)."""
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector


def _eigh_tridiagonal(diagonal: Array, beside: Array) -> tuple[Array, Array]:
    """Eigenvalues ascending (m,), and eigenvectors as columns (m, m)."""
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return values, vectors
