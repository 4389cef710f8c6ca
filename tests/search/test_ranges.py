"""The ranges that a search begins with: inside what a field takes, and where networks learn."""

from __future__ import annotations

import pytest

from nn_core.config.run_config import all_settings, setting
from nn_core.search import Span, Values, suggested, varied_settings


@pytest.mark.parametrize("item", [each for each in all_settings() if each.searched], ids=lambda item: item.name)
def test_a_fields_own_search_range_is_what_is_suggested_and_the_field_takes_both_ends(item):
    low, high = item.searched
    assert suggested(item) == Span(low, high, item.log)
    assert item.check(low) == low < high == item.check(high)
    assert item.low <= low and high <= item.high


def test_no_initialization_that_cannot_learn_is_suggested():
    found = suggested(setting("init"))
    assert isinstance(found, Values) and "he" in found.values
    assert not {"zeros", "constant"} & set(found.values)


def test_redrawn_labels_are_part_of_the_question_and_not_searched():
    assert setting("label_noise") not in varied_settings()


def test_a_search_of_the_l2_penalty_begins_below_what_stops_learning():
    found = suggested(setting("l2"))
    assert isinstance(found, Span) and found.log and found.low <= 1e-5 and found.high <= 0.03
