"""The figures of an evaluation: against scipy and counts by hand (scikit-learn: test_against_sklearn.py)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from nn_core.evaluation import Evaluation, Share, fit_temperature, paired, reliability
from tests.evaluation.conftest import N


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (0, 0), (1, 1), (47, 50), (4_712, 5_000), (9_940, 10_000)])
def test_the_interval_of_a_share_is_wilsons(right: int, n: int):
    low, high = Share(right, n).interval
    if n:
        expected = binomtest(right, n).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= (right / n if n else 0) and (right / n if n else 1) <= high <= 1


def test_what_lies_on_the_border_of_a_bin_counts_once_and_no_images_have_no_error():
    edges = reliability(np.array([0.0, 1 / 3, 2 / 3, 1.0]), np.array([True] * 4), n_bins=3)
    assert edges.counts.tolist() == [2, 1, 1]
    assert np.isnan(reliability(np.empty(0), np.empty(0, bool)).ece)


def test_a_temperature_has_limits_where_all_is_right_or_nothing_is_a_number():
    sure = 5 * np.eye(10, dtype=np.float32)
    assert 0.01 <= fit_temperature(sure, np.arange(10)) < 0.2  # as low as float64 tells
    assert fit_temperature(sure, (np.arange(10) + 1) % 10) == pytest.approx(100, rel=1e-6)
    assert fit_temperature(np.full((3, 10), np.nan), np.arange(3)) == 1.0
    assert fit_temperature(np.empty((0, 10)), np.empty(0, int)) == 1.0


def test_refusing_the_least_sure_answers_leaves_the_accuracy_of_the_others(answers):
    labels, logits, p = answers
    refusing = Evaluation(labels, logits, p).refusing
    for coverage, accuracy, least in refusing.at((1.0, 0.7, 0.25, 0.0)):
        answered = p.max(axis=1) >= least
        assert answered.mean() == pytest.approx(coverage)
        assert accuracy == pytest.approx((labels[answered] == p[answered].argmax(axis=1)).mean())
    assert refusing.at((0.0,))[0][0] == 1 / N


def test_errors_come_the_surest_first_and_of_the_classes_that_are_asked_for(answers):
    labels, logits, p = answers
    found, read_as = Evaluation(labels, logits, p), p.argmax(axis=1)
    errors = found.errors()
    assert set(errors) == set(np.flatnonzero(read_as != labels)) and (np.diff(p[errors].max(axis=1)) <= 0).all()
    assert set(found.errors(true=4)) == {at for at in errors if labels[at] == 4}
    assert set(found.errors(true=4, read_as=9)) == {at for at in errors if labels[at] == 4 and read_as[at] == 9}
    assert set(found.errors(read_as=0)) == {at for at in errors if read_as[at] == 0}


def test_histograms_count_every_image_once(answers):
    found = Evaluation(*answers)
    right, wrong = found.histograms()
    assert right.sum() == found.accuracy.right and wrong.sum() == N - found.accuracy.right


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (5, 5), (3, 11), (30, 52), (700, 600), (4_000, 1)])
def test_mcnemars_p_value_is_that_of_the_exact_binomial_test(b: int, c: int):
    labels = np.zeros(b + c + 7, np.uint8)
    first, second = np.zeros(b + c + 7, int), np.zeros(b + c + 7, int)
    first[b : b + c], second[:b] = 1, 1  # wrong there
    first[-3:], second[-3:] = 2, 3
    found = paired(labels, first, second)
    assert (found.both, found.only_first, found.only_second, found.neither) == (4, b, c, 3)
    expected = binomtest(b, b + c).pvalue if b + c else 1.0
    assert found.p_value == pytest.approx(expected, rel=1e-9) and found.is_chance == (expected >= 0.05)


def test_all_figures_are_json_also_of_one_image_and_of_a_network_that_diverged(answers):
    labels, logits, p = answers
    told = json.loads(json.dumps(Evaluation(labels, logits, p).to_json(), allow_nan=False))
    assert told["n"] == N and len(told["classes"]) == 10 and len(told["coverage"]) == 8
    one = Evaluation(labels[:1], logits[:1], p[:1]).to_json()
    assert one["accuracy"]["n"] == 1 and one["classes"][int(labels[0])]["n"] == 1
    lost = np.full((4, 10), np.nan, np.float32)
    assert (
        Evaluation(labels[:4], lost, lost).accuracy.n == 4
        and Evaluation(labels[:4], lost, lost).before.counts.sum() == 4
    )
