"""How numbers are written: shares with a space before the sign, never rounded to certainty; losses in three digits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nn_core.config.choices import choices
from nn_core.machine.numbers import decimal, exact, loss, percent, probability, round_percent
from nn_core.nn.losses import Loss


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.947, "94.7 %"),
        (0.98249, "98.2 %"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.9998, "over 99.9 %"),
        (0.0002, "less than 0.1 %"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_a_share_has_one_digit_and_a_space_before_its_sign(share: float | None, words: str):
    assert percent(share) == words


@given(some.floats(0, 1, exclude_min=True, exclude_max=True))
def test_only_what_is_whole_is_called_whole_and_only_nothing_is_called_nothing(share: float):
    for words in (percent(share), exact(share), probability(share)):
        assert not words.startswith("100") and words not in ("0.0 %", "0.00 %")


def test_accuracies_that_are_compared_tell_one_image_in_5000_apart():
    assert (exact(4711 / 5000), exact(4712 / 5000)) == ("94.22 %", "94.24 %")


def test_no_network_is_certain():
    words = ("over 99.9 %", "less than 0.1 %", "50.0 %")
    assert (probability(1.0), probability(0.0), probability(0.5)) == words
    shares: list[float] = list(np.array([1, 0, 0.5], np.float32))  # what a model gives
    assert tuple(map(probability, shares)) == words


@pytest.mark.parametrize("loss", choices("loss"))
def test_an_output_far_ahead_is_written_alike_under_every_loss_although_its_probability_is_1(loss: str):
    target: type[Loss] = choices("loss")[loss].target
    p = target.probabilities(np.array([[200.0, *[0.0] * 9]], np.float32))[0]
    assert (p.max(), p.min()) == (1, 0)
    assert {probability(float(share)) for share in p} == {"over 99.9 %", "less than 0.1 %"}


@pytest.mark.parametrize(
    ("value", "words"),
    [(2.3026, "2.3"), (0.12345, "0.123"), (3012.4, "3,012"), (1.5e9, "1.5e+09"), (None, "–"), (float("inf"), "–")],
)
def test_a_loss_has_three_digits_and_no_exponent_as_far_as_that_can_be_read(value: float | None, words: str):
    assert loss(value) == words


def test_a_tick_has_no_zeros_at_its_end():
    assert [round_percent(share) for share in (0.9, 0.995, 0.9999)] == ["90 %", "99.5 %", "99.99 %"]


@pytest.mark.parametrize(("value", "words"), [(-0.3214, "−0.32"), (0.3214, "0.32"), (-0.001, "0.00"), (-12, "−12.00")])
def test_a_number_below_0_has_a_true_minus_and_nothing_is_minus_0(value: float, words: str):
    assert decimal(value) == words
