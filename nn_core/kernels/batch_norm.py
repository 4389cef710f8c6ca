"""Batch normalization of the channels of a convolution, in the fast step, where each thread has a part of the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nn_core.kernels.conv import Block
from nn_core.machine import memory
from nn_core.machine.memory import Array
from nn_core.nn.conv import BatchNorm2D
from nn_core.nn.normalization import EPSILON, RUNNING


class ChannelNorm:
    """Batch normalization of a block's pooled sums, for the n images of one pass among those of a whole batch.

    A batch's statistics are those of all its passes: `moments` of each, put together by `of_all`, go to `forward`; and
    `backward_sums` of each, added up, to `backward`.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.x_hat = memory.empty(block.pooled.shape, block.pooled.dtype)
        self.product = memory.empty(block.pooled.shape, block.pooled.dtype)
        self.n = block.pooled.shape[0] * block.wide  # values of each channel

    def moments(self) -> tuple[int, Array, Array]:
        """(number, mean (C,), summed squares about it (C,)) of the values of each channel here."""
        self.mean = self.block.by_channel(self.block.pooled) / self.x_hat.dtype.type(self.n)
        np.subtract(self.block.pooled, self.mean[:, None], out=self.x_hat)
        np.multiply(self.x_hat, self.x_hat, out=self.product)
        return self.n, self.mean, self.block.by_channel(self.product)

    def forward(self, mean: Array, var: Array, gamma: Array, beta: Array, out: Array) -> None:
        """out (H', C', W', n) = gamma x_hat + beta."""
        self.inverse = 1 / np.sqrt(var + var.dtype.type(EPSILON))
        np.add(self.x_hat, (self.mean - mean)[:, None], out=self.x_hat)
        np.multiply(self.x_hat, self.inverse[:, None], out=self.x_hat)
        np.multiply(self.x_hat.reshape(out.shape), gamma[:, None, None], out=out)
        np.add(out, beta[:, None, None], out=out)

    def backward_sums(self, d: Array) -> tuple[Array, Array]:
        """(dgamma, dbeta) as far as they come from here, for the gradient d (H', C', W' n) of what `forward` gave."""
        np.multiply(d, self.x_hat, out=self.product)
        return self.block.by_channel(self.product), self.block.by_channel(d)

    def backward(self, d: Array, n: int, gamma: Array, dgamma: Array, dbeta: Array) -> None:
        """d becomes the gradient of the pooled sums; n values of each channel are in the whole batch."""
        np.multiply(self.x_hat, (dgamma / dgamma.dtype.type(n))[:, None], out=self.x_hat)
        np.subtract(d, self.x_hat, out=d)
        np.subtract(d, (dbeta / dbeta.dtype.type(n))[:, None], out=d)
        np.multiply(d, (gamma * self.inverse)[:, None], out=d)


def of_all(moments: Sequence[tuple[int, Array, Array]]) -> tuple[int, Array, Array]:
    """(number, mean, variance) of all values together (Chan, Golub & LeVeque 1979)."""
    n, mean, squares = moments[0]
    for more, other, other_squares in moments[1:]:
        apart = other - mean
        squares = squares + other_squares + apart * apart * apart.dtype.type(n * more / (n + more))
        n, mean = n + more, mean + apart * apart.dtype.type(more / (n + more))
    return n, mean, squares / squares.dtype.type(n)


def update_running(norm: BatchNorm2D, n: int, mean: Array, var: Array) -> None:
    """Move the running statistics toward those of a batch of n values a channel, as in BatchNorm."""
    share = mean.dtype.type(RUNNING)
    norm.state["mean"] += share * (mean - norm.state["mean"])
    if n > 1:
        norm.state["var"] += share * (var * var.dtype.type(n / (n - 1)) - norm.state["var"])
