"""What training makes small: the mean loss over a batch, and its gradient with respect to the logits."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from nn_core.config.choices import choices, register
from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.nn.layers import NoSecondDerivative
from nn_core.nn.sums import squares


def softmax(logits: Array) -> Array:
    """Probabilities (m, n_classes) from logits of the same shape; the largest is taken off first: no overflow."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def log_softmax(logits: Array) -> Array:
    """The logarithm of `softmax`, exact where a probability would round to zero."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def nearest_probabilities(outputs: Array) -> Array:
    """The probabilities (m, n_classes) that are nearest to the outputs in squared distance; the order stays.

    max(z - tau, 0), with tau the largest over k of ((sum of the k largest z) - 1) / k. Michelot 1986; as the end of a
    network, "sparsemax" (Martins & Astudillo 2016).
    """
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    sums = np.cumsum(-np.sort(-shifted, axis=1), axis=1)
    tau = ((sums - 1) / np.arange(1, outputs.shape[1] + 1, dtype=outputs.dtype)).max(axis=1, keepdims=True)
    return np.maximum(shifted - tau, 0)


def _r_softmax(p: Array, rlogits: Array) -> Array:
    """R{p} = p (R{z} - sum of p R{z}): how probabilities p change where the logits change by rlogits."""
    return p * (rlogits - (p * rlogits).sum(axis=1, keepdims=True))


def targets(logits: Array, labels: Array, smoothing: float = 0.0) -> Array:
    """What the probabilities should be: 1 - smoothing at the label, and smoothing spread evenly over all classes.

    Shape and dtype of logits (m, n_classes); labels (m,). Smoothing: Szegedy et al. 2016, section 7.
    """
    number, n_classes = logits.dtype.type, logits.shape[1]
    t: Array = np.full(logits.shape, number(smoothing / n_classes))
    t[np.arange(len(labels)), labels] += number(1 - smoothing)
    return t


class Loss:
    """A mean loss over a batch of logits (m, n_classes) and labels (m,), which may be smoothed (see `targets`).

    `unit` is that of `scored`, which curves show; `about_probabilities` says what is shown as probabilities where it is
    not what everyone expects, softmax. `chance` is what is scored by guessing: the same ten outputs for every image.
    """

    unit: ClassVar[str] = "nats"
    chance: ClassVar[float] = math.log(10)
    about_probabilities: ClassVar[str] = ""

    @staticmethod
    def value(logits: Array, labels: Array, smoothing: float = 0.0) -> float:
        """The mean loss over the batch, in nats for the cross-entropy."""
        raise TypeError("a loss needs its formula")

    @staticmethod
    def gradient(logits: Array, labels: Array, smoothing: float = 0.0) -> Array:
        """d loss / d logits, shape (m, n_classes); the 1/m of the mean is in it."""
        raise TypeError("a loss needs its gradient")

    @classmethod
    def r_gradient(cls, logits: Array, labels: Array, rlogits: Array, smoothing: float = 0.0) -> Array:
        """R{gradient}: how it changes where the logits change by rlogits; for curvature (see layers.py)."""
        raise NoSecondDerivative(cls)

    @classmethod
    def probabilities(cls, logits: Array) -> Array:
        """What stands for the probabilities of the classes, (m, n_classes): rows sum to 1, the order is the logits'."""
        return softmax(logits)

    @classmethod
    def scored(cls, logits: Array, labels: Array) -> float:
        """What curves show, so that runs compare: the surprise at the true class, -log p, in nats, on average."""
        return float(-log_softmax(logits)[np.arange(len(labels)), labels].mean())


@register(
    "loss",
    "cross_entropy",
    label="Softmax and cross-entropy",
    help="The surprise, in nats, at the true digit. Guessing evenly among ten costs ln 10 = 2.30.",
    formula=r"L = -\frac{1}{m} \sum_i \log \frac{e^{z_{i,y_i}}}{\sum_k e^{z_{i,k}}}, \quad "
    r"\frac{\partial L}{\partial z} = \frac{p - \mathbb{1}_y}{m}",
    citation="Bridle 1990",
)
class CrossEntropy(Loss):
    """Softmax followed by the negative log-likelihood of the true class."""

    @staticmethod
    def value(logits: Array, labels: Array, smoothing: float = 0.0) -> float:
        """-mean over the batch of the sum of t log p, with t the targets: -log p(true class) without smoothing."""
        return float(-(targets(logits, labels, smoothing) * log_softmax(logits)).sum() / len(labels))

    @staticmethod
    def gradient(logits: Array, labels: Array, smoothing: float = 0.0) -> Array:
        """(p - t) / m."""
        return (softmax(logits) - targets(logits, labels, smoothing)) / logits.dtype.type(len(labels))

    @classmethod
    def r_gradient(cls, logits: Array, labels: Array, rlogits: Array, smoothing: float = 0.0) -> Array:
        """R{p} / m."""
        return _r_softmax(softmax(logits), rlogits) / logits.dtype.type(len(labels))


