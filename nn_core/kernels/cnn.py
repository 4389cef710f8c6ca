"""The fast training step of a convolutional network, and its answers outside of training.

`CNNKernel.gradients` equals `CNN.data_loss_and_gradients` up to rounding; a test holds the two together. Each half of a
batch has a thread of its own, which walks over its images in parts that stay in the second-level cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nn_core.data.dataset import N_CLASSES, N_PIXELS
from nn_core.kernels.batch_norm import of_all, update_running
from nn_core.kernels.batches import Rows, dropout_mask, sum_over_parts
from nn_core.kernels.cnn_pass import CNNPass
from nn_core.kernels.conv import BlockWeights
from nn_core.kernels.output import target_table
from nn_core.kernels.protocol import Augment, register_kernel
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.machine.second_core import SECOND_CORE
from nn_core.nn.cnn import CNN

# images that a pass works on: on one thread, a step of 8/16 channels at batch 128 took 5.8, 4.3 and 3.7 ms with 16, 32
# and 64, one of 16/32 channels 12.9, 10.7 and 10.6
PART = 64
FEWEST = 8  # images in a half that are worth a second thread
MOST_PASSES = 3  # that are kept, of different sizes: each has large buffers of its own


def logits(model: CNN, images: Array) -> Array:
    """Logits (n, 10) of uint8 images (n, 28, 28), without dropout, on buffers of its own."""
    return _outside(model, images, (N_CLASSES,), lambda step: step.forward().T)


@register_kernel(CNN, serves={"loss": {"cross_entropy"}}, logits=logits)
class CNNKernel:
    """Forward and backward pass of one CNN over one array of images; see `protocol.TrainingStep`."""

    def __init__(self, model: CNN, images: Array, labels: Array, augment: Augment | None = None) -> None:
        self.model, self.images, self.labels, self.augment = model, images, labels.astype(np.intp), augment
        self.smooth(model.config.label_smoothing)
        self.workers = CNNWorker.two(model)

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing, self.targets = smoothing, target_table(smoothing, self.model.flat.dtype)

    def gradients(self, indices: Rows, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalties left out); the gradients, without penalties, go to model.flat_grads."""
        raw, targets = self.images[indices], self.targets.take(self.labels[indices], axis=1)  # (m, 784), (10, m)
        if self.augment:
            raw = self.augment(raw)
        m = len(raw)
        masks = self._masks(m, dropout, rng) if dropout else []
        self.workers[0].arrange()
        middle = m // 2 if m >= 2 * FEWEST else m
        parts = [slice(0, middle), slice(middle, m)][: 2 if middle < m else 1]
        if self.model.norms:
            return self._normalized_gradients(parts, raw, targets, masks) / m
        losses = [0.0, 0.0]

        def half(which: int) -> None:
            part = parts[which]
            losses[which] = self.workers[which].walk(raw[part], targets[:, part], [mask[part] for mask in masks], m)

        _both(half, len(parts))
        if len(parts) > 1:
            self.model.flat_grads += self.workers[1].flat_grads
        return sum(losses) / m

    def _normalized_gradients(self, parts: list[slice], raw: Array, targets: Array, masks: list[Array]) -> float:
        """Block by block for all images, since each block needs the statistics of the whole batch; the summed loss."""
        model, last, m = self.model, len(self.model.blocks) - 1, len(raw)
        passes = [worker.pass_of(part.stop - part.start) for worker, part in zip(self.workers, parts, strict=False)]
        found: list[Any] = [None] * len(parts)  # of each half: moments on the way forward, sums on the way back
        losses, counts = [0.0] * len(parts), []

        def begin(which: int) -> None:
            passes[which].take(raw[parts[which]])
            found[which] = passes[which].convolve(0)

        _both(begin, len(parts))
        for at, norm in enumerate(model.norms):
            n, mean, var = of_all(found)
            counts.append(n)
            update_running(norm, n, mean + model.conv[at].params["b"], var)

            def ahead(which: int, at: int = at, mean: Array = mean, var: Array = var) -> None:
                one, part = passes[which], parts[which]
                one.normalize(at, mean, var)
                if at < last:
                    found[which] = one.convolve(at + 1)
                else:
                    mine = [mask[part] for mask in masks]
                    losses[which] = one.head(targets[:, part], mine, m, self.workers[which].grads)
                    found[which] = one.back_to_norm(at)

            _both(ahead, len(parts))
        for at in range(last, -1, -1):
            dgamma, dbeta = (np.sum(sums, axis=0) for sums in zip(*found, strict=True))
            grads = model.norms[at].grads
            grads["gamma"][...], grads["beta"][...] = dgamma, dbeta

            def back(which: int, at: int = at, dgamma: Array = dgamma, dbeta: Array = dbeta) -> None:
                passes[which].back_through(at, counts[at], dgamma, dbeta, self.workers[which].grads[at])
                if at:
                    found[which] = passes[which].back_to_norm(at - 1)

            _both(back, len(parts))
        if len(parts) > 1:
            shared = model.n_weights + model.n_biases
            model.flat_grads[:shared] += self.workers[1].flat_grads[:shared]
        return sum(losses)

    def _masks(self, m: int, dropout: float, rng: np.random.Generator) -> list[Array]:
        """For the inputs (m, n_in) of each dense layer: 0 or 1 / (1 - dropout)."""
        masks = [rng.random((m, n_in), np.float32) for n_in in self.model.dense_sizes[:-1]]
        for mask in masks:
            dropout_mask(mask, dropout, out=mask)
        return masks


