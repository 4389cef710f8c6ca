"""The training step of a convolutional network that is run, and its answers outside of training.

`CNNKernel.gradients` equals `CNN.data_loss_and_gradients` up to rounding; a test holds the two together. Images are
walked over in parts that stay in the second-level cache, those of each half of the batch by a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nn_core import memory
from nn_core.cnn import CNN
from nn_core.crew import CREW
from nn_core.fast_bend import Bend, ChannelNorm, agree, follow
from nn_core.fast_conv import Block, BlockWeights
from nn_core.knobs import choices
from nn_core.network import FAST_LOGITS, N_CLASSES, SIDE
from nn_core.normalization import EPSILON

Array = npt.NDArray[Any]

# images that a pass works on: on one thread, a step of 8/16 channels at batch 128 took 5.8, 4.3 and 3.7 ms with 16, 32
# and 64, one of 16/32 channels 12.9, 10.7 and 10.6
PART = 64
FEWEST = 8  # images in a half that are worth a second thread
KEPT = 3  # sizes of parts for which buffers are kept


class CNNKernel:
    """Forward and backward pass of one CNN over one array of images.

    images: uint8 (n, 784), C-contiguous; labels: (n,). The gradients go to `model.flat_grads`. `augment` turns the raw
    images of a batch, uint8 (m, 784), into others of the same shape, of any dtype with values in 0..255.
    """

    def __init__(
        self, model: CNN, images: Array, labels: Array, augment: Callable[[Array], Array] | None = None
    ) -> None:
        self.model, self.images, self.labels, self.augment = model, images, labels, augment
        self.smooth(model.config.label_smoothing)
        self.hands = Hands.two(model)

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing = smoothing
        self.targets = np.eye(N_CLASSES, dtype=self.model.flat.dtype)[self.labels]  # (n, 10): what p should be
        self.targets *= 1 - smoothing
        self.targets += smoothing / N_CLASSES

    def gradients(self, indices: Array | slice, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalty left out); the gradients, without penalties, are in model.flat_grads."""
        raw, targets = self.images[indices], self.targets[indices]
        if self.augment:
            raw = self.augment(raw)
        m = len(raw)
        masks = self._masks(m, dropout, rng) if dropout else []
        self.hands[0].arrange()
        middle = m // 2 if m >= 2 * FEWEST else m
        parts = [slice(0, middle), slice(middle, m)][: 2 if middle < m else 1]
        if self.model.norms:
            return self._normalized_gradients(parts, raw, targets, masks) / m
        losses = [0.0, 0.0]

        def half(which: int) -> None:
            part = parts[which]
            losses[which] = self.hands[which].walk(raw[part], targets[part], [mask[part] for mask in masks], m)

        _both(half, len(parts))
        if len(parts) > 1:
            self.model.flat_grads += self.hands[1].flat_grads
        return sum(losses) / m

    def _normalized_gradients(self, parts: list[slice], raw: Array, targets: Array, masks: list[Array]) -> float:
        """Block by block for all images, since each block needs the statistics of the whole batch; the summed loss."""
        model, last, m = self.model, len(self.model.blocks) - 1, len(raw)
        passes = [hands.pass_of(part.stop - part.start) for hands, part in zip(self.hands, parts, strict=False)]
        found: list[Any] = [None] * len(parts)  # of each half: moments on the way forward, sums on the way back
        losses, counts = [0.0] * len(parts), []

        def begin(which: int) -> None:
            passes[which].take(raw[parts[which]])
            found[which] = passes[which].convolve(0)

        _both(begin, len(parts))
        for at, norm in enumerate(model.norms):
            n, mean, var = agree(found)
            counts.append(n)
            follow(norm, n, mean + model.conv[at].params["b"], var)

            def ahead(which: int, at: int = at, mean: Array = mean, var: Array = var) -> None:
                one, part = passes[which], parts[which]
                one.normalize(at, mean, var)
                if at < last:
                    found[which] = one.convolve(at + 1)
                else:
                    mine = [mask[part] for mask in masks]
                    losses[which] = one.head(targets[part], mine, m, self.hands[which].grads)
                    found[which] = one.back_to_norm(at)

            _both(ahead, len(parts))
        norm_grads = model.norm_views(model.flat_grads)
        for at in range(last, -1, -1):
            dgamma, dbeta = (np.sum(sums, axis=0) for sums in zip(*found, strict=True))
            norm_grads[at][0][...], norm_grads[at][1][...] = dgamma, dbeta

            def back(which: int, at: int = at, dgamma: Array = dgamma, dbeta: Array = dbeta) -> None:
                passes[which].back_through(at, counts[at], dgamma, dbeta, self.hands[which].grads[at])
                if at:
                    found[which] = passes[which].back_to_norm(at - 1)

            _both(back, len(parts))
        if len(parts) > 1:
            shared = model.n_weights + sum(model.n_biases)
            model.flat_grads[:shared] += self.hands[1].flat_grads[:shared]
        return sum(losses)

    def _masks(self, m: int, dropout: float, rng: np.random.Generator) -> list[Array]:
        """For the inputs (m, n_in) of each dense layer: 0 or 1 / (1 - dropout)."""
        masks = [rng.random((m, n_in), np.float32) for n_in in self.model.dense_sizes[:-1]]
        for mask in masks:
            np.multiply(mask >= np.float32(dropout), np.float32(1 / (1 - dropout)), out=mask)
        return masks


