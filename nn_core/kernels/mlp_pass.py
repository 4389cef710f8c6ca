"""One forward and backward pass of an MLP over some images, written down once as a list of NumPy calls.

A step then makes one call after the other. With few units a call takes a microsecond or two, and looking up attributes,
slicing buffers and passing arguments by name took as long again: 784-10-10 at batch 32 spent 75 us of 180 between its
calls, and spends 15 of 115 so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nn_core.config.choices import choices
from nn_core.kernels.calls import ActivationCalls, Calls
from nn_core.kernels.output import Output, OutputBuffers
from nn_core.kernels.protocol import ROWS
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.machine.simd import HAS_AVX512
from nn_core.nn.mlp import FEW_COLUMNS, MLP

# With AVX-512, OpenBLAS leaves its small-matrix path near m * k * n = 0.9 million: with 10 units, 128 rows took 52 us
# in one product and 17 us as 120 and 8; multiples of 24 rows are the quickest (0.12 us a row, against 0.19 for 64 or
# 112). With 16 units and more, cutting gained little. With AVX2 there is no such path, and cutting took 10 us of 270.
CUT = 120 if HAS_AVX512 else ROWS  # rows of a piece of the first layer's product, where it has few units


class Buffers:
    """Room for up to `rows` images; a smaller batch uses the first rows. `grads`: (dW, db) of each layer."""

    def __init__(self, model: MLP, grads: list[tuple[Array, Array]], rows: int, activation: ActivationCalls) -> None:
        self.model, self.grads, self.rows, self.activation = model, grads, rows, activation
        dtype, hidden = model.flat.dtype, model.sizes[1:-1]
        factor, offset = choices("input_scaling")[model.config.input_scaling].target()
        self.factor, self.offset = dtype.type(factor), dtype.type(offset)
        # with x left as raw pixels, the division by 255 moves to the few units behind it: 10 us less of 26 at batch 128
        self.folds_factor = not offset and bool(hidden)
        self.raw = memory.empty((rows, model.sizes[0]), np.uint8)
        self.labels = memory.empty(rows, np.intp)
        self.x = memory.empty((min(rows, ROWS), model.sizes[0]), dtype)
        self.a = [memory.empty((rows, n), dtype) for n in hidden]
        self.da = [memory.empty((rows, n), dtype) for n in hidden]
        self.z = [memory.empty((rows, n), dtype) if activation.needs_sums else None for n in hidden]
        self.output = OutputBuffers(rows, dtype)
        self.keep = np.ones((), dtype)  # 1 - dropout
        self.piece, _ = model.weights_and_biases(memory.empty(len(model.flat), dtype))[0]  # in the order of W's memory


class Chunk(NamedTuple):
    """At most ROWS images of a pass: which, where their floats go, and the calls that follow."""

    rows: slice
    x: Array
    calls: Calls


class MLPPass:
    """The calls for n images of a batch of m, on the first rows of some buffers.

    Before: the images' bytes, their targets by class in `output.targets` and, if `masked`, `masks` for each hidden
    layer. The order is `first` (floats before each chunk), `forward`, `output.calls`, `backward`, `last` (floats again
    where there are several chunks); then the gradients are where the buffers say.
    """

    def __init__(self, buffers: Buffers, n: int, m: int, masked: bool) -> None:
        self.buffers = buffers
        self.raw, self.labels = buffers.raw[:n], buffers.labels[:n]
        self.a, self.da = ([part[:n] for part in parts] for parts in (buffers.a, buffers.da))
        self.z = [None if z is None else z[:n] for z in buffers.z]
        self.masks = [memory.empty((n, a.shape[1]), a.dtype) for a in self.a] if masked else []
        self.output = Output(buffers.output, n, m)
        self.logits, self.ones = self.output.logits, self.output.ones
        chunks = [slice(start, min(start + ROWS, n)) for start in range(0, n, ROWS)]
        self.first = [Chunk(rows, self._x(rows), self._first_product(rows)) for rows in chunks]
        self.forward = self._forward()
        self.backward = self._backward()
        self.last = [Chunk(rows, self._x(rows), self._first_gradient(rows)) for rows in chunks]

    def _x(self, rows: slice) -> Array:
        return self.buffers.x[: rows.stop - rows.start]

    def _first_product(self, rows: slice) -> Calls:
        """The first layer's sums, without the bias."""
        W, sums = self.buffers.model.dense[0].params["W"], self.a[0] if self.a else self.logits.T
        x, out = self._x(rows), sums[rows]
        if W.shape[1] > FEW_COLUMNS:
            return [(np.matmul, (x, W, out))]
        return [(np.matmul, (x[s : s + CUT], W, out[s : s + CUT])) for s in range(0, len(x), CUT)]

    def _forward(self) -> Calls:
        """From the first sums to the logits (10, n)."""
        buffers, dense = self.buffers, self.buffers.model.dense
        calls: Calls = []
        for i, a in enumerate(self.a):
            if i:
                calls.append((np.dot, (self.a[i - 1], dense[i].params["W"], a)))
            elif buffers.folds_factor:
                calls.append((np.multiply, (a, buffers.factor, a)))
            calls.append((np.add, (a, dense[i].params["b"], a)))
            calls += buffers.activation.forward(a, self.z[i])
            if self.masks:
                calls.append((np.multiply, (a, self.masks[i], a)))
        last = dense[-1].params
        if self.a:
            calls.append((np.dot, (last["W"].T, self.a[-1].T, self.logits)))
        return [*calls, (np.add, (self.logits, last["b"][:, None], self.logits))]

    def _backward(self) -> Calls:
        """From d loss / d logits (10, n) back to d loss / d (the first layer's sums), (n, n_units)."""
        buffers, dense, dz = self.buffers, self.buffers.model.dense, self.logits.T
        calls: Calls = []
        for i in range(len(self.a), 0, -1):
            (dW, db), a, da = buffers.grads[i], self.a[i - 1], self.da[i - 1]
            calls.append((np.dot, (self.ones, dz, db)))  # a sum over the batch, as a matrix-vector product
            calls.append((np.matmul, (a.T, dz, dW) if dW.flags.c_contiguous else (dz.T, a, dW.T)))
            calls.append((np.dot, (dz, dense[i].params["W"].T, da)))
            if self.masks:
                calls.append((np.multiply, (da, self.masks[i - 1], da)))
                # as before the mask; where it was masked, da is 0 and a does not matter
                calls.append((np.multiply, (a, buffers.keep, a)))
            calls += buffers.activation.backward(da, a, self.z[i - 1])
            dz = da
        calls.append((np.dot, (self.ones, dz, buffers.grads[0][1])))
        if buffers.folds_factor:
            calls.append((np.multiply, (dz, buffers.factor, dz)))
        self.dz = dz
        return calls

    def _first_gradient(self, rows: slice) -> Calls:
        """x^T dz of these rows, into the first layer's dW or, from the second chunk on, added to it; in pieces."""
        x, dz, out, piece = self._x(rows), self.dz[rows], self.buffers.grads[0][0], self.buffers.piece
        if not out.flags.c_contiguous:
            x, dz, out, piece = dz, x, out.T, piece.T  # (x^T dz)^T = dz^T x
        cut = CUT if len(out) <= FEW_COLUMNS else ROWS
        calls: Calls = []
        for s in range(0, len(x), cut):
            if s or rows.start:
                calls.append((np.matmul, (x[s : s + cut].T, dz[s : s + cut], piece)))
                calls.append((np.add, (out, piece, out)))
            else:
                calls.append((np.matmul, (x[:cut].T, dz[:cut], out)))
        return calls
