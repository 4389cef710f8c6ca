"""The training step that is run: the arithmetic of layers.py on preallocated buffers, with no allocation in the loop.

`MLPKernel.gradients` equals `MLP.loss_and_gradients` up to rounding, for every activation and any dropout; the tests
hold the two together. What makes it fast stands beside each line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nn_core import memory
from nn_core.crew import CREW
from nn_core.knobs import choices
from nn_core.layers import Activation
from nn_core.models import FEW_COLUMNS, MLP
from nn_core.network import N_CLASSES

Array = npt.NDArray[Any]

ROWS = 480  # images whose floats (1.5 MB) stay in the second-level cache; of so many at a time, what is random is drawn
ACTIVATIONS = 65_536  # floats of a hidden layer's output that do; a pass takes so many images, at least ROWS
MOST_ROWS = 10 * ROWS

# OpenBLAS leaves its small-matrix path near m * k * n = 0.9 million: with 10 units, 128 rows took 52 us in one product
# and 17 us as 120 and 8; multiples of 24 rows are the quickest (0.12 us a row, against 0.19 for 64 or 112). With 16
# units and more, cutting gained little.
CUT = 120  # rows of a piece

# Handing half of a batch to a second thread costs 30 to 50 us, and at times one waits for the other's Python.
# 784-128-10 at batch 128 (13 million) lost by it, 785 to 950 us; 784-512-10 at 256 (104 million) gained, 4.3 to 3.4 ms.
ENOUGH = 60_000_000  # multiplications of a forward pass from which a batch is cut in two


def _relu(z: Array) -> None:
    np.maximum(z, 0, out=z)


def _tanh(z: Array) -> None:
    np.tanh(z, out=z)


def _sigmoid(z: Array) -> None:
    half = z.dtype.type(0.5)
    z *= half
    np.tanh(z, out=z)
    z *= half
    z += half


def _relu_backward(da: Array, a: Array) -> None:
    # a >= 0: as an integer it is 0 or positive, so the sign of its negative, spread over all bits, is the mask. With
    # 512 units and 256 images: 50 us; by np.sign 740, as it takes a branch for each number
    bits = np.int32 if a.dtype.itemsize == 4 else np.int64
    mask = a.view(bits)
    np.negative(mask, out=mask)
    np.right_shift(mask, 8 * a.dtype.itemsize - 1, out=mask)
    np.bitwise_and(da.view(bits), mask, out=da.view(bits))


def _tanh_backward(da: Array, a: Array) -> None:
    a *= a
    np.subtract(1, a, out=a)
    da *= a


def _sigmoid_backward(da: Array, a: Array) -> None:
    da *= a
    np.subtract(1, a, out=a)
    da *= a


# activation -> (z to a, in place; da to dz, in place, from a alone, which is used up); others go through layers.py
IN_PLACE: dict[str, tuple[Callable[[Array], None], Callable[[Array, Array], None]]] = {
    "relu": (_relu, _relu_backward),
    "sigmoid": (_sigmoid, _sigmoid_backward),
    "tanh": (_tanh, _tanh_backward),
}


class MLPKernel:
    """Forward and backward pass of one MLP over one array of images.

    images: uint8 (n, 784), C-contiguous; labels: (n,). The gradients go to `model.flat_grads`. `augment` turns the raw
    images of a batch, uint8 (m, 784), into others of the same shape, of any dtype with values in 0..255.
    """

    def __init__(
        self, model: MLP, images: Array, labels: Array, augment: Callable[[Array], Array] | None = None
    ) -> None:
        self.model = model
        self.augment = augment
        self.images = images
        self.labels = labels
        self.smooth(model.config.label_smoothing)
        self.multiplications = sum(n_in * n_out for n_in, n_out in pairwise(model.sizes))  # of an image, forward
        self.hands = [Hands(model, model.flat_grads)]
        self.masks = [np.empty((0, n), np.float32) for n in model.config.hidden]

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing = smoothing
        self.targets = np.eye(N_CLASSES, dtype=self.model.flat.dtype)[self.labels]  # (n, 10): what p should be
        self.targets *= 1 - smoothing
        self.targets += smoothing / N_CLASSES

    def gradients(self, indices: Array | slice, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalty left out); the gradients, without L2's part, are in model.flat_grads.

        `indices` (m,) choose the images; a slice start:stop takes them in place, without a copy.
        """
        m = _length(indices)
        if m <= ROWS or not (self.augment or dropout):
            return self._gradients(indices, m, dropout, rng) / m
        # what is random is drawn for ROWS images at a time
        total, summed = 0.0, np.zeros_like(self.model.flat_grads)
        for start in range(0, m, ROWS):
            total += self._gradients(_part(indices, start, min(start + ROWS, m)), m, dropout, rng)
            summed += self.model.flat_grads
        self.model.flat_grads[...] = summed
        return total / m

    def _gradients(self, indices: Array | slice, m: int, dropout: float, rng: np.random.Generator) -> float:
        """The part that these images have in the gradients of a batch of m; returns the sum of their losses."""
        n = _length(indices)
        images, rows = self.images, indices
        if self.augment:
            images, rows = self.augment(images[indices]), slice(0, n)
        masks = self._draw_masks(n, rng) if dropout else []
        if not self.is_cut(n):
            return self.hands[0].walk(images, rows, self.targets, indices, masks, m, dropout)
        if len(self.hands) == 1:
            self.hands.append(Hands(self.model, memory.zeros(len(self.model.flat), self.model.flat.dtype)))
        losses = [0.0, 0.0]

        def half(which: int, start: int, stop: int) -> None:
            losses[which] = self.hands[which].walk(
                images,
                _part(rows, start, stop),
                self.targets,
                _part(indices, start, stop),
                [mask[start:stop] for mask in masks],
                m,
                dropout,
            )

        CREW.run(lambda: half(0, 0, n // 2), lambda: half(1, n // 2, n))
        self.model.flat_grads += self.hands[1].flat_grads
        return sum(losses)

    def is_cut(self, n: int) -> bool:
        """Whether a batch of n images is work for two threads."""
        return n > 1 and n * self.multiplications >= ENOUGH

    def _draw_masks(self, n: int, rng: np.random.Generator) -> list[Array]:
        """Uniform random numbers (n, n_units) for every hidden layer, the first layer's drawn first."""
        if n > len(self.masks[0] if self.masks else ()):
            self.masks = [np.empty((n, mask.shape[1]), np.float32) for mask in self.masks]
        return [rng.random(out=mask[:n], dtype=np.float32) for mask in self.masks]


class Hands:
    """One pair of hands: buffers for the images that it walks over, and the gradients that it finds, `flat_grads`."""

    def __init__(self, model: MLP, flat_grads: Array) -> None:
        self.model = model
        self.flat_grads = flat_grads
        self.grads = model.dense_views(flat_grads)  # (dW, db) of each layer
        self.number = model.flat.dtype.type
        factor, offset = choices("input_scaling")[model.config.input_scaling].target()
        self.factor, self.offset = self.number(factor), self.number(offset)
        # with x left as raw pixels, the division by 255 moves to the few units behind it: 10 us less of 26 at batch 128
        self.folds_factor = not offset and bool(model.config.hidden)
        self.activation: type[Activation] = choices("activation")[model.config.activation].target
        self.in_place = IN_PLACE.get(model.config.activation)
        self.class_ones = np.ones(N_CLASSES, model.flat.dtype)
        self.piece, _ = model.dense_views(memory.empty(len(model.flat), model.flat.dtype))[0]  # in the weights' order
        widest = max(model.config.hidden, default=N_CLASSES)
        # 55,000 images, 10 units: in passes of 4,800 two threads wait less for each other than in passes of 480, 26 ms
        # instead of 34; alone it took 40 instead of 37
        self.pass_rows = min(MOST_ROWS, max(1, ACTIVATIONS // widest // ROWS) * ROWS)
        self._allocate(64)

    def _allocate(self, rows: int) -> None:
        """Buffers for up to `rows` images; a smaller batch uses their first rows."""
        dtype = self.model.flat.dtype
        hidden = self.model.sizes[1:-1]
        self.rows = rows
        self.raw = memory.empty((rows, self.model.sizes[0]), np.uint8)
        self.x = memory.empty((min(rows, ROWS), self.model.sizes[0]), dtype)
        self.a = [memory.empty((rows, n), dtype) for n in hidden]
        self.da = [memory.empty((rows, n), dtype) for n in hidden]
        self.z = [memory.empty((rows, n), dtype) for n in hidden] if self.in_place is None else []
        self.logits = memory.empty(N_CLASSES * rows, dtype)
        self.batch_targets = memory.empty((rows, N_CLASSES), dtype)
        self.targets_by_class = memory.empty(N_CLASSES * rows, dtype)
        self.total = memory.empty(rows, dtype)
        self.ones = np.ones(rows, dtype)
        self.views: dict[int, _Views] = {}

    def walk(
        self,
        images: Array,
        rows: Array | slice,
        targets: Array,
        targets_rows: Array | slice,
        masks: list[Array],
        m: int,
        dropout: float,
    ) -> float:
        """The part of images[rows], with targets[targets_rows], in the gradients of a batch of m; their summed loss.

        masks: for each hidden layer uniform random numbers (n, n_units), used up; none without dropout.
        """
        n, most = _length(rows), self.pass_rows
        if min(n, most) > self.rows:
            self._allocate(min(n, most))
        if n <= most:
            return self._pass(images, rows, targets, targets_rows, masks, m, dropout)
        total, summed = 0.0, np.zeros_like(self.flat_grads)
        for start in range(0, n, most):
            stop = min(start + most, n)
            part = [mask[start:stop] for mask in masks]
            total += self._pass(
                images, _part(rows, start, stop), targets, _part(targets_rows, start, stop), part, m, dropout
            )
            summed += self.flat_grads
        self.flat_grads[...] = summed
        return total

    def _pass(
        self,
        images: Array,
        rows: Array | slice,
        targets: Array,
        targets_rows: Array | slice,
        masks: list[Array],
        m: int,
        dropout: float,
    ) -> float:
        """`walk` on at most `pass_rows` images."""
        views = self._views_of(_length(rows))
        # "clip" writes without a buffer
        raw = images[rows] if isinstance(rows, slice) else images.take(rows, 0, views.raw, "clip")
        if isinstance(targets_rows, slice):
            np.copyto(views.targets_by_class, targets[targets_rows].T)
        else:
            np.copyto(views.targets_by_class, targets.take(targets_rows, 0, views.targets, "clip").T)
        if dropout:
            for mask in masks:
                np.multiply(mask >= np.float32(dropout), np.float32(1 / (1 - dropout)), out=mask)
        self._first_products(raw, views)
        self._forward(views, masks)
        loss = self._softmax_and_gradient(views, m)
        dz = self._backward(views, masks, dropout)
        self._first_gradient(raw, views, dz)
        return loss

    def _first_products(self, raw: Array, views: _Views) -> None:
        """The first layer's sums, without the bias, of at most ROWS images at a time."""
        W, sums = self.model.dense[0].params["W"], views.a[0] if views.a else views.logits.T
        for start in range(0, len(raw), ROWS):
            part = raw[start : start + ROWS]
            x = views.x[: len(part)]
            self._widen(part, x)
            _product(x, W, sums[start : start + ROWS])

    def _first_gradient(self, raw: Array, views: _Views, dz: Array) -> None:
        """The gradient of the first layer's weights; of many images, the bytes are widened a second time.

        That costs less than fetching the floats from beyond the cache.
        """
        dW, db = self.grads[0]
        np.dot(views.ones, dz, out=db)
        if self.folds_factor:
            np.multiply(dz, self.factor, out=dz)
        for start in range(0, len(raw), ROWS):
            part = raw[start : start + ROWS]
            x = views.x[: len(part)]
            if len(raw) > ROWS:
                self._widen(part, x)
            _transposed_product(x, dz[start : start + ROWS], dW, self.piece, add=start > 0)

    def _widen(self, raw: Array, x: Array) -> None:
        """Bytes to floats: they are gathered as bytes, a quarter of the memory traffic of gathering floats."""
        if self.folds_factor:
            np.copyto(x, raw, casting="unsafe")
        else:
            np.multiply(raw, self.factor, out=x, casting="unsafe", dtype=x.dtype)
            np.add(x, self.offset, out=x)

    def _views_of(self, n: int) -> _Views:
        """The first n rows of every buffer; slicing them anew at each step took 4 us of 60."""
        views = self.views.get(n)
        if views is None:
            views = self.views[n] = _Views(
                raw=self.raw[:n],
                x=self.x[:n],
                a=[a[:n] for a in self.a],
                da=[da[:n] for da in self.da],
                z=[z[:n] for z in self.z],
                logits=self.logits[: N_CLASSES * n].reshape(N_CLASSES, n),
                targets=self.batch_targets[:n],
                targets_by_class=self.targets_by_class[: N_CLASSES * n].reshape(N_CLASSES, n),
                total=self.total[:n],
                ones=self.ones[:n],
            )
        return views

    def _forward(self, views: _Views, masks: list[Array]) -> None:
        """Logits as (10, n): the softmax over the first axis is then a few passes over long rows."""
        for i, layer in enumerate(self.model.dense[:-1]):
            a = views.a[i]
            if i:
                np.dot(views.a[i - 1], layer.params["W"], out=a)
            elif self.folds_factor:
                np.multiply(a, self.factor, out=a)
            np.add(a, layer.params["b"], out=a)
            if self.in_place:
                self.in_place[0](a)
            else:
                np.copyto(views.z[i], a)
                np.copyto(a, self.activation.value(a))
            if masks:
                np.multiply(a, masks[i], out=a)
        last = self.model.dense[-1].params
        if views.a:
            np.dot(last["W"].T, views.a[-1].T, out=views.logits)
        np.add(views.logits, last["b"][:, None], out=views.logits)

    def _backward(self, views: _Views, masks: list[Array], dropout: float) -> Array:
        """From d loss / d logits (10, n) back to d loss / d (the first layer's sums), (n, n_units)."""
        dz = views.logits.T
        for i in range(len(self.a), 0, -1):
            dW, db = self.grads[i]
            np.dot(views.ones, dz, out=db)  # a sum over the batch, as a matrix-vector product
            da, a = views.da[i - 1], views.a[i - 1]
            _transposed_product(a, dz, dW)
            np.dot(dz, self.model.dense[i].params["W"].T, out=da)
            if masks:
                np.multiply(da, masks[i - 1], out=da)
                # as before the mask; where it was masked, da is 0 and a does not matter
                np.multiply(a, self.number(1 - dropout), out=a)
            if self.in_place:
                self.in_place[1](da, a)
            else:
                np.multiply(da, self.activation.slope(views.z[i - 1], a), out=da)
            dz = da
        return dz

    def _softmax_and_gradient(self, views: _Views, m: int) -> float:
        """The logits (10, n) become (softmax - targets) / m in place; returns the summed cross-entropy of the n."""
        logits, targets, total = views.logits, views.targets_by_class, views.total
        np.maximum.reduce(logits, axis=0, out=total)
        np.subtract(logits, total, out=logits)
        expected = float(np.vdot(logits, targets))  # each image's targets sum to 1
        np.exp(logits, out=logits)
        np.dot(self.class_ones, logits, out=total)  # a sum over the classes; half the time of add.reduce
        np.divide(logits, total, out=logits)
        np.log(total, out=total)
        loss = float(np.dot(total, views.ones)) - expected
        np.subtract(logits, targets, out=logits)
        np.multiply(logits, self.number(1 / m), out=logits)
        return loss


class _Views(NamedTuple):
    """The parts of the buffers that a batch of one size uses."""

    raw: Array
    x: Array
    a: list[Array]
    da: list[Array]
    z: list[Array]
    logits: Array
    targets: Array
    targets_by_class: Array
    total: Array
    ones: Array


def _length(rows: Array | slice) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def _part(rows: Array | slice, start: int, stop: int) -> Array | slice:
    """rows[start:stop] of indices, or of a slice that stands for them."""
    if isinstance(rows, slice):
        return slice(rows.start + start, rows.start + stop)
    return rows[start:stop]


def _product(x: Array, W: Array, out: Array) -> None:
    """out (n, n_out) = x (n, n_in) W, in pieces where that is faster."""
    if W.shape[1] > FEW_COLUMNS or len(x) <= CUT:
        np.matmul(x, W, out=out)  # where out is a transposed view, dot would refuse it
        return
    for start in range(0, len(x), CUT):
        np.matmul(x[start : start + CUT], W, out=out[start : start + CUT])


def _transposed_product(x: Array, dz: Array, out: Array, piece: Array | None = None, add: bool = False) -> None:
    """out (n_in, n_out) = x^T dz, or that much more; in pieces if there is a `piece` like out to hold one."""
    if not out.flags.c_contiguous:
        x, dz, out = dz, x, out.T  # (x^T dz)^T = dz^T x
        piece = None if piece is None else piece.T
    cut = CUT if piece is not None and len(out) <= FEW_COLUMNS else len(x)
    for start in range(0, len(x), cut):
        if start or add:
            assert piece is not None
            np.matmul(x[start : start + cut].T, dz[start : start + cut], out=piece)
            np.add(out, piece, out=out)
        else:
            np.matmul(x[:cut].T, dz[:cut], out=out)


def is_finite(values: Array) -> bool:
    """Whether a flat vector is finite throughout: its dot product with itself is, unless a square overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(float(np.dot(values, values))) or bool(np.isfinite(values).all())
