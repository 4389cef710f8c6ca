"""The output stage of the fast steps is the book's softmax and cross-entropy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.kernels.output import Output, OutputBuffers, target_table
from nn_core.nn.losses import CrossEntropy
from tests.numerical import relative_error


@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 100), st.sampled_from([0.0, 0.1, 0.9]))
def test_loss_and_gradient_of_some_images_of_a_batch_are_their_part_in_the_books(
    n: int, others: int, seed: int, smoothing: float
):
    rng, m = np.random.default_rng(seed), n + others
    logits, labels = rng.normal(0, 5, (m, 10)), rng.integers(0, 10, m)
    output = Output(OutputBuffers(n + 3, np.float64), n, m)
    output.logits[...] = logits[:n].T
    output.targets[...] = target_table(smoothing, np.float64).take(labels[:n], axis=1)
    loss = output.run()
    assert loss == pytest.approx(n * CrossEntropy.value(logits[:n], labels[:n], smoothing))
    assert relative_error(output.logits.T, CrossEntropy.gradient(logits, labels, smoothing)[:n]) < 1e-12


def test_huge_logits_do_not_overflow():
    output = Output(OutputBuffers(2, np.float32), 2, 2)
    output.logits[...] = 1e30
    output.logits[3] = -1e30
    output.targets[...] = target_table(0.0, np.float32).take([0, 1], axis=1)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = output.run()
    assert loss == pytest.approx(2 * np.log(9)) and np.isfinite(output.logits).all()
