"""One forward and backward pass of a CNN over some images: its buffers, and what is done on them."""

from __future__ import annotations

import numpy as np

from nn_core.config.choices import choices
from nn_core.data.dataset import N_PIXELS
from nn_core.kernels.batch_norm import ChannelNorm
from nn_core.kernels.calls import ActivationCalls, Calls, run
from nn_core.kernels.conv import Block, BlockWeights
from nn_core.kernels.output import Output, OutputBuffers
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.nn.cnn import CNN
from nn_core.nn.normalization import EPSILON


class CNNPass:
    """Buffers for n images, and what is done on them."""

    def __init__(self, model: CNN, weights: list[BlockWeights], n: int) -> None:
        self.model, self.n = model, n
        dtype = model.flat.dtype
        self.number = dtype.type
        factor, offset = choices("input_scaling")[model.config.input_scaling].target()
        self.factor, self.offset = self.number(factor), self.number(offset)
        self.bytes = memory.empty((N_PIXELS, n), np.uint8)
        last = model.blocks[-1]
        config = model.config
        self.blocks = [
            Block(of_block, arranged, n, config.pooling, dtype)
            for of_block, arranged in zip(model.blocks, weights, strict=True)
        ]
        self.input = self.blocks[0].inside[:, 0]  # (H, W, n)
        features = memory.empty((last.pooled, last.c_out, last.pooled, n), dtype)
        self.outs = [block.inside for block in self.blocks[1:]] + [features]  # (H', C', W', n) each
        self.norms = [ChannelNorm(block) for block in self.blocks if model.norms]
        self.douts = [memory.empty(out.shape, dtype) for out in self.outs]
        self.flat_douts = [d.reshape(*d.shape[:2], -1) for d in self.douts]  # (H', C', W' n) each
        # dense layers work on (n_units, n); what goes into the first one has its rows in the order (H, C, W) of the
        # last block, or is the mean (C) of each map
        self.features, self.dfeatures = features, self.douts[-1]
        if model.averages:
            self.features, self.dfeatures = (memory.empty((1, last.c_out, 1, n), dtype) for _ in range(2))
        self.share = self.number(1 / last.pooled**2)
        self.a = [self.features.reshape(-1, n)] + [memory.empty((k, n), dtype) for k in model.dense_sizes[1:-1]]
        self.da = [self.dfeatures.reshape(-1, n)] + [memory.empty((k, n), dtype) for k in model.dense_sizes[1:-1]]
        activation = ActivationCalls(config.activation)
        self.activate, self.back_to_sums = _activations(activation, self.outs, self.douts)
        self.activate_dense, self.back_to_dense_sums = _activations(activation, self.a[1:], self.da[1:])
        self.output = Output(OutputBuffers(n, dtype), n, n)
        self.logits = self.output.logits
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
        if layer >= len(self.blocks):
            self.forward()
        else:
            self._blocks_up_to(layer)
        return self.put_out(layer)

    def put_out(self, layer: int) -> Array:
        """What a hidden layer has put out in the pass that was just made: the same views."""
        n_blocks = len(self.blocks)
        return self.a[1 + layer - n_blocks].T if layer >= n_blocks else self.outs[layer].transpose(3, 1, 0, 2)

    def _blocks_up_to(self, last: int) -> None:
        for at, (block, conv) in enumerate(zip(self.blocks[: last + 1], self.model.conv, strict=False)):
            block.convolve()
            factor, shift = None, conv.params["b"]
            if self.norms:
                norm = self.model.norms[at]
                factor = norm.params["gamma"] / np.sqrt(norm.state["var"] + self.number(EPSILON))
                shift = norm.params["beta"] + (shift - norm.state["mean"]) * factor
            self._add_and_activate(at, factor, shift)

    def _add_and_activate(self, at: int, factor: Array | None, shift: Array) -> None:
        """The output of a block from its pooled sums: times a factor (C',), plus a shift (C',), then the activation."""
        out = self.outs[at]
        sums = self.blocks[at].pooled.reshape(out.shape)
        if factor is not None:
            sums = np.multiply(sums, factor[:, None, None], out=out)
        np.add(sums, shift[:, None, None], out=out)
        run(self.activate[at])

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
                run(self.activate_dense[i])
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

        For a network without normalization. targets (10, n); masks as for `_dense`; grads: (dW, db) of each layer.
        """
        self.take(raw)
        for at, (block, conv) in enumerate(zip(self.blocks, self.model.conv, strict=True)):
            block.convolve()
            self._add_and_activate(at, None, conv.params["b"])
        loss = self.head(targets, masks, m, grads)
        for at in range(len(self.blocks) - 1, -1, -1):
            (dW, db), block, d = grads[at], self.blocks[at], self.flat_douts[at]
            run(self.back_to_sums[at])
            db[...] = block.by_channel(d)
            block.weight_gradient(d, dW)
            if at:
                block.input_gradient(self.douts[at - 1])
        return loss

    # the same step by step, where normalization needs the whole batch and another pass has the rest of it

    def convolve(self, at: int) -> tuple[int, Array, Array]:
        """The pooled sums of a block, and their number, mean and summed squares by channel."""
        self.blocks[at].convolve()
        return self.norms[at].moments()

    def normalize(self, at: int, mean: Array, var: Array) -> None:
        """The output of a block, from its pooled sums and the batch's statistics."""
        params = self.model.norms[at].params
        self.norms[at].forward(mean, var, params["gamma"], params["beta"], self.outs[at])
        run(self.activate[at])

    def back_to_norm(self, at: int) -> tuple[Array, Array]:
        """Back through a block's activation; what these images add to the gradients of gamma and beta."""
        run(self.back_to_sums[at])
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
        """On from the last block's output to the summed loss, and back to the gradient of that output in `douts`."""
        np.copyto(self.output.targets, targets)
        self._dense(masks)
        self.output.share_in(m)
        loss = self.output.run()
        n_blocks, d = len(self.blocks), self.logits
        for i in range(len(self.a) - 1, -1, -1):
            dW, db = grads[n_blocks + i]
            np.dot(d, self.output.ones, out=db)
            W, a, da = self.model.dense[i].params["W"] if i else self.W, self.a[i], self.da[i]
            np.matmul(a, d.T, out=dW if i else self.dW)
            np.matmul(W, d, out=da)
            if masks:
                kept = self._mask(masks, i)
                np.multiply(da, kept, out=da)
                # as before the mask; where it was masked, da is 0 and a does not matter
                np.divide(a, kept.max() or 1, out=a)
            if i:
                run(self.back_to_dense_sums[i - 1])
            d = da
        if self.model.averages:
            np.multiply(self.dfeatures, self.share, out=self.douts[-1])
        first = self.by_row(grads[n_blocks][0])
        np.copyto(first, self.dW.reshape(first.shape))
        return loss


def _activations(activation: ActivationCalls, outs: list[Array], douts: list[Array]) -> tuple[list[Calls], list[Calls]]:
    """For each of `outs`: the calls that turn its sums into activations, and those for its gradient on the way back."""
    kept = [memory.empty(out.shape, out.dtype) if activation.needs_sums else None for out in outs]
    forward = [activation.forward(out, z) for out, z in zip(outs, kept, strict=True)]
    backward = [activation.backward(dout, out, z) for dout, out, z in zip(douts, outs, kept, strict=True)]
    return forward, backward