@register(
    "loss",
    "mse",
    label="Squared error after softmax",
    help="The mean square of what each of the ten probabilities is off. A network that is certain and wrong hardly "
    "learns: its slope is near 0. Curves stay in nats. Try it at a learning rate of 3.",
    formula=r"L = \frac{1}{10\,m} \sum_i \sum_k (p_{ik} - \mathbb{1}_{k=y_i})^2, \quad "
    r"\frac{\partial L}{\partial z} = p \odot (g - \langle p, g \rangle),\ g = \frac{2 (p - \mathbb{1}_y)}{10\,m}",
    citation="Brier 1950 (there the sum over the classes); Bridle 1990 on why not",
)
class MeanSquaredError(Loss):
    """Softmax, then the squared distance to the targets, its mean taken over images and classes alike."""

    @staticmethod
    def value(logits: Array, labels: Array, smoothing: float = 0.0) -> float:
        """mean (p - t)^2."""
        return float(np.square(softmax(logits) - targets(logits, labels, smoothing)).mean())

    @staticmethod
    def gradient(logits: Array, labels: Array, smoothing: float = 0.0) -> Array:
        """p (g - sum of p g) with g = 2 (p - t) / (m n_classes): through the softmax."""
        p = softmax(logits)
        g = (p - targets(logits, labels, smoothing)) * logits.dtype.type(2 / logits.size)
        return p * (g - (p * g).sum(axis=1, keepdims=True))

    @classmethod
    def r_gradient(cls, logits: Array, labels: Array, rlogits: Array, smoothing: float = 0.0) -> Array:
        """R{p} (g - sum of p g) + p (R{g} - sum of R{p} g + p R{g}), with R{g} = 2 R{p} / (m n_classes)."""
        number = logits.dtype.type(2 / logits.size)
        p = softmax(logits)
        rp = _r_softmax(p, rlogits)
        g, rg = (p - targets(logits, labels, smoothing)) * number, rp * number
        pg, rpg = (p * g).sum(axis=1, keepdims=True), (rp * g + p * rg).sum(axis=1, keepdims=True)
        return rp * (g - pg) + p * (rg - rpg)


@register(
    "loss",
    "linear_mse",
    label="Squared error, linear outputs",
    help="Half the squared distance of the ten outputs themselves from 1 at the digit and 0 elsewhere; no softmax. The "
    "loss in which the edge of stability is studied, and curves show it as it is. Try the preset Edge.",
    formula=r"L = \frac{1}{2m} \sum_i \sum_k (z_{ik} - \mathbb{1}_{k=y_i})^2, \quad "
    r"\frac{\partial L}{\partial z} = \frac{z - \mathbb{1}_y}{m}",
    citation="Widrow & Hoff 1960; as in Cohen et al. 2021 (half the sum over the outputs, averaged over images)",
)
class LinearSquaredError(Loss):
    """Half the squared distance of the outputs to the targets, summed over the classes, averaged over the images."""

    unit = "half the squared error"
    chance = 0.45  # of ten outputs of 0.1: (0.9^2 + 9 * 0.1^2) / 2
    about_probabilities = "It learned without softmax: shown are the probabilities nearest to its ten outputs."

    @staticmethod
    def value(logits: Array, labels: Array, smoothing: float = 0.0) -> float:
        """mean over images of the sum of (z - t)^2 / 2."""
        return 0.5 * float(np.square(logits - targets(logits, labels, smoothing)).sum()) / len(labels)

    @staticmethod
    def gradient(logits: Array, labels: Array, smoothing: float = 0.0) -> Array:
        """(z - t) / m."""
        return (logits - targets(logits, labels, smoothing)) / logits.dtype.type(len(labels))

    @classmethod
    def r_gradient(cls, logits: Array, labels: Array, rlogits: Array, smoothing: float = 0.0) -> Array:
        """R{z} / m."""
        return rlogits / logits.dtype.type(len(labels))

    @classmethod
    def probabilities(cls, logits: Array) -> Array:
        """Those nearest to the outputs: outputs estimate them already, but need not be positive, nor sum to 1."""
        return nearest_probabilities(logits)

    @classmethod
    def scored(cls, logits: Array, labels: Array) -> float:
        """The loss itself: a probability of 0 would have no surprise that can be drawn."""
        return cls.value(logits, labels)


def loss_of(config: RunConfig) -> type[Loss]:
    """The class that implements the loss of these settings."""
    found: type[Loss] = choices("loss")[config.loss].target
    return found


def l2_penalty(weights: list[Array], l2: float) -> float:
    """(l2 / 2) times the sum of squared weights; biases are left out by whoever calls."""
    if not l2:
        return 0.0  # even where a square overflows
    return 0.5 * l2 * sum(squares(W) for W in weights)
