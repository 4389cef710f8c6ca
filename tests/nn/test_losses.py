"""Losses: their gradient is the numerical one, their values are those of the book, nothing overflows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nn_core.config.choices import choices
from nn_core.nn.losses import (
    CrossEntropy,
    LinearSquaredError,
    Loss,
    MeanSquaredError,
    l2_penalty,
    log_softmax,
    nearest_probabilities,
    softmax,
    targets,
)
from tests.numerical import numerical_gradient, relative_error

LOSSES = choices("loss")
any_logits = arrays(np.float64, st.tuples(st.integers(1, 5), st.just(10)), elements=st.floats(-1e4, 1e4))


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_gradient_of_a_loss_is_the_numerical_one(name: str, m: int, smoothing: float):
    loss: type[Loss] = LOSSES[name].target
    rng = np.random.default_rng(m)
    logits, labels = rng.normal(0, 3, (m, 10)), rng.integers(0, 10, m)
    before = logits.copy()
    gradient = loss.gradient(logits, labels, smoothing)
    assert np.array_equal(logits, before) and gradient.shape == logits.shape
    numerical = numerical_gradient(lambda: loss.value(logits, labels, smoothing), logits)
    assert relative_error(gradient, numerical) < 1e-6
    single = loss.gradient(logits.astype(np.float32), labels, smoothing)
    assert single.dtype == np.float32 and np.allclose(single, gradient, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_loss_and_its_gradient_are_those_of_pytorch(name: str, smoothing: float):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (7, 10)), rng.integers(0, 10, 7)
    z = torch.tensor(logits, requires_grad=True)
    if name == "cross_entropy":
        theirs = torch.nn.functional.cross_entropy(z, torch.tensor(labels), label_smoothing=smoothing)
    else:
        target = torch.eye(10, dtype=torch.float64)[labels] * (1 - smoothing) + smoothing / 10
        mse = torch.nn.functional.mse_loss
        theirs = mse(z.softmax(dim=1), target) if name == "mse" else mse(z, target, reduction="sum") / (2 * 7)
    theirs.backward()
    loss = LOSSES[name].target
    assert loss.value(logits, labels, smoothing) == pytest.approx(theirs.item(), rel=1e-12)
    assert np.allclose(loss.gradient(logits, labels, smoothing), z.grad.numpy(), rtol=1e-9, atol=1e-15)


def test_squared_error_has_the_value_and_gradient_derived_by_hand():
    logits = np.log(np.array([[1.0, 1.0, 2.0]]))  # p = 1/4, 1/4, 1/2; off by 1/4, 1/4, -1/2 from the third class
    assert MeanSquaredError.value(logits, np.array([2])) == pytest.approx((1 / 16 + 1 / 16 + 1 / 4) / 3)
    # g = 2/3 (1/4, 1/4, -1/2), <p, g> = -1/12, p (g - <p, g>) = (1/16, 1/16, -1/8)
    assert np.allclose(MeanSquaredError.gradient(logits, np.array([2])), [[1 / 16, 1 / 16, -1 / 8]])


def test_squared_error_of_linear_outputs_has_the_value_and_gradient_derived_by_hand():
    outputs, labels = np.array([[0.5, 0.0, 2.0], [1.0, 0.0, 0.0]]), np.array([2, 0])  # the second is as it should be
    assert LinearSquaredError.value(outputs, labels) == pytest.approx((0.25 + 0 + 1) / 2 / 2)
    assert np.allclose(LinearSquaredError.gradient(outputs, labels), np.array([[0.25, 0, 0.5], [0, 0, 0]]))


def test_the_two_squared_errors_have_names_that_tell_them_apart():
    assert LOSSES["mse"].label == "Squared error after softmax"
    assert LOSSES["linear_mse"].label == "Squared error, linear outputs"


@pytest.mark.parametrize(
    ("outputs", "nearest"),
    [
        ([1.0, 0.0, 0.0], [1, 0, 0]),
        ([0.5, 0.3, 0.2], [0.5, 0.3, 0.2]),
        ([0.6, 0.4, -0.2], [0.6, 0.4, 0]),
        ([0.8, 0.4, -0.5], [0.7, 0.3, 0]),
        ([3.0, 1.0, 0.0], [1, 0, 0]),
        ([-5.0, -5.0, -5.0], [1 / 3, 1 / 3, 1 / 3]),
        ([1e6, 1e6 + 0.5, 0], [0.25, 0.75, 0]),
    ],
)
def test_the_nearest_probabilities_are_those_derived_by_hand(outputs: list[float], nearest: list[float]):
    assert nearest_probabilities(np.array([outputs])) == pytest.approx(np.array([nearest]))


@given(any_logits)
def test_no_probabilities_are_nearer_to_the_outputs_than_the_nearest(outputs: np.ndarray):
    p = nearest_probabilities(outputs)
    assert (p >= 0).all() and np.allclose(p.sum(axis=1), 1, atol=1e-9)
    rows = np.arange(len(p))
    assert np.allclose(p[rows, outputs.argmax(axis=1)], p.max(axis=1))  # the same digit is read
    # nearest in a convex set: the way on to any of its corners leads away from the outputs, at an angle of 90 or more
    towards = np.eye(10)[None] - p[:, None]
    assert (np.einsum("mk,mjk->mj", outputs - p, towards) <= 1e-6 * (1 + np.abs(outputs).max())).all()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_what_is_shown_as_probabilities_sums_to_one_and_has_the_order_of_the_outputs(name: str):
    loss: type[Loss] = LOSSES[name].target
    outputs = np.random.default_rng(0).normal(0.1, 0.5, (50, 10)).astype(np.float32)
    p = loss.probabilities(outputs)
    assert p.dtype == np.float32 and np.allclose(p.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(p.argmax(axis=1), outputs.argmax(axis=1))
    assert bool(loss.about_probabilities) == (name == "linear_mse")


def test_curves_show_nats_whatever_is_trained_on_but_linear_outputs_show_their_own_loss():
    outputs, labels = np.log(np.array([[1.0, 2.0, 5.0]])), np.array([2])
    for name, expected in (("cross_entropy", math.log(8 / 5)), ("mse", math.log(8 / 5))):
        assert LOSSES[name].target.scored(outputs, labels) == pytest.approx(expected)
    own = LOSSES["linear_mse"].target
    assert own.scored(outputs, labels) == own.value(outputs, labels)
    assert (own.unit, LOSSES["mse"].target.unit) == ("half the squared error", "nats")


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_chance_is_the_lowest_that_equal_outputs_for_every_image_score(name: str):
    loss: type[Loss] = LOSSES[name].target
    labels = np.arange(10)
    scored = [loss.scored(np.full((10, 10), output), labels) for output in np.linspace(-1, 1, 201)]
    assert min(scored) == pytest.approx(loss.chance)


def test_smoothed_targets_sum_to_one_and_leave_the_label_ahead():
    t = targets(np.zeros((2, 10)), np.array([3, 0]), 0.2)
    assert np.allclose(t.sum(axis=1), 1) and t[0, 3] == pytest.approx(0.82) and t[1, 3] == pytest.approx(0.02)


def test_smoothed_cross_entropy_is_least_at_the_targets_themselves():
    labels = np.array([4])
    best = np.log(targets(np.zeros((1, 10)), labels, 0.3))
    assert np.allclose(CrossEntropy.gradient(best, labels, 0.3), 0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_loss_is_a_mean_so_that_a_batch_given_twice_costs_the_same(name: str):
    loss: type[Loss] = LOSSES[name].target
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(4, 10)), rng.integers(0, 10, 4)
    twice = loss.value(np.tile(logits, (2, 1)), np.tile(labels, 2))
    assert twice == pytest.approx(loss.value(logits, labels), rel=1e-12)


def test_the_unfinished_loss_says_so():
    with pytest.raises(TypeError):
        Loss.value(np.zeros((1, 10)), np.zeros(1, int))
    with pytest.raises(TypeError):
        Loss.gradient(np.zeros((1, 10)), np.zeros(1, int))


def test_cross_entropy_of_an_even_guess_is_the_logarithm_of_ten():
    assert CrossEntropy.value(np.full((3, 10), 7.0), np.array([0, 4, 9])) == pytest.approx(math.log(10), rel=1e-14)


def test_cross_entropy_has_the_value_derived_by_hand():
    logits = np.log(np.array([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]]))  # probabilities 1/8, 2/8, 5/8 and 3/8, 3/8, 2/8
    labels = np.array([2, 1])
    assert CrossEntropy.value(logits, labels) == pytest.approx((math.log(8 / 5) + math.log(8 / 3)) / 2, rel=1e-14)
    expected = np.array([[1 / 8, 2 / 8, -3 / 8], [3 / 8, -5 / 8, 2 / 8]]) / 2
    assert np.allclose(CrossEntropy.gradient(logits, labels), expected, rtol=1e-14)


@given(any_logits)
def test_probabilities_sum_to_one_and_agree_with_their_logarithms(logits: np.ndarray):
    with np.errstate(all="raise", under="ignore"):
        p, log_p = softmax(logits), log_softmax(logits)
    assert np.allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert np.isfinite(log_p).all() and (log_p <= 1e-12).all()
    assert np.allclose(np.exp(log_p), p, rtol=1e-9, atol=1e-300)


@given(any_logits, st.floats(-1e3, 1e3))
def test_probabilities_do_not_change_when_all_logits_move_together(logits: np.ndarray, shift: float):
    assert np.allclose(softmax(logits + shift), softmax(logits), rtol=1e-6, atol=1e-12)


def test_the_surprise_at_an_impossible_digit_is_finite_and_exact():
    logits = np.zeros((1, 10))
    logits[0, 0] = 2000.0
    assert CrossEntropy.value(logits, np.array([5])) == 2000.0


def test_the_penalty_is_half_the_strength_times_the_squares():
    assert l2_penalty([np.array([[1.0, 2.0]]), np.array([[3.0]])], 0.5) == 0.5 / 2 * (1 + 4 + 9)
    assert l2_penalty([], 0.5) == 0


def test_no_penalty_is_asked_of_weights_too_large_to_square():
    with np.errstate(all="ignore"):
        assert l2_penalty([np.full((2, 2), 1e30, np.float32)], 0.0) == 0
