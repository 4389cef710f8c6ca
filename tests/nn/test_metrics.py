"""How well predictions fit: counts that add up, scores derived by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.nn.metrics import accuracy, cell_images, class_scores, confusion_matrix, most_common_confusion
from nn_core.nn.network import build_model

pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=300)


def split(chosen: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array([label for label, _ in chosen], np.uint8)  # as in a data set
    return labels, np.array([prediction for _, prediction in chosen], np.int64)


@given(pairs)
def test_the_confusion_matrix_counts_every_image_once(chosen: list[tuple[int, int]]):
    labels, predictions = split(chosen)
    confusion = confusion_matrix(labels, predictions)
    assert confusion.shape == (10, 10) and confusion.dtype == np.int64 and confusion.sum() == len(chosen)
    for true, predicted in chosen:
        assert confusion[true, predicted] == chosen.count((true, predicted))


@given(pairs)
def test_accuracy_is_the_share_on_the_diagonal(chosen: list[tuple[int, int]]):
    labels, predictions = split(chosen)
    if not chosen:
        assert math.isnan(accuracy(labels, predictions))
        return
    assert accuracy(labels, predictions) == sum(a == b for a, b in chosen) / len(chosen)
    assert accuracy(labels, predictions) == pytest.approx(confusion_matrix(labels, predictions).trace() / len(chosen))


def test_class_scores_are_those_derived_by_hand():
    confusion = np.array(
        [
            [6, 2, 0, 0],  # 8 of class 0: 6 found
            [3, 1, 0, 0],  # 4 of class 1: 1 found
            [1, 1, 0, 0],  # 2 of class 2, never predicted
            [0, 0, 0, 0],  # none of class 3
        ]
    )
    scores = class_scores(confusion)
    assert scores.support.tolist() == [8, 4, 2, 0]
    assert scores.precision == pytest.approx([6 / 10, 1 / 4, 0, 0])
    assert scores.recall == pytest.approx([6 / 8, 1 / 4, 0, 0])
    assert scores.f1 == pytest.approx([2 / 3, 1 / 4, 0, 0])


@given(pairs)
def test_class_scores_are_shares_and_f1_lies_between_the_other_two(chosen: list[tuple[int, int]]):
    scores = class_scores(confusion_matrix(*split(chosen)))
    for column in (scores.precision, scores.recall, scores.f1):
        assert column.shape == (10,) and ((column >= 0) & (column <= 1)).all()
    low, high = np.minimum(scores.precision, scores.recall), np.maximum(scores.precision, scores.recall)
    assert (scores.f1 >= low - 1e-12).all() and (scores.f1 <= high + 1e-12).all()
    assert scores.support.sum() == len(chosen)


def test_the_cells_share_out_all_images_and_each_is_sorted_by_confidence(tiny: Dataset):
    probabilities = build_model(RunConfig(), np.random.default_rng(0)).predict_proba(tiny.val_images)
    counts = confusion_matrix(tiny.val_labels, probabilities.argmax(axis=1))
    found = []
    for true, read_as in np.ndindex(10, 10):
        members = cell_images(tiny.val_labels, probabilities, true, read_as)
        assert len(members) == counts[true, read_as]
        assert (np.diff(probabilities[members, read_as]) <= 0).all()
        found += list(members)
    assert sorted(found) == list(range(200))


def test_the_most_common_confusion_is_off_the_diagonal_and_none_where_all_is_right():
    counts = np.diag(np.full(10, 50))
    assert most_common_confusion(counts) is None
    counts[4, 9] = 3
    counts[9, 4] = 2
    assert most_common_confusion(counts) == (4, 9)


def test_a_class_without_images_is_neither_the_hardest_nor_part_of_the_mean():
    scores = class_scores(np.array([[8, 0, 2], [0, 0, 0], [0, 0, 10]]))
    assert scores.present.tolist() == [0, 2] and scores.hardest == 0
    assert scores.mean_f1 == pytest.approx((16 / 18 + 20 / 22) / 2)
