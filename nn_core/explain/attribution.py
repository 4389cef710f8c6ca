"""Which pixels a logit, or the difference of two, is due to: four maps of one image, float (28, 28), signed.

- gradient: how the target rises with the pixel's brightness (Simonyan, Vedaldi & Zisserman 2014, with its sign);
- gradient times input: the same times the brightness (Shrikumar et al. 2016), 0 where the image is black;
- integrated gradients (Sundararajan, Taly & Yan 2017): the mean of the gradients on the straight way from a black image
  to this one, times the brightness; the sum over the pixels is the target here less the target of black (completeness);
- occlusion (Zeiler & Fergus 2014): by how much the target falls where a square of 4 by 4 pixels is blackened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.explain.decomposition import Target, brightness
from nn_core.explain.saliency import gradients_along
from nn_core.machine.memory import Array
from nn_core.nn.network import Network, from_weights

FEWEST, MOST = 32, 1_024  # gradients that are taken on the way from black
NEAR = 0.005  # of the difference
HALVED = 8  # pieces at a time
SQUARE, STRIDE = 4, 2  # of what is blackened, in pixels


@dataclass(frozen=True, eq=False, repr=False)
class Attribution:
    """One map and what it adds up to."""

    map: Array  # (28, 28)
    n_steps: int  # passes that it took
    expected: float | None = None  # what the sum over the pixels should be; None where nothing is promised

    def __repr__(self) -> str:
        return f"<Attribution of {self.total:.4f} by {self.n_steps} passes>"

    @property
    def total(self) -> float:
        """The sum over all pixels."""
        return float(self.map.sum(dtype=np.float64))


def gradient_maps(model: Network, image: Array, target: Target) -> tuple[Attribution, Attribution]:
    """The gradient, and the gradient times input, of one uint8 image (28, 28)."""
    copy = from_weights(model.config, model.weights())
    x = copy.inputs(image[None])
    gradient = gradients_along(copy, x, target.direction)[0][1].reshape(SIDE, SIDE) * np.float32(brightness(model))
    return Attribution(gradient, 1), Attribution(gradient * (image / np.float32(255)), 1)


def integrated_gradients(model: Network, image: Array, target: Target) -> Attribution:
    """Integrated gradients of one uint8 image (28, 28) from a black one.

    The way is cut into 32 pieces, each with the gradient of its middle. How far a piece is from what the target really
    changes along it is known, so those that are furthest are halved, until the sum is within 0.5 % of what it should be
    or 1,024 gradients were taken: where the network bends, the pieces become short.
    """
    copy = from_weights(model.config, model.weights())
    black, here = (copy.inputs(each[None]) for each in (np.zeros_like(image), image))
    ends = np.linspace(0, 1, FEWEST + 1)
    way = _Way(copy, black, here - black, target, ends[:-1], ends[1:])
    expected, n_steps = float(way.changes.sum()), FEWEST
    while abs(float(way.errors.sum())) > NEAR * abs(expected) and n_steps < MOST:
        n_steps += way.refine()
    return Attribution(way.map, n_steps, expected)


class _Way:
    """Pieces [starts, stops] of the straight way from black, each with the gradient in its middle."""

    def __init__(self, copy: Network, black: Array, way: Array, target: Target, starts: Array, stops: Array) -> None:
        self._copy, self._black, self._way, self._target = copy, black, way, target
        self.starts, self.stops, self.changes, self.shares = self._measured(starts, stops)

    def _at(self, alphas: Array) -> Array:
        steps = alphas.astype(self._way.dtype).reshape(-1, *[1] * (self._way.ndim - 1))
        return self._black + steps * self._way

    def _measured(self, starts: Array, stops: Array) -> tuple[Array, Array, Array, Array]:
        """Of these pieces: how much the target changes along each, and what each adds to the map, (n, 784)."""
        values = [self._target.of(self._copy.forward(self._at(ends))) for ends in (starts, stops)]
        middles = self._at((starts + stops) / 2)
        gradients = gradients_along(self._copy, middles, self._target.direction)[0][1].reshape(len(starts), -1)
        widths = (stops - starts)[:, None]
        return starts, stops, values[1] - values[0], widths * gradients * self._way.reshape(1, -1)

    @property
    def errors(self) -> Array:
        """What each piece lacks."""
        return self.changes - self.shares.sum(axis=1)

    @property
    def map(self) -> Array:
        """The sum over the pieces, (28, 28)."""
        return self.shares.sum(axis=0).reshape(SIDE, SIDE)

    def refine(self) -> int:
        """Halve the pieces that are furthest off; how many gradients that took."""
        worst = np.argsort(-np.abs(self.errors), kind="stable")[:HALVED]
        a, b = self.starts[worst], self.stops[worst]
        middles = (a + b) / 2
        halves = self._measured(np.concatenate([a, middles]), np.concatenate([middles, b]))
        kept = np.delete(np.arange(len(self.starts)), worst)
        before = (self.starts, self.stops, self.changes, self.shares)
        both = [np.concatenate([old[kept], new]) for old, new in zip(before, halves, strict=True)]
        self.starts, self.stops, self.changes, self.shares = both
        return 2 * len(worst)


def occlusion(model: Network, image: Array, target: Target) -> Attribution:
    """For each pixel the mean fall of the target over the squares that cover it and are blackened, one at a time."""
    corners = [(row, column) for row in range(0, SIDE, STRIDE) for column in range(0, SIDE, STRIDE)]
    squares = np.zeros((len(corners), SIDE, SIDE), bool)
    for at, (row, column) in enumerate(corners):
        first = (max(0, row - STRIDE // 2), max(0, column - STRIDE // 2))
        squares[at, first[0] : first[0] + SQUARE, first[1] : first[1] + SQUARE] = True
    inked = (squares & (image > 0)).any(axis=(1, 2))  # elsewhere blackening changes nothing
    blackened = np.where(squares[inked], np.uint8(0), image)
    falls = np.zeros(len(corners))
    if inked.any():
        values = target.of(model.logits(np.concatenate([image[None], blackened])))
        falls[inked] = values[0] - values[1:]
    covering = squares.sum(axis=0)
    return Attribution((falls @ squares.reshape(len(corners), -1)).reshape(SIDE, SIDE) / covering, len(blackened) + 1)
