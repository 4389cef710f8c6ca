"""The data map finds labels that were planted wrong; forgetting and the order of classes are counted as by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.measures.data_map import (
    class_accuracies,
    data_map,
    forgotten,
    from_bytes,
    learning_order,
    never_learned,
    to_bytes,
)
from nn_core.nn.metrics import confusion_matrix
from nn_core.training import Trainer


def test_a_probability_kept_as_a_byte_comes_back_within_half_a_step():
    p = np.linspace(0, 1, 10_001)
    assert np.abs(from_bytes(to_bytes(p)) - p).max() <= 0.5 / 255 + 1e-6
    assert from_bytes(to_bytes(np.array([0.0, 1.0]))).tolist() == [0, 1]


def test_mean_and_deviation_are_those_derived_by_hand_and_the_lowest_mean_is_suspected_first():
    found = data_map(np.array([[255, 0, 51], [255, 0, 153]], np.uint8))
    assert found.confidence == pytest.approx([1, 0, 0.4]) and found.variability == pytest.approx([0, 0, 0.2])
    assert found.suspects().tolist() == [1, 2, 0] and found.suspects(1).tolist() == [1]
    assert found.ranks().tolist() == [2, 0, 1]
    with pytest.raises(ValueError, match="at least one scoring"):
        data_map(np.zeros((0, 3), np.uint8))


def test_labels_that_were_planted_wrong_are_among_the_first_suspects(mnist: Dataset):
    config = RunConfig(n_train=5_000, label_noise=0.1, lr=0.2)
    trainer = Trainer(config, mnist)
    given, rows = trainer.train_labels, []
    wrong = given != mnist.train_labels[:5_000]
    assert 400 < wrong.sum() < 500  # a tenth of those drawn anew come out right
    for _ in range(8):
        trainer.train_epochs(1)
        rows.append(to_bytes(trainer.model.predict_proba(trainer.train_images)[np.arange(5_000), given]))
    ranks = data_map(np.array(rows)).ranks()
    # the chance that a wrong label is suspected before a right one, by the sum of ranks (Mann & Whitney 1947)
    n_wrong = int(wrong.sum())
    above = ranks[wrong].sum() - n_wrong * (n_wrong - 1) / 2
    assert 1 - above / (n_wrong * (5_000 - n_wrong)) >= 0.95


def test_an_image_is_forgotten_each_time_it_goes_from_right_to_wrong():
    right = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0]], bool)
    assert forgotten(right).tolist() == [1, 2, 0, 0]
    assert never_learned(right).tolist() == [False, False, False, True]


def test_classes_are_ordered_by_the_scoring_from_which_on_they_stay_good():
    curves = np.array([[0.9, 0.2, 0.1, np.nan], [0.7, 0.9, 0.1, np.nan], [0.9, 0.9, 0.2, np.nan]])
    assert learning_order(curves, 0.8) == [(1, 1), (0, 2), (2, None), (3, None)]


def test_the_accuracy_of_a_class_is_its_row_of_the_confusion_matrix():
    confusion = confusion_matrix(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), 3)
    assert np.allclose(class_accuracies(confusion), [1 / 2, 2 / 3, np.nan], equal_nan=True)
    assert class_accuracies(np.stack([confusion, confusion])).shape == (2, 3)
