"""Whether a network that says "90 %" is right nine times of ten, and the temperature that brings it nearer to that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nn_core.machine.memory import Array
from nn_core.nn.losses import log_softmax, softmax

N_BINS = 15  # of equal width, as in Guo et al. 2017
COLDEST, HOTTEST = 0.01, 100.0  # between which a temperature is looked for
HALVINGS = 60


@dataclass(frozen=True, eq=False, repr=False)
class Reliability:
    """Images by their confidence, in bins of equal width over [0, 1]; a bin without images has nan."""

    counts: Array  # int64 (n_bins,)
    confidence: Array  # float64 (n_bins,): the mean confidence in each bin
    accuracy: Array  # float64 (n_bins,): the share that is read rightly

    def __repr__(self) -> str:
        return f"<Reliability of {self.counts.sum():,} images: ECE {self.ece:.4f}>"

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean distance of accuracy and confidence, each bin by its images.

        sum over bins of (n_b / n) |accuracy_b - confidence_b|; Naeini, Cooper & Hauskrecht 2015, with the confidence
        of Guo et al. 2017. nan of no images.
        """
        n = int(self.counts.sum())
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float(self.counts @ gaps) / n if n else math.nan


def reliability(confidence: Array, right: Array, n_bins: int = N_BINS) -> Reliability:
    """Of images with a confidence (n,) in [0, 1], of which those of `right` bool (n,) are read rightly."""
    confidence = np.nan_to_num(np.asarray(confidence, dtype=np.float64))  # of a network that diverged
    at = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)  # bins hold their upper end
    counts = np.bincount(at, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        means = np.bincount(at, weights=confidence, minlength=n_bins) / counts
        shares = np.bincount(at, weights=np.asarray(right, dtype=np.float64), minlength=n_bins) / counts
    return Reliability(counts, means, shares)


def fit_temperature(logits: Array, labels: Array) -> float:
    """The T > 0 for which softmax(logits / T) gives the labels (n,) the largest mean log-probability.

    Guo, Pleiss, Sun & Weinberger 2017, section 4.2. In 1/T that is a concave function, so its slope, the mean of
    (logit of the label - mean logit under the probabilities), is halved down to its zero. Between 0.01 and 100: where
    every image is read rightly, colder is always better. 1 of no images, and of logits that are not numbers.
    """
    there = np.isfinite(logits).all(axis=1)
    if not there.any():
        return 1.0
    z, labels = np.asarray(logits, dtype=np.float64)[there], labels[there]
    of_label = z[np.arange(len(z)), labels].mean()

    def slope(inverse: float) -> float:
        return float(of_label - (softmax(inverse * z) * z).sum(axis=1).mean())

    low, high = math.log(1 / HOTTEST), math.log(1 / COLDEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(math.exp(middle)) > 0 else (low, middle)
        if high - low < 1e-9:
            break
    return math.exp(-(low + high) / 2)


def tempered(logits: Array, temperature: float) -> Array:
    """softmax(logits / T), float64 (n, n_classes): the same order, more or less sure."""
    with np.errstate(invalid="ignore"):
        return softmax(np.asarray(logits, dtype=np.float64) / temperature)


def surprise(logits: Array, labels: Array, temperature: float = 1.0) -> float:
    """The mean of -log p(label) in nats, with p = softmax(logits / T); nan of no images."""
    if not len(labels):
        return math.nan
    with np.errstate(invalid="ignore"):
        log_p = log_softmax(np.asarray(logits, dtype=np.float64) / temperature)
    return float(-log_p[np.arange(len(labels)), labels].mean())
