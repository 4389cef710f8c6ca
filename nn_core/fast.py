"""The training step that is run: the arithmetic of layers.py on preallocated buffers, with no allocation in the loop.

`MLPKernel.gradients` equals `MLP.loss_and_gradients` up to rounding, for every activation and any dropout; the tests
hold the two together. What makes it fast stands beside each line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

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
        self.labels = labels.astype(np.intp)
        self.factor, self.offset = choices("input_scaling")[model.config.input_scaling].target()
        self.activation: type[Activation] = choices("activation")[model.config.activation].target
        self.in_place = IN_PLACE.get(model.config.activation)
        # with x left as raw pixels, the division by 255 moves to the few units behind it: 10 us less of 26 at batch 128
        self.folds_factor = not self.offset and bool(model.config.hidden)
        self._allocate(64)

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
        self.one_hot = np.empty(N_CLASSES * rows, dtype)
        self.is_class = np.empty(N_CLASSES * rows, np.bool_)
        self.classes = np.arange(N_CLASSES)[:, None]
        self.partial = np.empty_like(self.model.flat_grads) if rows >= ROWS else None
        self.piece = np.empty_like(self.model.dense[0].params["W"])  # keeps the order of the weights' memory
        self.ones = np.ones(rows, dtype)

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
            raw, labels = self.images[indices], self.labels[indices]
            n = len(raw)
        else:
            n = len(indices)
            raw = np.take(self.images, indices, axis=0, out=self.raw[:n], mode="clip")  # "clip" writes without a buffer
            labels = self.labels.take(indices)
        if self.augment is not None:
            raw = self.augment(raw)
        x = self.x[:n]
        # bytes are gathered and widened here: a quarter of the memory traffic of gathering floats
        if self.folds_factor:
            np.copyto(x, raw, casting="unsafe")
        else:
            np.multiply(raw, x.dtype.type(self.factor), out=x, casting="unsafe", dtype=x.dtype)
            x += x.dtype.type(self.offset)
        logits = self._forward(x, n, dropout, rng)
        loss = self._softmax_and_gradient(logits, labels, m)
        self._backward(logits, x, n, dropout)
        return loss

    def _forward(self, x: Array, n: int, dropout: float, rng: np.random.Generator) -> Array:
        """Logits as (10, n): the softmax over the first axis is then a few passes over long rows."""
        for i, layer in enumerate(self.model.dense[:-1]):
            a, mask = self.a[i][:n], self.masks[i][:n]
            _product(x, layer.params["W"], a)
            if i == 0 and self.folds_factor:
                a *= a.dtype.type(self.factor)
            a += layer.params["b"]
            if self.in_place:
                self.in_place[0](a)
            else:
                self.z[i][:n] = a
                a[...] = self.activation.value(a)
            if dropout:
                rng.random(out=mask, dtype=np.float32)
                np.multiply(mask >= np.float32(dropout), np.float32(1 / (1 - dropout)), out=mask)
                a *= mask
            x = a
        last = self.model.dense[-1]
        logits = self.logits[: N_CLASSES * n].reshape(N_CLASSES, n)
        np.dot(last.params["W"].T, x.T, out=logits)
        logits += last.params["b"][:, None]
        return logits

    def _backward(self, dlogits: Array, x: Array, n: int, dropout: float) -> None:
        """From d loss / d logits (10, n) back to the first layer's weights."""
        dz = dlogits.T
        for i in range(len(self.a), -1, -1):
            layer = self.model.dense[i]
            inputs = self.a[i - 1][:n] if i else x
            np.dot(self.ones[:n], dz, out=layer.grads["b"])  # a sum over the batch, as a matrix-vector product
            if i == 0:
                if self.folds_factor:
                    dz *= dz.dtype.type(self.factor)
                _transposed_product(inputs, dz, layer.grads["W"], self.piece)
                break
            _transposed_product(inputs, dz, layer.grads["W"], None)
            da, a = self.da[i - 1][:n], self.a[i - 1][:n]
            np.dot(dz, layer.params["W"].T, out=da)
            if dropout:
                da *= self.masks[i - 1][:n]
                a *= a.dtype.type(1 - dropout)  # as before the mask; where it was masked, da is 0 and a does not matter
            if self.in_place:
                self.in_place[1](da, a)
            else:
                da *= self.activation.slope(self.z[i - 1][:n], a)
            dz = da

    def _softmax_and_gradient(self, logits: Array, labels: Array, m: int) -> float:
        """logits (10, n) become (softmax - one-hot) / m in place; returns the summed cross-entropy of the n images."""
        n = logits.shape[1]
        one_hot, is_class = (buffer[: N_CLASSES * n].reshape(N_CLASSES, n) for buffer in (self.one_hot, self.is_class))
        np.equal(self.classes, labels, out=is_class)  # a comparison is quicker than fancy indexing: 2 us against 5
        np.copyto(one_hot, is_class)
        logits -= np.maximum.reduce(logits, axis=0)
        own = float(np.vdot(logits, one_hot))
        np.exp(logits, out=logits)
        total = np.add.reduce(logits, axis=0)
        loss = float(np.add.reduce(np.log(total))) - own
        total *= logits.dtype.type(m)
        logits /= total
        one_hot *= logits.dtype.type(1 / m)
        logits -= one_hot
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
