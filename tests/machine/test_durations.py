"""Lengths of time in words: two digits, in the unit that suits them."""

from __future__ import annotations

import pytest

from nn_core.machine.durations import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.1234, "0.12 s"),
        (7.66, "7.7 s"),
        (89.4, "89 s"),
        (90, "1.5 min"),
        (1234, "21 min"),
        (5400, "1.5 h"),
        (360_000, "100 h"),
        (5_000_000, "1,389 h"),
    ],
)
def test_a_length_of_time_has_two_digits_and_a_unit_that_suits_it(seconds: float, words: str):
    assert duration(seconds) == words