def logits(model: CNN, images: Array) -> Array:
    """Logits (n, 10) of uint8 images (n, 28, 28), without dropout, on buffers of its own."""
    return _outside(model, images, (N_CLASSES,), lambda step: step.forward().T)


FAST_LOGITS[CNN] = logits


def activations(model: CNN, images: Array, layer: int) -> Array:
    """What one hidden layer (from 0, blocks first) puts out for uint8 images (n, 28, 28), as in `CNN.activations`."""
    if layer >= len(model.blocks):
        size: tuple[int, ...] = (model.dense_sizes[1 + layer - len(model.blocks)],)
    else:
        block = model.blocks[layer]
        size = (block.c_out, block.pooled, block.pooled)
    return _outside(model, images, size, lambda step: step.hidden(layer))


def _outside(model: CNN, images: Array, size: tuple[int, ...], answer: Callable[[Pass], Array]) -> Array:
    """What `answer` (m, *size) gives for the images taken by a pass, outside of training: (n, *size) of all."""
    raw = images.reshape(-1, SIDE * SIDE)
    out = np.empty((len(raw), *size), model.flat.dtype)
    hands = Hands.two(model)
    hands[0].arrange()
    middle = len(raw) // 2 if len(raw) >= 2 * FEWEST else 0
    CREW.run(
        lambda: hands[0].answer(raw[:middle], out[:middle], answer),
        lambda: hands[1].answer(raw[middle:], out[middle:], answer),
    )
    return out


def _both(work: Callable[[int], None], n: int) -> None:
    """work(0) and work(1), each by a thread if it may be; or work(0) alone."""
    if n == 1:
        work(0)
    else:
        CREW.run(lambda: work(0), lambda: work(1))


class Hands:
    """One pair of hands: buffers for the images that it walks over, and the gradients that it finds, `flat_grads`."""

    def __init__(self, model: CNN, flat_grads: Array, weights: list[BlockWeights]) -> None:
        self.model, self.flat_grads, self.weights = model, flat_grads, weights
        self.grads = model.views(flat_grads)
        self.passes: dict[int, Pass] = {}

    @classmethod
    def two(cls, model: CNN) -> list[Hands]:
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
        total, summed = 0.0, None
        for start in range(0, len(raw), PART):
            part = slice(start, start + PART)
            step = self.pass_of(len(raw[part]))
            total += step.gradients(raw[part], targets[part], [mask[part] for mask in masks], m, self.grads)
            if len(raw) > PART:
                summed = self.flat_grads.copy() if summed is None else np.add(summed, self.flat_grads, out=summed)
        if summed is not None:
            self.flat_grads[...] = summed
        return total

    def answer(self, raw: Array, out: Array, of: Callable[[Pass], Array]) -> None:
        """What `of` gives once a pass has taken these images, their number first, into `out`."""
        for start in range(0, len(raw), PART):
            part = slice(start, start + PART)
            step = self.pass_of(len(raw[part]))
            step.take(raw[part])
            np.copyto(out[part], of(step))

    def pass_of(self, n: int) -> Pass:
        """Buffers for n images; those of the sizes that were used last are kept."""
        found = self.passes.pop(n, None)
        if found is None:
            while len(self.passes) >= KEPT:
                del self.passes[next(iter(self.passes))]
            found = Pass(self.model, self.weights, n)
        self.passes[n] = found  # the last one used stands last
        return found


