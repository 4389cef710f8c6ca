"""What training makes small: the mean loss over a batch, and its gradient with respect to the logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nn_core.knobs import register

Array = npt.NDArray[Any]


def softmax(logits: Array) -> Array:
    """Probabilities (m, n_classes) from logits of the same shape; the largest is taken off first: no overflow."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def log_softmax(logits: Array) -> Array:
    """The logarithm of `softmax`, exact where a probability would round to zero."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


class Loss:
    """A mean loss over a batch of logits (m, n_classes) and labels (m,)."""

    @staticmethod
    def value(logits: Array, labels: Array) -> float:
        """The mean loss over the batch, in nats for the cross-entropy."""
        raise TypeError("a loss needs its formula")

    @staticmethod
    def gradient(logits: Array, labels: Array) -> Array:
        """d loss / d logits, shape (m, n_classes); the 1/m of the mean is in it."""
        raise TypeError("a loss needs its gradient")


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
    def value(logits: Array, labels: Array) -> float:
        """-mean log p(true class)."""
        return float(-log_softmax(logits)[np.arange(len(labels)), labels].mean())

    @staticmethod
    def gradient(logits: Array, labels: Array) -> Array:
        """(p - one_hot) / m."""
        gradient = softmax(logits)
        gradient[np.arange(len(labels)), labels] -= 1
        return gradient / len(labels)


def l2_penalty(weights: list[Array], l2: float) -> float:
    """(l2 / 2) times the sum of squared weights; biases are left out by whoever calls."""
    if not l2:
        return 0.0  # even where a square overflows
    return 0.5 * l2 * sum(float(np.vdot(W, W)) for W in weights)
