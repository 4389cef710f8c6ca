"""The training step that is run: the arithmetic of layers.py on preallocated buffers, with no allocation in the loop.

`MLPKernel.gradients` equals `MLP.loss_and_gradients` up to rounding, for every activation and any dropout; the tests
hold the two together. What makes it fast stands beside each line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nn_core.knobs import choices
from nn_core.layers import Activation
from nn_core.models import FEW_COLUMNS, MLP, N_CLASSES

Array = npt.NDArray[Any]

ROWS = 512  # images a pass works on; a larger batch is walked in such chunks, so that its arrays stay in the cache

# OpenBLAS leaves its small-matrix path near m * k * n = 0.9 million: with 10 units, 128 rows took 42 us in one product
# and 21 us in two of 64 (the weights' gradient 32 and 22 us). With 16 units and more, cutting gained nothing.
CUT = 64  # rows of a piece


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
    np.sign(a, out=a)  # a >= 0, so its sign is the slope; a boolean mask would be cast on the way
    da *= a


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


class _Views(NamedTuple):
    """The parts of the kernel's buffers that a batch of one size uses."""

    raw: Array
    x: Array
    a: list[Array]
    da: list[Array]
    z: list[Array]
    masks: list[Array]
    logits: Array
    targets: Array
    targets_by_class: Array
    total: Array
    ones: Array


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
        self.factor, self.offset = choices("input_scaling")[model.config.input_scaling].target()
        self.activation: type[Activation] = choices("activation")[model.config.activation].target
        self.in_place = IN_PLACE.get(model.config.activation)
        # with x left as raw pixels, the division by 255 moves to the few units behind it: 10 us less of 26 at batch 128
        self.folds_factor = not self.offset and bool(model.config.hidden)
        self._allocate(64)

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing = smoothing
        self.targets = np.eye(N_CLASSES, dtype=self.model.flat.dtype)[self.labels]  # (n, 10): what p should be
        self.targets *= 1 - smoothing
        self.targets += smoothing / N_CLASSES

    def _allocate(self, rows: int) -> None:
        """Buffers for up to `rows` images; a smaller batch uses their first rows."""
        dtype = self.model.flat.dtype
        hidden = self.model.sizes[1:-1]
        self.rows = rows
        self.raw = np.empty((rows, self.images.shape[1]), np.uint8)
        self.x = np.empty((rows, self.images.shape[1]), dtype)
        self.a = [np.empty((rows, n), dtype) for n in hidden]
        self.da = [np.empty((rows, n), dtype) for n in hidden]
        self.z = [np.empty((rows, n), dtype) for n in hidden] if self.in_place is None else []
        self.masks = [np.empty((rows, n), np.float32) for n in hidden]
        self.logits = np.empty(N_CLASSES * rows, dtype)
        self.batch_targets = np.empty((rows, N_CLASSES), dtype)
        self.targets_by_class = np.empty(N_CLASSES * rows, dtype)
        self.total = np.empty(rows, dtype)
        self.partial = np.empty_like(self.model.flat_grads) if rows >= ROWS else None
        self.piece = np.empty_like(self.model.dense[0].params["W"])  # keeps the order of the weights' memory
        self.ones = np.ones(rows, dtype)
        self.views: dict[int, _Views] = {}

    def gradients(self, indices: Array | slice, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalty left out); the gradients, without L2's part, are in model.flat_grads.

        `indices` (m,) choose the images; a slice takes them in place, without a copy.
        """
        m = len(range(*indices.indices(len(self.images)))) if isinstance(indices, slice) else len(indices)
        if min(m, ROWS) > self.rows:
            self._allocate(min(m, ROWS))
        if m <= ROWS:
            return self._pass(indices, m, dropout, rng) / m
        total = 0.0
        assert self.partial is not None
        self.partial[...] = 0
        for start in range(0, m, ROWS):
            if isinstance(indices, slice):
                rows: Array | slice = slice(indices.start + start, min(indices.start + start + ROWS, indices.stop))
            else:
                rows = indices[start : start + ROWS]
            total += self._pass(rows, m, dropout, rng)
            self.partial += self.model.flat_grads
        self.model.flat_grads[...] = self.partial
        return total / m

    def _pass(self, indices: Array | slice, m: int, dropout: float, rng: np.random.Generator) -> float:
        """Forward and backward on at most ROWS images of a batch of m; returns the sum of their losses."""
        if isinstance(indices, slice):
            raw, targets = self.images[indices], self.targets[indices]
            n = len(raw)
            views = self._views_of(n)
        else:
            n = len(indices)
            views = self._views_of(n)
            raw = np.take(self.images, indices, axis=0, out=views.raw, mode="clip")  # "clip" writes without a buffer
            targets = np.take(self.targets, indices, axis=0, out=views.targets, mode="clip")
        if self.augment is not None:
            raw = self.augment(raw)
        # bytes are gathered and widened here: a quarter of the memory traffic of gathering floats
        if self.folds_factor:
            np.copyto(views.x, raw, casting="unsafe")
        else:
            np.multiply(raw, self._number(self.factor), out=views.x, casting="unsafe", dtype=views.x.dtype)
            np.add(views.x, self._number(self.offset), out=views.x)
        self._forward(views, dropout, rng)
        np.copyto(views.targets_by_class, targets.T)
        loss = self._softmax_and_gradient(views, m)
        self._backward(views, dropout)
        return loss

    def _number(self, value: float) -> Any:
        return self.model.flat.dtype.type(value)

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
                masks=[mask[:n] for mask in self.masks],
                logits=self.logits[: N_CLASSES * n].reshape(N_CLASSES, n),
                targets=self.batch_targets[:n],
                targets_by_class=self.targets_by_class[: N_CLASSES * n].reshape(N_CLASSES, n),
                total=self.total[:n],
                ones=self.ones[:n],
            )
        return views

    def _forward(self, views: _Views, dropout: float, rng: np.random.Generator) -> None:
        """Logits as (10, n): the softmax over the first axis is then a few passes over long rows."""
        x = views.x
        for i, layer in enumerate(self.model.dense[:-1]):
            a = views.a[i]
            _product(x, layer.params["W"], a)
            if i == 0 and self.folds_factor:
                np.multiply(a, self._number(self.factor), out=a)
            np.add(a, layer.params["b"], out=a)
            if self.in_place:
                self.in_place[0](a)
            else:
                np.copyto(views.z[i], a)
                np.copyto(a, self.activation.value(a))
            if dropout:
                mask = views.masks[i]
                rng.random(out=mask, dtype=np.float32)
                np.multiply(mask >= np.float32(dropout), np.float32(1 / (1 - dropout)), out=mask)
                np.multiply(a, mask, out=a)
            x = a
        last = self.model.dense[-1].params
        np.dot(last["W"].T, x.T, out=views.logits)
        np.add(views.logits, last["b"][:, None], out=views.logits)

    def _backward(self, views: _Views, dropout: float) -> None:
        """From d loss / d logits (10, n) back to the first layer's weights."""
        dz = views.logits.T
        for i in range(len(self.a), -1, -1):
            layer = self.model.dense[i]
            np.dot(views.ones, dz, out=layer.grads["b"])  # a sum over the batch, as a matrix-vector product
            if i == 0:
                if self.folds_factor:
                    np.multiply(dz, self._number(self.factor), out=dz)
                _transposed_product(views.x, dz, layer.grads["W"], self.piece)
                break
            da, a = views.da[i - 1], views.a[i - 1]
            _transposed_product(a, dz, layer.grads["W"], None)
            np.dot(dz, layer.params["W"].T, out=da)
            if dropout:
                np.multiply(da, views.masks[i - 1], out=da)
                # as before the mask; where it was masked, da is 0 and a does not matter
                np.multiply(a, self._number(1 - dropout), out=a)
            if self.in_place:
                self.in_place[1](da, a)
            else:
                np.multiply(da, self.activation.slope(views.z[i - 1], a), out=da)
            dz = da

    def _softmax_and_gradient(self, views: _Views, m: int) -> float:
        """The logits (10, n) become (softmax - targets) / m in place; returns the summed cross-entropy of the n."""
        logits, targets, total = views.logits, views.targets_by_class, views.total
        np.maximum.reduce(logits, axis=0, out=total)
        np.subtract(logits, total, out=logits)
        expected = float(np.vdot(logits, targets))  # each image's targets sum to 1
        np.exp(logits, out=logits)
        np.add.reduce(logits, axis=0, out=total)
        np.divide(logits, total, out=logits)
        np.log(total, out=total)
        loss = float(np.dot(total, views.ones)) - expected
        np.subtract(logits, targets, out=logits)
        np.multiply(logits, self._number(1 / m), out=logits)
        return loss


def _product(x: Array, W: Array, out: Array) -> None:
    """out (n, n_out) = x (n, n_in) W, cut into pieces where that is faster."""
    if W.shape[1] > FEW_COLUMNS or len(x) <= CUT:
        np.dot(x, W, out=out)
        return
    for start in range(0, len(x), CUT):
        np.dot(x[start : start + CUT], W, out=out[start : start + CUT])


def _transposed_product(x: Array, dz: Array, out: Array, piece: Array | None) -> None:
    """out (n_in, n_out) = x^T dz, cut into pieces if there is a `piece`, of the same shape and order as out, to use."""
    if out.flags.c_contiguous:
        np.dot(x.T, dz, out=out)
        return
    cut = len(x) if piece is None else CUT
    np.dot(dz[:cut].T, x[:cut], out=out.T)
    for start in range(cut, len(x), cut):
        assert piece is not None
        np.dot(dz[start : start + cut].T, x[start : start + cut], out=piece.T)
        out += piece


def is_finite(values: Array) -> bool:
    """Whether a flat vector is finite throughout: its dot product with itself is, unless a square overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(float(np.dot(values, values))) or bool(np.isfinite(values).all())