def activations(model: CNN, images: Array, layer: int) -> Array:
    """What one hidden layer (from 0, blocks first) puts out for uint8 images (n, 28, 28), as in `CNN.activations`."""
    return _outside(model, images, _hidden_size(model, layer), lambda step: step.hidden(layer))


def all_activations(model: CNN, images: Array) -> list[Array]:
    """The same of every hidden layer, in one pass: `CNN.activations`."""
    layers = range(len(model.blocks) + len(model.dense_sizes) - 2)
    outputs = [np.empty((len(images), *_hidden_size(model, layer)), model.flat.dtype) for layer in layers]
    workers = CNNWorker.two(model)
    workers[0].arrange()
    raw = images.reshape(-1, N_PIXELS)

    def half(worker: CNNWorker, start: int, stop: int) -> None:
        for begin in range(start, stop, PART):
            part = slice(begin, min(begin + PART, stop))
            step = worker.pass_of(part.stop - begin)
            step.take(raw[part])
            step.forward()
            for layer, out in enumerate(outputs):
                np.copyto(out[part], step.put_out(layer))

    middle = len(raw) // 2 if len(raw) >= 2 * FEWEST else 0
    SECOND_CORE.run(lambda: half(workers[0], 0, middle), lambda: half(workers[1], middle, len(raw)))
    return outputs


def _hidden_size(model: CNN, layer: int) -> tuple[int, ...]:
    """The shape of what a hidden layer puts out for one image."""
    if layer >= len(model.blocks):
        return (model.dense_sizes[1 + layer - len(model.blocks)],)
    block = model.blocks[layer]
    return (block.c_out, block.pooled, block.pooled)


def _outside(model: CNN, images: Array, size: tuple[int, ...], answer: Callable[[CNNPass], Array]) -> Array:
    """What `answer` (m, *size) gives for the images taken by a pass, outside of training: (n, *size) of all."""
    raw = images.reshape(-1, N_PIXELS)
    out = np.empty((len(raw), *size), model.flat.dtype)
    workers = CNNWorker.two(model)
    workers[0].arrange()
    middle = len(raw) // 2 if len(raw) >= 2 * FEWEST else 0
    SECOND_CORE.run(
        lambda: workers[0].answer(raw[:middle], out[:middle], answer),
        lambda: workers[1].answer(raw[middle:], out[middle:], answer),
    )
    return out


def _both(work: Callable[[int], None], n: int) -> None:
    """work(0) and work(1), each by a thread if it may be; or work(0) alone."""
    if n == 1:
        work(0)
    else:
        SECOND_CORE.run(lambda: work(0), lambda: work(1))


class CNNWorker:
    """What one thread needs: buffers for the images that it walks over, and the gradients that it finds."""

    def __init__(self, model: CNN, flat_grads: Array, weights: list[BlockWeights]) -> None:
        self.model, self.flat_grads, self.weights = model, flat_grads, weights
        self.grads = model.weights_and_biases(flat_grads)
        self.passes: dict[int, CNNPass] = {}

    @classmethod
    def two(cls, model: CNN) -> list[CNNWorker]:
        """Two for the same model, of which the first finds the gradients that are the model's own."""
        weights = [BlockWeights(block, model.flat.dtype) for block in model.blocks]
        return [
            cls(model, model.flat_grads, weights),
            cls(model, memory.zeros(len(model.flat), model.flat.dtype), weights),
        ]

    def arrange(self) -> None:
        """Take the model's weights as they are now, for both."""
        for weights, layer in zip(self.weights, self.model.conv, strict=True):
            weights.arrange(layer.params["W"])

    def walk(self, raw: Array, targets: Array, masks: list[Array], m: int) -> float:
        """The part of these images in the gradients of a batch of m, in `flat_grads`; their summed loss."""

        def part(start: int, stop: int) -> float:
            step, mine = self.pass_of(stop - start), [mask[start:stop] for mask in masks]
            return step.gradients(raw[start:stop], targets[:, start:stop], mine, m, self.grads)

        return sum_over_parts(len(raw), PART, part, self.flat_grads)

    def answer(self, raw: Array, out: Array, of: Callable[[CNNPass], Array]) -> None:
        """What `of` gives once a pass has taken these images, their number first, into `out`."""
        for start in range(0, len(raw), PART):
            part = slice(start, start + PART)
            step = self.pass_of(len(raw[part]))
            step.take(raw[part])
            np.copyto(out[part], of(step))

    def pass_of(self, n: int) -> CNNPass:
        """Buffers for n images; those of the sizes that were used last are kept."""
        found = self.passes.pop(n, None)
        if found is None:
            while len(self.passes) >= MOST_PASSES:
                del self.passes[next(iter(self.passes))]
            found = CNNPass(self.model, self.weights, n)
        self.passes[n] = found  # the last one used stands last
        return found
