"""All that is counted of a network on one split: the figures of the page Evaluate and of the command `evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nn_core.evaluation.calibration import Reliability, fit_temperature, reliability, surprise, tempered
from nn_core.evaluation.intervals import Share
from nn_core.machine.memory import Array
from nn_core.nn.metrics import ClassScores, class_scores, confusion_matrix

Answers = Callable[[], tuple[Array, Array]]
COVERAGES = (1.0, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.5)  # shares of the images that are answered, as they are told
CONFIDENCE_BINS = 20


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A network's answers to n images, and what follows from them; each figure is worked out when it is asked for.

    `probabilities` are those that its loss makes of the logits. `held_out` gives labels and logits of the images on
    which its temperature is fitted, those for validation; None: these very images.
    """

    labels: Array  # (n,)
    logits: Array  # float32 (n, n_classes)
    probabilities: Array  # float32 (n, n_classes)
    held_out: Answers | None = None

    def __repr__(self) -> str:
        return f"<Evaluation: {self.accuracy.right:,} of {self.accuracy.n:,} right>"

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return int(self.logits.shape[1])

    @cached_property
    def predictions(self) -> Array:
        """The most probable class of each image, int64 (n,)."""
        return np.argmax(self.logits, axis=1)

    @cached_property
    def right(self) -> Array:
        """Which images are read rightly, bool (n,)."""
        return self.predictions == self.labels

    @cached_property
    def confidence(self) -> Array:
        """The probability of the answer, (n,)."""
        return self.probabilities.max(axis=1) if len(self.labels) else np.empty(0)

    @cached_property
    def accuracy(self) -> Share:
        """How many are read rightly."""
        return Share(int(self.right.sum()), len(self.labels))

    @cached_property
    def top2(self) -> Share:
        """How many have the true class among the two most probable ones."""
        return top_k(self.labels, self.logits, 2)

    @cached_property
    def confusion(self) -> Array:
        """Counts int64 (n_classes, n_classes) [true, read as]."""
        return confusion_matrix(self.labels, self.predictions, self.n_classes)

    @cached_property
    def scores(self) -> ClassScores:
        """Precision, recall and F1 of each class."""
        return class_scores(self.confusion)

    @cached_property
    def loss(self) -> float:
        """The mean of -log p(label) in nats, with softmax."""
        return surprise(self.logits, self.labels)

    @cached_property
    def temperature(self) -> float:
        """The temperature that fits best to the images held out for that."""
        labels, logits = self.held_out() if self.held_out else (self.labels, self.logits)
        return fit_temperature(logits, labels)

    @cached_property
    def calmed(self) -> Array:
        """The confidence at the fitted temperature, (n,)."""
        return tempered(self.logits, self.temperature).max(axis=1) if len(self.labels) else np.empty(0)

    @cached_property
    def before(self) -> Reliability:
        """Confidence against accuracy, as the network says it."""
        return reliability(self.confidence, self.right)

    @cached_property
    def after(self) -> Reliability:
        """The same at the fitted temperature."""
        return reliability(self.calmed, self.right)

    @cached_property
    def refusing(self) -> Refusing:
        """Accuracy on the surest answers alone."""
        return refusing(self.confidence, self.right)

    def errors(self, true: int | None = None, read_as: int | None = None) -> Array:
        """The indices int64 of the images that are read wrongly, the surest first; of these classes, where given."""
        of = ~self.right
        if true is not None:
            of = of & (self.labels == true)
        if read_as is not None:
            of = of & (self.predictions == read_as)
        members = np.flatnonzero(of)
        return members[np.argsort(-self.confidence[members], kind="stable")]

    def histograms(self) -> tuple[Array, Array]:
        """How many right and how many wrong images have a confidence in each of 20 bins over [0, 1]."""
        edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
        both = [np.histogram(np.clip(self.confidence[which], 0, 1), edges)[0] for which in (self.right, ~self.right)]
        return both[0], both[1]

    def to_json(self) -> dict[str, Any]:
        """All figures as JSON has them; shares in [0, 1], each with its 95 % interval."""
        right, wrong = self.histograms()
        return {
            "n": len(self.labels),
            "accuracy": _told(self.accuracy),
            "top2_accuracy": _told(self.top2),
            "loss": self.loss,
            "mean_f1": self.scores.mean_f1,
            "confusion": self.confusion.tolist(),
            "classes": self._classes(),
            "calibration": {
                "temperature": self.temperature,
                "ece": self.before.ece,
                "ece_after": self.after.ece,
                "loss_after": surprise(self.logits, self.labels, self.temperature),
                "bins": _bins(self.before),
                "bins_after": _bins(self.after),
            },
            "confidence_right": right.tolist(),
            "confidence_wrong": wrong.tolist(),
            "coverage": [
                {"coverage": share, "accuracy": accuracy, "confidence_at_least": least}
                for share, accuracy, least in self.refusing.at(COVERAGES)
            ],
            "surest_errors": self.errors()[:100].tolist(),
        }

    def _classes(self) -> list[dict[str, Any]]:
        scores = self.scores
        return [
            {
                "class": at,
                "n": int(scores.support[at]),
                "precision": float(scores.precision[at]),
                "recall": float(scores.recall[at]),
                "recall_interval": list(Share(int(self.confusion[at, at]), int(scores.support[at])).interval),
                "f1": float(scores.f1[at]),
            }
            for at in range(self.n_classes)
        ]


@dataclass(frozen=True, eq=False, repr=False)
class Refusing:
    """A network that answers only its surest k images, for every k from 1 to n (Geifman & El-Yaniv 2017)."""

    coverage: Array  # float64 (n,): k / n
    accuracy: Array  # float64 (n,): the share of these k that is right
    threshold: Array  # (n,): the confidence of the least sure of them

    def at(self, coverages: tuple[float, ...]) -> list[tuple[float, float, float]]:
        """(coverage, accuracy, least confidence) where so large a share of the images is answered, at least one."""
        n = len(self.coverage)
        places = [max(1, round(share * n)) - 1 for share in coverages] if n else []
        return [(float(self.coverage[k]), float(self.accuracy[k]), float(self.threshold[k])) for k in places]


def refusing(confidence: Array, right: Array) -> Refusing:
    """From the confidence (n,) of each answer and whether it is right, bool (n,)."""
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    return Refusing(answered / max(1, len(order)), np.cumsum(right[order]) / answered, confidence[order])


def top_k(labels: Array, logits: Array, k: int) -> Share:
    """How many images have fewer than k classes before their own; of equal logits the lower class stands before."""
    own = logits[np.arange(len(labels)), labels][:, None]
    ties = (logits == own) & (np.arange(logits.shape[1]) < np.asarray(labels)[:, None])
    before = ((logits > own) | ties).sum(axis=1)
    return Share(int((before < k).sum()), len(labels))


def _told(share: Share) -> dict[str, Any]:
    return {"right": share.right, "n": share.n, "value": share.value, "interval": list(share.interval)}


def _bins(found: Reliability) -> list[dict[str, Any]]:
    rows = zip(found.counts.tolist(), found.confidence.tolist(), found.accuracy.tolist(), strict=True)
    return [{"n": n, "confidence": conf, "accuracy": share} for n, conf, share in rows if n]
