"""The training step that is run: the arithmetic of nn/layers.py on preallocated buffers, without allocation.

`MLPKernel.gradients` equals `MLP.loss_and_gradients` up to rounding, for every activation and any dropout; the tests
hold the two together. What makes it fast stands beside each line, here and in mlp_pass.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from nn_core.kernels.calls import IN_PLACE, run
from nn_core.kernels.mlp_pass import ROWS, Buffers, Pass
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.machine.second_core import SECOND_CORE
from nn_core.nn.mlp import MLP
from nn_core.nn.network import N_CLASSES

ACTIVATIONS = 65_536  # floats of a hidden layer's output that stay in the cache; a pass takes so many, or ROWS images
MOST_ROWS = 10 * ROWS
KEPT = 24  # passes that are kept, of different sizes: a full batch of 55,000 in two halves takes 2 each

# Handing half of a batch to a second thread costs 30 to 50 us, and at times one waits for the other's Python.
# 784-128-10 at batch 128 (13 million multiplications) gained nothing by it, 784-256-10 at 128 (26 million) went from
# 2.8 to 2.5 ms, 784-512-10 at 256 (104 million) from 10.7 to 6.0 (AVX2; with AVX-512 from 4.3 to 3.4).
ENOUGH = 24_000_000  # multiplications of a forward pass from which a batch is cut in two


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
        self.smooth(model.config.label_smoothing)
        self.multiplications = sum(n_in * n_out for n_in, n_out in pairwise(model.sizes))  # of an image, forward
        self.hands = [Hands(model, model.flat_grads)]
        self.masks = [np.empty((0, n), np.float32) for n in model.config.hidden]

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing = smoothing
        # (10, 10), what p should be: a column a label. Small enough to be gathered from in the cache
        self.targets = np.eye(N_CLASSES, dtype=self.model.flat.dtype) * (1 - smoothing) + smoothing / N_CLASSES
        self.targets = self.targets.astype(self.model.flat.dtype)

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
            return self.hands[0].walk(self, images, rows, indices, masks, m, dropout)
        if len(self.hands) == 1:
            self.hands.append(Hands(self.model, memory.zeros(len(self.model.flat), self.model.flat.dtype)))
        losses = [0.0, 0.0]

        def half(which: int, start: int, stop: int) -> None:
            mine = [mask[start:stop] for mask in masks]
            losses[which] = self.hands[which].walk(
                self, images, _part(rows, start, stop), _part(indices, start, stop), mine, m, dropout
            )

        SECOND_CORE.run(lambda: half(0, 0, n // 2), lambda: half(1, n // 2, n))
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
        widest = max(model.config.hidden, default=N_CLASSES)
        # 55,000 images, 10 units: in passes of 4,800 two threads wait less for each other than in passes of 480, 26 ms
        # instead of 34; alone it took 40 instead of 37
        self.pass_rows = min(MOST_ROWS, max(1, ACTIVATIONS // widest // ROWS) * ROWS)
        self.buffers = Buffers(model, self.grads, 64, IN_PLACE.get(model.config.activation))
        self.passes: dict[tuple[int, int, bool], Pass] = {}

    def walk(
        self,
        kernel: MLPKernel,
        images: Array,
        rows: Array | slice,
        indices: Array | slice,
        masks: list[Array],
        m: int,
        dropout: float,
    ) -> float:
        """The part of images[rows], with the labels of `indices`, in a batch's gradients; their summed loss.

        The batch has m images. masks: for each hidden layer uniform random numbers (n, n_units); none without dropout.
        """
        n, most = _length(rows), self.pass_rows
        if n <= most:
            return self._walk_over(kernel, images, rows, indices, masks, m, dropout)
        total, summed = 0.0, np.zeros_like(self.flat_grads)
        for start in range(0, n, most):
            stop = min(start + most, n)
            part, of_labels = _part(rows, start, stop), _part(indices, start, stop)
            mine = [mask[start:stop] for mask in masks]
            total += self._walk_over(kernel, images, part, of_labels, mine, m, dropout)
            summed += self.flat_grads
        self.flat_grads[...] = summed
        return total

    def _walk_over(
        self,
        kernel: MLPKernel,
        images: Array,
        rows: Array | slice,
        indices: Array | slice,
        masks: list[Array],
        m: int,
        dropout: float,
    ) -> float:
        """`walk` on at most `pass_rows` images."""
        one = self._pass_of(_length(rows), m, dropout > 0)
        # "clip" writes without a buffer. Pixels are gathered as bytes, a quarter of the traffic of gathering floats
        raw = images[rows] if isinstance(rows, slice) else images.take(rows, 0, one.raw, "clip")
        labels = kernel.labels
        found = labels[indices] if isinstance(indices, slice) else labels.take(indices, 0, one.labels, "clip")
        kernel.targets.take(found, 1, one.targets, "clip")
        if dropout:
            one.buffers.keep[...] = 1 - dropout
            for mask, kept in zip(masks, one.masks, strict=True):
                np.multiply(mask >= np.float32(dropout), np.float32(1 / (1 - dropout)), out=kept)
        self._forward(one, raw)
        self._softmax(one)
        self._backward(one, raw)
        return one.loss

    def _forward(self, one: Pass, raw: Array) -> None:
        """From the bytes to the logits."""
        for rows, x, calls in one.first:
            self._widen(raw[rows], x)
            run(calls)
        run(one.forward)

    def _softmax(self, one: Pass) -> None:
        """The loss, and its gradient in the place of the logits."""
        run(one.softmax)

    def _backward(self, one: Pass, raw: Array) -> None:
        """All gradients. Of many images the bytes are widened a second time.

        That costs less than fetching the floats from beyond the cache.
        """
        run(one.backward)
        for rows, x, calls in one.last:
            if len(one.last) > 1:
                self._widen(raw[rows], x)
            run(calls)

    def _widen(self, raw: Array, x: Array) -> None:
        """Bytes to floats."""
        buffers = self.buffers
        if buffers.folds_factor:
            np.copyto(x, raw, casting="unsafe")
        else:
            np.multiply(raw, buffers.factor, out=x, casting="unsafe", dtype=x.dtype)
            np.add(x, buffers.offset, out=x)

    def _pass_of(self, n: int, m: int, masked: bool) -> Pass:
        """The pass for n images of a batch of m; the last few are kept."""
        found = self.passes.get((n, m, masked))
        if found is None:
            if n > self.buffers.rows:
                self.buffers = Buffers(self.model, self.grads, n, self.buffers.in_place)
                self.passes.clear()
            while len(self.passes) >= KEPT:
                del self.passes[next(iter(self.passes))]
            found = self.passes[n, m, masked] = Pass(self.buffers, n, m, masked)
        return found


def _length(rows: Array | slice) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def _part(rows: Array | slice, start: int, stop: int) -> Array | slice:
    """rows[start:stop] of indices, or of a slice that stands for them."""
    if isinstance(rows, slice):
        return slice(rows.start + start, rows.start + stop)
    return rows[start:stop]


def is_finite(values: Array) -> bool:
    """Whether a flat vector is finite throughout: its dot product with itself is, unless a square overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(float(np.dot(values, values))) or bool(np.isfinite(values).all())
