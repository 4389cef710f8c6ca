"""The fast training step of a fully connected network: the arithmetic of nn/layers.py without allocating memory.

`MLPKernel.gradients` equals `MLP.data_loss_and_gradients` up to rounding, for every activation and any dropout; a test
holds the two together. What makes it fast stands beside each line, here and in mlp_pass.py.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nn_core.data.dataset import N_CLASSES
from nn_core.kernels.batches import Rows, dropout_mask, length, part_of, sum_over_parts
from nn_core.kernels.calls import ActivationCalls, run
from nn_core.kernels.mlp_pass import Buffers, MLPPass
from nn_core.kernels.output import target_table
from nn_core.kernels.protocol import ROWS, Augment, register_kernel
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.machine.second_core import SECOND_CORE
from nn_core.nn.mlp import MLP

ACTIVATIONS = 65_536  # floats of a hidden layer's output that stay in the cache; a pass takes so many, or ROWS images
MOST_ROWS = 10 * ROWS
MOST_PASSES = 24  # that are kept, of different sizes: a full batch of 55,000 in two halves takes 2 each

# Handing half of a batch to a second thread costs 30 to 50 us, and at times one waits for the other's Python.
# 784-128-10 at batch 128 (13 million multiplications) gained nothing by it, 784-256-10 at 128 (26 million) went from
# 2.8 to 2.5 ms, 784-512-10 at 256 (104 million) from 10.7 to 6.0 (AVX2; with AVX-512 from 4.3 to 3.4).
ENOUGH = 24_000_000  # multiplications of a forward pass from which a batch is cut in two


@register_kernel(MLP, serves={"loss": {"cross_entropy"}, "normalization": {"none"}})
class MLPKernel:
    """Forward and backward pass of one MLP over one array of images; see `protocol.TrainingStep`."""

    def __init__(self, model: MLP, images: Array, labels: Array, augment: Augment | None = None) -> None:
        self.model = model
        self.augment = augment
        self.images = images
        self.labels = labels.astype(np.intp)
        self.smooth(model.config.label_smoothing)
        self.multiplications = sum(n_in * n_out for n_in, n_out in pairwise(model.sizes))  # of an image, forward
        self.workers = [MLPWorker(model, model.flat_grads)]
        self.masks = [np.empty((0, n), np.float32) for n in model.config.hidden]

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing, self.targets = smoothing, target_table(smoothing, self.model.flat.dtype)

    def gradients(self, indices: Rows, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalties left out); the gradients, without penalties, are in model.flat_grads.

        `indices` (m,) choose the images; a slice start:stop takes them in place, without a copy.
        """
        m = length(indices)
        if m <= ROWS or not (self.augment or dropout):
            return self._gradients(indices, m, dropout, rng) / m

        def part(start: int, stop: int) -> float:
            return self._gradients(part_of(indices, start, stop), m, dropout, rng)

        # what is random is drawn for ROWS images at a time
        return sum_over_parts(m, ROWS, part, self.model.flat_grads) / m

    def _gradients(self, indices: Rows, m: int, dropout: float, rng: np.random.Generator) -> float:
        """The part that these images have in the gradients of a batch of m; returns the sum of their losses."""
        n = length(indices)
        images, rows = self.images, indices
        if self.augment:
            images, rows = self.augment(images[indices]), slice(0, n)
        masks = self._draw_masks(n, rng) if dropout else []
        if not self.is_cut(n):
            return self.workers[0].walk(self, images, rows, indices, masks, m, dropout)
        if len(self.workers) == 1:
            self.workers.append(MLPWorker(self.model, memory.zeros(len(self.model.flat), self.model.flat.dtype)))
        losses = [0.0, 0.0]

        def half(which: int, start: int, stop: int) -> None:
            mine = [mask[start:stop] for mask in masks]
            losses[which] = self.workers[which].walk(
                self, images, part_of(rows, start, stop), part_of(indices, start, stop), mine, m, dropout
            )

        SECOND_CORE.run(lambda: half(0, 0, n // 2), lambda: half(1, n // 2, n))
        self.model.flat_grads += self.workers[1].flat_grads
        return sum(losses)

    def is_cut(self, n: int) -> bool:
        """Whether a batch of n images is work for two threads."""
        return n > 1 and n * self.multiplications >= ENOUGH

    def _draw_masks(self, n: int, rng: np.random.Generator) -> list[Array]:
        """Uniform random numbers (n, n_units) for every hidden layer, the first layer's drawn first."""
        if n > len(self.masks[0] if self.masks else ()):
            self.masks = [np.empty((n, mask.shape[1]), np.float32) for mask in self.masks]
        return [rng.random(out=mask[:n], dtype=np.float32) for mask in self.masks]


class MLPWorker:
    """What one thread needs: buffers for the images that it walks over, and the gradients that it finds."""

    def __init__(self, model: MLP, flat_grads: Array) -> None:
        self.model = model
        self.flat_grads = flat_grads
        self.grads = model.weights_and_biases(flat_grads)  # (dW, db) of each layer
        widest = max(model.config.hidden, default=N_CLASSES)
        # 55,000 images, 10 units: in passes of 4,800 two threads wait less for each other than in passes of 480, 26 ms
        # instead of 34; alone it took 40 instead of 37
        self.pass_rows = min(MOST_ROWS, max(1, ACTIVATIONS // widest // ROWS) * ROWS)
        self.buffers = Buffers(model, self.grads, 64, ActivationCalls(model.config.activation))
        self.passes: dict[tuple[int, int, bool], MLPPass] = {}

    def walk(
        self,
        kernel: MLPKernel,
        images: Array,
        rows: Rows,
        indices: Rows,
        masks: list[Array],
        m: int,
        dropout: float,
    ) -> float:
        """The part of images[rows], with the labels of `indices`, in a batch's gradients; their summed loss.

        The batch has m images. masks: for each hidden layer uniform random numbers (n, n_units); none without dropout.
        """
        n = length(rows)
        if n <= self.pass_rows:
            return self._one_pass(kernel, images, rows, indices, masks, m, dropout)

        def part(start: int, stop: int) -> float:
            mine = [mask[start:stop] for mask in masks]
            some, of_labels = part_of(rows, start, stop), part_of(indices, start, stop)
            return self._one_pass(kernel, images, some, of_labels, mine, m, dropout)

        return sum_over_parts(n, self.pass_rows, part, self.flat_grads)

    def _one_pass(
        self,
        kernel: MLPKernel,
        images: Array,
        rows: Rows,
        indices: Rows,
        masks: list[Array],
        m: int,
        dropout: float,
    ) -> float:
        """`walk` on at most `pass_rows` images."""
        one = self._pass_of(length(rows), m, dropout > 0)
        # "clip" writes without a buffer. Pixels are gathered as bytes, a quarter of the traffic of gathering floats
        raw = images[rows] if isinstance(rows, slice) else images.take(rows, 0, one.raw, "clip")
        labels = kernel.labels
        found = labels[indices] if isinstance(indices, slice) else labels.take(indices, 0, one.labels, "clip")
        kernel.targets.take(found, 1, one.output.targets, "clip")
        if dropout:
            one.buffers.keep[...] = 1 - dropout
            for drawn, kept in zip(masks, one.masks, strict=True):
                dropout_mask(drawn, dropout, out=kept)
        self._forward(one, raw)
        self._softmax(one)
        self._backward(one, raw)
        return one.output.loss

    def _forward(self, one: MLPPass, raw: Array) -> None:
        """From the bytes to the logits."""
        for rows, x, calls in one.first:
            self._widen(raw[rows], x)
            run(calls)
        run(one.forward)

    def _softmax(self, one: MLPPass) -> None:
        """The loss, and its gradient in the place of the logits."""
        run(one.output.calls)

    def _backward(self, one: MLPPass, raw: Array) -> None:
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

    def _pass_of(self, n: int, m: int, masked: bool) -> MLPPass:
        """The pass for n images of a batch of m; the last few are kept."""
        found = self.passes.get((n, m, masked))
        if found is None:
            if n > self.buffers.rows:
                self.buffers = Buffers(self.model, self.grads, n, self.buffers.activation)
                self.passes.clear()
            while len(self.passes) >= MOST_PASSES:
                del self.passes[next(iter(self.passes))]
            found = self.passes[n, m, masked] = MLPPass(self.buffers, n, m, masked)
        return found
