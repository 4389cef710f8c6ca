"""The figures of an evaluation against scikit-learn (which not every installation has) and scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from nn_core.evaluation import Evaluation, fit_temperature
from nn_core.evaluation.calibration import N_BINS
from nn_core.evaluation.report import top_k
from tests.evaluation.conftest import N


@pytest.fixture
def metrics() -> Any:
    """scikit-learn's, where it is installed."""
    return pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")


def test_counts_are_those_of_scikit_learn(answers, metrics):
    labels, logits, p = answers
    found, predictions = Evaluation(labels, logits, p), p.argmax(axis=1)
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(labels, predictions))
    assert np.array_equal(found.confusion, metrics.confusion_matrix(labels, predictions))
    assert found.loss == pytest.approx(metrics.log_loss(labels, p.astype(np.float64)), abs=1e-6)
    report = metrics.classification_report(labels, predictions, output_dict=True)
    assert found.scores.mean_f1 == pytest.approx(report["macro avg"]["f1-score"])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_top_answers_are_those_of_scikit_learn(answers, metrics, k: int):
    labels, logits, _ = answers
    assert top_k(labels, logits, k).value == pytest.approx(metrics.top_k_accuracy_score(labels, logits, k=k))
    assert top_k(np.array([0, 1, 9]), np.zeros((3, 10)), 2).right == 2  # of ten equal logits, the first two classes


def test_the_reliability_diagram_is_that_of_scikit_learn_and_ece_its_weighted_distance(answers):
    labels, logits, p = answers
    found = Evaluation(labels, logits, p).before
    right, confidence = p.argmax(axis=1) == labels, p.max(axis=1)
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is not installed")
    accuracy, mean = calibration.calibration_curve(right, confidence, n_bins=N_BINS, strategy="uniform")
    there = found.counts > 0
    assert found.accuracy[there] == pytest.approx(accuracy) and found.confidence[there] == pytest.approx(mean)
    counts = np.histogram(confidence, np.linspace(0, 1, N_BINS + 1))[0]
    weights = counts[counts > 0] / N
    assert found.ece == pytest.approx(float(weights @ np.abs(accuracy - mean))) and found.ece > 0.1


def test_the_temperature_is_the_one_that_scipy_finds_and_calms_a_network_that_is_too_sure(answers, metrics):
    labels, logits, p = answers

    def nll(log_t: float) -> float:
        return metrics.log_loss(labels, softmax(logits.astype(np.float64) / np.exp(log_t), axis=1), labels=range(10))

    best = minimize_scalar(nll, bounds=(-4, 4), method="bounded", options={"xatol": 1e-10})
    assert fit_temperature(logits, labels) == pytest.approx(np.exp(best.x), rel=1e-5)
    found = Evaluation(labels, logits, p)
    assert found.temperature > 1.4 and found.after.ece < found.before.ece / 2
    assert found.to_json()["calibration"]["loss_after"] == pytest.approx(best.fun)
