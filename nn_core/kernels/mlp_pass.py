"""One pass of the fast training step over some images, written down once as a list of NumPy calls and their arrays.

A step then makes one call after the other. With few units a call takes a microsecond or two, and looking up attributes,
slicing buffers and passing arguments by name took as long again: 784-10-10 at batch 32 spent 75 us of 180 between its
calls, and spends 15 of 115 so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nn_core.config.choices import choices
from nn_core.kernels.calls import Calls, InPlace
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.machine.simd import HAS_AVX512
from nn_core.nn.activations import Activation
from nn_core.nn.mlp import FEW_COLUMNS, MLP
from nn_core.nn.network import N_CLASSES

ROWS = 480  # images whose floats (1.5 MB) stay in the second-level cache

CUT = 120 if HAS_AVX512 else ROWS  # rows of a piece


class Buffers:
    """Room for up to `rows` images; a smaller batch uses the first rows. `grads`: (dW, db) of each layer."""

    def __init__(self, model: MLP, grads: list[tuple[Array, Array]], rows: int, in_place: InPlace | None) -> None:
        self.model, self.grads, self.rows, self.in_place = model, grads, rows, in_place
        dtype, hidden = model.flat.dtype, model.sizes[1:-1]
        factor, offset = choices("input_scaling")[model.config.input_scaling].target()
        self.factor, self.offset = dtype.type(factor), dtype.type(offset)
        # with x left as raw pixels, the division by 255 moves to the few units behind it: 10 us less of 26 at batch 128
        self.folds_factor = not offset and bool(hidden)
        self.activation: type[Activation] = choices("activation")[model.config.activation].target
        self.raw = memory.empty((rows, model.sizes[0]), np.uint8)
        self.labels = memory.empty(rows, np.intp)
        self.x = memory.empty((min(rows, ROWS), model.sizes[0]), dtype)
        self.a = [memory.empty((rows, n), dtype) for n in hidden]
        self.da = [memory.empty((rows, n), dtype) for n in hidden]
        self.z = [memory.empty((rows, n), dtype) for n in hidden] if in_place is None else []
        self.logits = memory.empty(N_CLASSES * rows, dtype)
        self.targets = memory.empty(N_CLASSES * rows, dtype)
        self.total = memory.empty(rows, dtype)
        self.logs = memory.empty(rows, dtype)
        self.ones = np.ones(max(rows, N_CLASSES), dtype)
        self.keep = np.ones((), dtype)  # 1 - dropout
        self.piece, _ = model.dense_views(memory.empty(len(model.flat), dtype))[0]  # in the weights' order


class Chunk(NamedTuple):
    """At most ROWS images of a pass: which, where their floats go, and the calls that follow."""

    rows: slice
    x: Array
    calls: Calls


class Pass:
    """The calls for n images of a batch of m, on the first rows of some buffers.

    Before: the images' bytes, their targets by class in `targets` and, if `masked`, `masks` for each hidden layer. The
    order is `first` (floats before each chunk), `forward`, `softmax`, `backward`, `last` (floats again where there are
    several chunks); then `loss` is the sum over the images, and the gradients are where the buffers say.
    """

    def __init__(self, buffers: Buffers, n: int, m: int, masked: bool) -> None:
        self.buffers = buffers
        self.raw, self.labels = buffers.raw[:n], buffers.labels[:n]
        self.a, self.da, self.z = ([part[:n] for part in parts] for parts in (buffers.a, buffers.da, buffers.z))
        self.masks = [memory.empty((n, a.shape[1]), a.dtype) for a in self.a] if masked else []
        self.logits = buffers.logits[: N_CLASSES * n].reshape(N_CLASSES, n)
        self.targets = buffers.targets[: N_CLASSES * n].reshape(N_CLASSES, n)
        self.ones = buffers.ones[:n]
        self.expected, self.log_total = np.zeros((), self.logits.dtype), np.zeros((), self.logits.dtype)
        chunks = [slice(start, min(start + ROWS, n)) for start in range(0, n, ROWS)]
        self.first = [Chunk(rows, self._x(rows), self._first_product(rows)) for rows in chunks]
        self.forward = self._forward()
        self.softmax = self._softmax(self.logits.dtype.type(1 / m))
        self.backward = self._backward()
        self.last = [Chunk(rows, self._x(rows), self._first_gradient(rows)) for rows in chunks]

    @property
    def loss(self) -> float:
        """The sum of the images' cross-entropies."""
        return float(self.log_total) - float(self.expected)

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
        """From the first sums to the logits (10, n): the softmax over the first axis is then passes over long rows."""
        buffers, dense = self.buffers, self.buffers.model.dense
        calls: Calls = []
        for i, a in enumerate(self.a):
            if i:
                calls.append((np.dot, (self.a[i - 1], dense[i].params["W"], a)))
            elif buffers.folds_factor:
                calls.append((np.multiply, (a, buffers.factor, a)))
            calls.append((np.add, (a, dense[i].params["b"], a)))
            if buffers.in_place:
                calls += buffers.in_place[0](a)
            else:
                calls.append((_bend, (buffers.activation, self.z[i], a)))
            if self.masks:
                calls.append((np.multiply, (a, self.masks[i], a)))
        last = dense[-1].params
        if self.a:
            calls.append((np.dot, (last["W"].T, self.a[-1].T, self.logits)))
        return [*calls, (np.add, (self.logits, last["b"][:, None], self.logits))]

    def _softmax(self, share: Any) -> Calls:
        """The logits become (softmax - targets) times `share`; the loss is kept."""
        logits, n = self.logits, self.logits.shape[1]
        total, logs = self.buffers.total[:n], self.buffers.logs[:n]
        return [
            (np.maximum.reduce, (logits, 0, None, total)),
            (np.subtract, (logits, total, logits)),
            (np.dot, (logits.reshape(-1), self.targets.reshape(-1), self.expected)),  # an image's targets sum to 1
            (np.exp, (logits, logits)),
            (np.dot, (self.buffers.ones[:N_CLASSES], logits, total)),  # a sum over the classes; add.reduce takes twice
            (np.divide, (logits, total, logits)),
            (np.log, (total, logs)),
            (np.dot, (logs, self.ones, self.log_total)),
            (np.subtract, (logits, self.targets, logits)),
            (np.multiply, (logits, share, logits)),
        ]

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
            if buffers.in_place:
                calls += buffers.in_place[1](da, a)
            else:
                calls.append((_unbend, (buffers.activation, self.z[i - 1], a, da)))
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


def _bend(activation: type[Activation], z: Array, a: Array) -> None:
    np.copyto(z, a)
    np.copyto(a, activation.value(a))


def _unbend(activation: type[Activation], z: Array, a: Array, da: Array) -> None:
    np.multiply(da, activation.slope(z, a), out=da)
