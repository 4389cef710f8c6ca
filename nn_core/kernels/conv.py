"""Convolution and pooling of the fast step: the arithmetic of nn/conv.py as a few large matrix products.

Inside, a batch of n images is (H, C, W, n), images last, so that every pass over it runs along memory.

The usual way copies all that lies under each window (im2col). Here only the columns under the windows are copied, into
(H, T, C, W', n): the rows that a window spans then follow one another in memory, so that a row of outputs is one
product, W (M, K) by a view (K, W' n) of these columns, and needs no further copy.

Columns are copied for all outputs that a pool takes together: `pool` neighbours need T = kernel + pool - 1 columns. So
there is kernel pool / T times less to copy, a product has more rows, M = pool C_out, and neighbours come out in slabs
one behind the other, of which pooling takes the maximum. The price: T / kernel times the multiplications, 1.2 for a
kernel of 5 and a pool of 2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.machine.simd import HAS_AVX512
from nn_core.nn.cnn import BlockSizes

# OpenBLAS's products of small matrices read their operands where they lie and reach 170 GFLOP/s on a core that makes
# 125 in products of large ones, 90 where these are narrow. They serve up to SMALL multiplications; with the second
# factor transposed only where the result has at most SMALL_RESULT numbers. Larger products are cut into such pieces,
# at least 8 rows and 64 columns if possible: narrower ones were slower.
#
# That holds with AVX-512. With AVX2 there are no such products: all copy the second factor into a panel first, and are
# quickest in pieces of all rows and of so many columns that the panel, k numbers for each, has at most PANEL numbers.
# (32, 256) by (256, 240) for 8 rows of a map took 0.64 ms so, 0.84 whole and 1.2 in the pieces above; (64, 256) by
# (256, 480) 1.7, 2.1 and 3.3.
PANEL = 41_000
SMALL = 1_000_000
SMALL_RESULT = 1_200
LEAST_ROWS, LEAST_COLUMNS = 8, 64


class BlockWeights:
    """The weights of one block as its products need them; `arrange` after every change of W."""

    def __init__(self, sizes: BlockSizes, dtype: npt.DTypeLike) -> None:
        k, q = sizes.kernel, sizes.pool
        self.kernel, self.n_columns = k, k + q - 1
        # row (p, o): the output o of neighbour p; column (i, t, c): input c at row i and column t of the q windows
        self.forward = memory.zeros((q * sizes.c_out, k * self.n_columns * sizes.c_in), dtype)
        self.by_cell = self.forward.reshape(q, sizes.c_out, k, self.n_columns, sizes.c_in)
        # the same for the way back: row (k - 1 - i, p, o), column (t, c)
        self.backward = memory.zeros((k * q * sizes.c_out, self.n_columns * sizes.c_in), dtype)
        self.by_row = self.backward.reshape(k, q * sizes.c_out, -1)

    def arrange(self, W: Array) -> None:
        """Take the weights (C_out, C_in, K, K)."""
        for p, part in enumerate(self.by_cell):
            np.copyto(part[:, :, p : p + self.kernel], W.transpose(0, 2, 3, 1))
        rows = self.forward.reshape(len(self.forward), self.kernel, -1)
        np.copyto(self.by_row, rows.transpose(1, 0, 2)[::-1])

    def gradient(self, found: Array, dW: Array) -> None:
        """dW (C_out, C_in, K, K) from the gradient of `forward`: each weight stands there once for each neighbour."""
        cells = found.reshape(self.by_cell.shape)
        into = dW.transpose(0, 2, 3, 1)
        np.copyto(into, cells[0][:, :, : self.kernel])
        for p in range(1, len(cells)):
            np.add(into, cells[p][:, :, p : p + self.kernel], out=into)


class Block:
    """The buffers and views of one block for batches of n images.

    `x` (H + 2 padding, C, W + 2 padding, n) is to be filled by `inside`, its part without the padding; `convolve`
    leaves the pooled sums, without the bias, in `pooled` (H', C', W' n).
    """

    def __init__(self, sizes: BlockSizes, weights: BlockWeights, n: int, pooling: str, dtype: npt.DTypeLike) -> None:
        self.sizes, self.weights, self.n = sizes, weights, n
        pad, c, q = sizes.padding, sizes.c_in, sizes.pool
        full = sizes.side + 2 * pad
        self.n_rows, self.wide = sizes.pooled * q, sizes.pooled * n  # rows that are computed; numbers in a slab's row
        m, K = weights.forward.shape
        T = weights.n_columns
        self.x = memory.zeros((full, c, full, n), dtype)
        self.inside = self.x[pad : pad + sizes.side, :, pad : pad + sizes.side]
        self.columns = memory.empty((full, T, c, sizes.pooled, n), dtype)
        a, b, step, one = self.x.strides
        self.under = _view(self.x, self.columns.shape, (a, step, b, q * step, one))  # x, as `columns` takes it
        of_row = self.columns.strides[0]
        windows = _view(self.columns, (self.n_rows, K, self.wide), (of_row, self.wide * self.x.itemsize, one))
        self.z = memory.empty((self.n_rows, q, sizes.c_out, self.wide), dtype)
        rows = self.z.reshape(self.n_rows, m, self.wide)
        self.products = _Products(weights.forward, windows, rows)
        self.found = memory.empty((self.n_rows, m, K), dtype)
        self.gradients = _Products(rows, windows.swapaxes(1, 2), self.found, most=SMALL_RESULT)
        self.summed = np.empty(m * K, dtype)
        self.ones = np.ones(max(self.n_rows, self.wide), dtype)
        self.pool = POOLS[pooling](self.z)
        self.pooled = self.pool.pooled
        self.back: list[_Products] = []

    def convolve(self) -> None:
        """`pooled` from `x`."""
        np.copyto(self.columns, self.under)
        self.products.run()
        self.pool.forward()

    def by_channel(self, d: Array) -> Array:
        """The sums (C',) of d (H', C', W' n) over images and places."""
        rows = d.reshape(-1, self.wide) @ self.ones[: self.wide]
        return rows.reshape(len(d), -1).sum(axis=0)

    def weight_gradient(self, d: Array, dW: Array) -> None:
        """The gradient of W, from that of `pooled`; leaves that of the convolution's output in `z`. d is used up."""
        self.pool.backward(d)
        self.gradients.run()
        np.dot(self.ones[: self.n_rows], self.found.reshape(self.n_rows, -1), out=self.summed)
        self.weights.gradient(self.summed, dW)

    def input_gradient(self, dx: Array) -> None:
        """d loss / d inside, into dx (H, C, W, n), after `weight_gradient`."""
        if not self.back:
            self._prepare_the_way_back()
        for products in self.back:
            products.run()
        pad, q, side, pooled = self.sizes.padding, self.sizes.pool, self.sizes.side, self.sizes.pooled
        whole = self.spread
        whole[:, :, pooled * q :] = 0
        for t in range(self.weights.n_columns):
            into = whole[:, :, t : t + q * pooled : q]
            if t < q:
                np.copyto(into, self.by_column[:, t])
            else:
                np.add(into, self.by_column[:, t], out=into)
        if whole is not dx:
            np.copyto(dx, whole[:, :, pad : pad + side])

    def _prepare_the_way_back(self) -> None:
        """Row h of the input gets from rows h - kernel + 1 to h of z, as far as there are such: one product each."""
        k, pad, side, q = self.sizes.kernel, self.sizes.padding, self.sizes.side, self.sizes.pool
        m, dtype = q * self.sizes.c_out, self.z.dtype
        W = self.weights.backward
        g = self.by_column = memory.empty(
            (side, self.weights.n_columns, self.sizes.c_in, self.sizes.pooled, self.n), dtype
        )
        g = g.reshape(side, -1, self.wide)
        z = self.z.reshape(-1, self.wide)
        self.spread = memory.zeros((side, self.sizes.c_in, side + 2 * pad, self.n), dtype)
        inner = range(max(k - 1, pad), min(self.n_rows, pad + side))  # rows that all rows of the window come to
        if inner:
            at = z[(inner[0] - k + 1) * m :]
            row = at.strides[0]
            rows = _view(at, (len(inner), k * m, self.wide), (m * row, row, at.strides[1]))
            self.back.append(_Products(W.T, rows, g[inner[0] - pad : inner[-1] + 1 - pad]))
        for h in range(pad, pad + side):
            low, high = max(0, h - k + 1), min(self.n_rows - 1, h)
            if h in inner:
                continue
            if low > high:
                g[h - pad] = 0
                continue
            part = W[(k - 1 - h + low) * m : (k - h + high) * m]
            self.back.append(_Products(part.T, z[low * m : (high + 1) * m][None], g[h - pad : h - pad + 1]))


class _Products:
    """out[r] = left[r] right[r] for all r; left may be one matrix for all. Cut into pieces that BLAS is quickest at."""

    def __init__(self, left: Array, right: Array, out: Array, most: int = SMALL) -> None:
        (_, m, p), k = out.shape, right.shape[1]
        rows, columns = _pieces(m, k, p, most)
        left = left.reshape(-1, m // rows, 1, rows, k) if left.ndim == 3 else _cut(left[None], rows, k)
        self.left, self.right, self.out = left, _cut(right, k, columns), _cut(out, rows, columns)

    def run(self) -> None:
        """Compute them from what their operands hold now."""
        np.matmul(self.left, self.right, out=self.out)


def _cut(x: Array, rows: int, columns: int) -> Array:
    """x (n, a, b) as (n, a / rows, b / columns, rows, columns); a view."""
    n, a, b = x.shape
    along_n, along_a, along_b = x.strides
    shape = (n, a // rows, b // columns, rows, columns)
    return _view(x, shape, (along_n, rows * along_a, columns * along_b, along_a, along_b))


def _pieces(m: int, k: int, p: int, most: int) -> tuple[int, int]:
    """Rows and columns of the pieces in which an (m, k) by (k, p) product is made: divisors of m and p."""
    if not HAS_AVX512:
        narrower = [columns for columns in _divisors(p) if columns >= LEAST_COLUMNS and k * columns <= PANEL]
        return m, max(narrower, default=p)
    fitting = [
        (min(rows, LEAST_ROWS) * min(columns, LEAST_COLUMNS), rows * columns, rows, columns)
        for rows in _divisors(m)
        for columns in _divisors(p)
        if rows * columns <= most and rows * k * columns <= SMALL
    ]
    return max(fitting)[2:] if fitting else (m, p)


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def _view(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    return np.lib.stride_tricks.as_strided(x, shape, strides)


class MaxPool:
    """The largest of the values that a pool takes together, in z (n_rows, pool, C', wide): columns first, then rows."""

    def __init__(self, z: Array) -> None:
        n_rows, q, c, wide = z.shape
        height = n_rows // q
        self.slabs = [z[:, p] for p in range(q)]  # (n_rows, C', wide) each
        # running maxima: the first is the first slab itself, the last the maximum of all
        self.of_columns = self.slabs[:1] + [memory.empty((n_rows, c, wide), z.dtype) for _ in range(1, q)]
        self.by_row = [self.of_columns[-1][p::q] for p in range(q)]  # (H', C', wide) each
        self.of_rows = self.by_row[:1] + [memory.empty((height, c, wide), z.dtype) for _ in range(1, q)]
        self.pooled = self.of_rows[-1]

    def forward(self) -> None:
        """`pooled` from z."""
        _maxima(self.slabs, self.of_columns)
        _maxima(self.by_row, self.of_rows)

    def backward(self, d: Array) -> None:
        """The gradient of z, in its place, from that of `pooled`."""
        if d is not self.pooled and len(self.slabs) == 1:
            np.copyto(self.pooled, d)
        _unpool(d, self.of_rows, self.by_row)
        _unpool(self.of_columns[-1], self.of_columns, self.slabs)


class MeanPool:
    """Their mean."""

    def __init__(self, z: Array) -> None:
        n_rows, q, c, wide = z.shape
        self.cells = z.reshape(n_rows // q, q * q, c, wide)
        self.pooled = memory.empty((n_rows // q, c, wide), z.dtype)
        self.share = z.dtype.type(1 / q**2)

    def forward(self) -> None:
        """`pooled` from z."""
        np.add.reduce(self.cells, axis=1, out=self.pooled)
        np.multiply(self.pooled, self.share, out=self.pooled)

    def backward(self, d: Array) -> None:
        """The gradient of z, in its place, from that of `pooled`."""
        np.multiply(d[:, None], self.share, out=self.cells)


POOLS: dict[str, type[MaxPool | MeanPool]] = {"max": MaxPool, "average": MeanPool}


def _maxima(slabs: list[Array], running: list[Array]) -> None:
    """running[i] = the larger of running[i - 1] and slabs[i]."""
    for before, slab, after in zip(running, slabs[1:], running[1:], strict=False):
        np.maximum(before, slab, out=after)


def _unpool(d: Array, running: list[Array], slabs: list[Array]) -> None:
    """The gradient d of the last of the running maxima goes to the slab that was the largest, the first of equal ones.

    It replaces the slabs; `running` is used up. By the sign bit of a difference, spread over the bits of a mask.
    """
    bits = np.int32 if d.itemsize == 4 else np.int64
    into = d.view(bits)
    for i in range(len(slabs) - 1, 0, -1):
        before, slab = running[i - 1], slabs[i]
        mask = slab.view(bits)
        np.subtract(before, slab, out=slab)  # negative only where this slab is larger
        np.right_shift(mask, 8 * d.itemsize - 1, out=mask)
        np.bitwise_and(into, mask, out=mask)
        left = before.view(bits)
        np.bitwise_xor(into, mask, out=left)  # what the slab did not take
        into = left