class Pass:
    """Buffers for n images, and what is done on them."""

    def __init__(self, model: CNN, weights: list[BlockWeights], n: int) -> None:
        self.model, self.n = model, n
        dtype = model.flat.dtype
        self.number = dtype.type
        factor, offset = choices("input_scaling")[model.config.input_scaling].target()
        self.factor, self.offset = self.number(factor), self.number(offset)
        self.bytes = memory.empty((SIDE * SIDE, n), np.uint8)
        last = model.blocks[-1]
        config = model.config
        self.blocks = [
            Block(of_block, arranged, n, config.pooling, dtype)
            for of_block, arranged in zip(model.blocks, weights, strict=True)
        ]
        self.input = self.blocks[0].inside[:, 0]  # (H, W, n)
        features = memory.empty((last.pooled, last.c_out, last.pooled, n), dtype)
        self.outs = [block.inside for block in self.blocks[1:]] + [features]  # (H', C', W', n) each
        self.bends = [Bend(config.activation, out) for out in self.outs]
        self.norms = [ChannelNorm(block) for block in self.blocks if model.norms]
        self.douts = [memory.empty(out.shape, dtype) for out in self.outs]
        self.flat_douts = [d.reshape(*d.shape[:2], -1) for d in self.douts]  # (H', C', W' n) each
        # dense layers work on (n_units, n); the first one's rows are in the order (H, C, W) of the last block, or are
        # the means (C) of its maps
        self.features, self.dfeatures = features, self.douts[-1]
        if model.averages:
            self.features, self.dfeatures = (memory.empty((1, last.c_out, 1, n), dtype) for _ in range(2))
        self.share = self.number(1 / last.pooled**2)
        self.a = [self.features.reshape(-1, n)] + [memory.empty((k, n), dtype) for k in model.dense_sizes[1:-1]]
        self.da = [self.dfeatures.reshape(-1, n)] + [memory.empty((k, n), dtype) for k in model.dense_sizes[1:-1]]
        self.dense_bends = [Bend(config.activation, a) for a in self.a[1:]]
        self.logits = memory.empty((N_CLASSES, n), dtype)
        self.targets = memory.empty((N_CLASSES, n), dtype)
        self.total = memory.empty(n, dtype)
        self.ones = np.ones(max(n, N_CLASSES), dtype)
        n_out = model.dense_sizes[1]
        self.W = memory.empty((len(self.a[0]), n_out), dtype)
        self.dW = memory.empty((len(self.a[0]), n_out), dtype)

    def by_row(self, W: Array) -> Array:
        """The first dense layer's W, whose rows are in the order (C, H, W), as a view (H, C, W, n_out)."""
        height, channels, width, _ = self.features.shape
        return W.reshape(channels, height, width, -1).transpose(1, 0, 2, 3)

    def take(self, raw: Array) -> None:
        """Images (n, 784) of values 0..255, turned to (784, n) and scaled."""
        if raw.dtype == np.uint8:
            np.copyto(self.bytes, raw.T)  # as bytes first: a quarter of the strided traffic
            turned = self.bytes
        else:
            turned = raw.T
        np.multiply(turned.reshape(self.input.shape), self.factor, out=self.input, casting="unsafe", dtype=self.number)
        if self.offset:
            np.add(self.input, self.offset, out=self.input)

    def forward(self) -> Array:
        """Logits (10, n) of what was taken, as outside of training: without dropout, by the running statistics."""
        self._blocks_up_to(len(self.blocks) - 1)
        return self._dense([])

    def hidden(self, layer: int) -> Array:
        """What a hidden layer (from 0, blocks first) puts out then: a view (n, C, H, W) or (n, n_units)."""
        n_blocks = len(self.blocks)
        if layer >= n_blocks:
            self.forward()
            return self.a[1 + layer - n_blocks].T
        self._blocks_up_to(layer)
        return self.outs[layer].transpose(3, 1, 0, 2)

    def _blocks_up_to(self, last: int) -> None:
        for at, (block, conv) in enumerate(zip(self.blocks[: last + 1], self.model.conv, strict=False)):
            block.convolve()
            factor, shift = None, conv.params["b"]
            if self.norms:
                norm = self.model.norms[at]
                factor = norm.params["gamma"] / np.sqrt(norm.state["var"] + self.number(EPSILON))
                shift = norm.params["beta"] + (shift - norm.state["mean"]) * factor
            self._bend(at, factor, shift)

    def _bend(self, at: int, factor: Array | None, shift: Array) -> None:
        """The output of a block from its pooled sums: times a factor (C',), plus a shift (C',), then the activation."""
        out = self.outs[at]
        sums = self.blocks[at].pooled.reshape(out.shape)
        if factor is not None:
            sums = np.multiply(sums, factor[:, None, None], out=out)
        np.add(sums, shift[:, None, None], out=out)
        self.bends[at].forward()

    def _dense(self, masks: list[Array]) -> Array:
        """Logits (10, n) of the last block's output; masks (n, n_in) for the inputs of each dense layer, or none."""
        if self.model.averages:
            np.add.reduce(self.outs[-1], axis=(0, 2), out=self.a[0])
            np.multiply(self.a[0], self.share, out=self.a[0])
        np.copyto(self.W.reshape(self.by_row(self.W_first).shape), self.by_row(self.W_first))
        for i, layer in enumerate(self.model.dense):
            a = self.a[i]
            if masks:
                np.multiply(a, self._mask(masks, i), out=a)
            out = self.a[i + 1] if i + 1 < len(self.a) else self.logits
            np.matmul((layer.params["W"] if i else self.W).T, a, out=out)
            np.add(out, layer.params["b"][:, None], out=out)
            if out is not self.logits:
                self.dense_bends[i].forward()
        return self.logits

    @property
    def W_first(self) -> Array:
        return self.model.dense[0].params["W"]

    def _mask(self, masks: list[Array], i: int) -> Array:
        """The mask of dense layer i as its input lies here, (n_in, n)."""
        if i:
            return masks[i].T
        return self.by_row(masks[0].T).reshape(self.a[0].shape)

    def gradients(
        self, raw: Array, targets: Array, masks: list[Array], m: int, grads: list[tuple[Array, Array]]
    ) -> float:
        """The part of these n images in the gradients of a batch of m, into `grads`; the sum of their losses.

        Without normalization.
        """
        self.take(raw)
        for at, (block, conv) in enumerate(zip(self.blocks, self.model.conv, strict=True)):
            block.convolve()
            self._bend(at, None, conv.params["b"])
        loss = self.head(targets, masks, m, grads)
        for at in range(len(self.blocks) - 1, -1, -1):
            (dW, db), block, d = grads[at], self.blocks[at], self.flat_douts[at]
            self.bends[at].backward(self.douts[at])
            db[...] = block.by_channel(d)
            block.weight_gradient(d, dW)
            if at:
                block.input_gradient(self.douts[at - 1])
        return loss

    # the same step by step, with normalization over a batch of which other images are in another pass

    def convolve(self, at: int) -> tuple[int, Array, Array]:
        """The pooled sums of a block, and their number, mean and summed squares by channel."""
        self.blocks[at].convolve()
        return self.norms[at].moments()

    def normalize(self, at: int, mean: Array, var: Array) -> None:
        """The output of a block, from its pooled sums and the batch's statistics."""
        params = self.model.norms[at].params
        self.norms[at].forward(mean, var, params["gamma"], params["beta"], self.outs[at])
        self.bends[at].forward()

    def back_to_norm(self, at: int) -> tuple[Array, Array]:
        """Back through a block's activation; what these images add to the gradients of gamma and beta."""
        self.bends[at].backward(self.douts[at])
        return self.norms[at].backward_sums(self.flat_douts[at])

    def back_through(self, at: int, n: int, dgamma: Array, dbeta: Array, grads: tuple[Array, Array]) -> None:
        """Back to the block's input, with the batch's gradients of gamma and beta over n values of each channel."""
        dW, db = grads
        self.norms[at].backward(self.flat_douts[at], n, self.model.norms[at].params["gamma"], dgamma, dbeta)
        db[...] = 0  # normalization takes the bias off again
        self.blocks[at].weight_gradient(self.flat_douts[at], dW)
        if at:
            self.blocks[at].input_gradient(self.douts[at - 1])

    # what follows the blocks, in both cases

    def head(self, targets: Array, masks: list[Array], m: int, grads: list[tuple[Array, Array]]) -> float:
        """From the last block's output to the loss, which is returned as a sum, and back to its gradient in `douts`."""
        np.copyto(self.targets, targets.T)
        self._dense(masks)
        loss = self._softmax_and_gradient(m)
        n_blocks, d = len(self.blocks), self.logits
        for i in range(len(self.a) - 1, -1, -1):
            dW, db = grads[n_blocks + i]
            np.dot(d, self.ones[: self.n], out=db)
            W, a, da = self.model.dense[i].params["W"] if i else self.W, self.a[i], self.da[i]
            np.matmul(a, d.T, out=dW if i else self.dW)
            np.matmul(W, d, out=da)
            if masks:
                kept = self._mask(masks, i)
                np.multiply(da, kept, out=da)
                # as before the mask; where it was masked, da is 0 and a does not matter
                np.divide(a, kept.max() or 1, out=a)
            if i:
                self.dense_bends[i - 1].backward(da)
            d = da
        if self.model.averages:
            np.multiply(self.dfeatures, self.share, out=self.douts[-1])
        first = self.by_row(grads[n_blocks][0])
        np.copyto(first, self.dW.reshape(first.shape))
        return loss

    def _softmax_and_gradient(self, m: int) -> float:
        """The logits (10, n) become (softmax - targets) / m in place; returns the summed cross-entropy of the n."""
        logits, total = self.logits, self.total
        np.maximum.reduce(logits, axis=0, out=total)
        np.subtract(logits, total, out=logits)
        expected = float(np.vdot(logits, self.targets))  # each image's targets sum to 1
        np.exp(logits, out=logits)
        np.dot(self.ones[:N_CLASSES], logits, out=total)
        np.divide(logits, total, out=logits)
        np.log(total, out=total)
        loss = float(np.dot(total, self.ones[: self.n])) - expected
        np.subtract(logits, self.targets, out=logits)
        np.multiply(logits, self.number(1 / m), out=logits)
        return loss
