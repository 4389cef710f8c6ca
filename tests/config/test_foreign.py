"""Values from files of others: what makes sense is taken over, the rest is refused by name, limit and value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.config import foreign

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
CHECKS: list[Callable[..., Any]] = [
    foreign.whole,
    foreign.real,
    foreign.share,
    foreign.any_number,
    foreign.flag,
    lambda values, name: foreign.text(values, name, 5),
]


@given(ANYTHING, st.sampled_from(CHECKS))
def test_a_value_is_taken_as_it_is_or_refused_by_name(value: Any, check: Callable[..., Any]):
    try:
        taken = check({"width": value}, "width")
    except ValueError as error:
        assert str(error).startswith("width must be ") and "got " in str(error) and len(str(error)) < 200
    else:
        assert taken == value or (math.isnan(taken) and math.isnan(value))


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, 10**15 + 1, 10**400, float("inf"), [1]])
def test_a_whole_number_is_one(value: Any):
    with pytest.raises(ValueError, match="width must be a whole number in"):
        foreign.whole({"width": value}, "width")
    assert foreign.whole({"width": 10**15}, "width") == 10**15


@pytest.mark.parametrize("value", [True, "1", None, -0.1, 1.1, float("nan"), 10**400])
def test_a_share_lies_between_0_and_1(value: Any):
    with pytest.raises(ValueError, match=r"width must be a number in \[0, 1\]"):
        foreign.share({"width": value}, "width")


@pytest.mark.parametrize("text", [b"[" * 100_000, "{" * 9, b"\xff\xfe", "1" * 5_000, "[1]", "NaN"])
def test_what_is_no_object_is_refused(text: Any):
    with pytest.raises(ValueError, match=r"."):
        foreign.parse_object(text, "it")
