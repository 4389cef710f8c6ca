"""Taking live changes back: what one press takes back, and that it is itself a change."""

from __future__ import annotations

import pytest

from nn_core.config.run_config import RunConfig
from nn_core.runs.undo import to_undo_and_redo
from nn_core.training.state import Edit

SLIP, LATER = Edit(5, "lr", 0.1, 10.0), Edit(9, "l2", 0.0, 0.01)
SLIP_BACK, LATER_BACK = Edit(12, "lr", 10.0, 0.1), Edit(11, "l2", 0.01, 0.0)


@pytest.mark.parametrize(
    ("edits", "now", "undo", "redo"),
    [
        ([], {}, None, None),
        ([SLIP], {"lr": 10.0}, SLIP, None),
        ([SLIP, LATER], {"lr": 10.0, "l2": 0.01}, LATER, None),
        ([SLIP, LATER, LATER_BACK], {"lr": 10.0}, SLIP, LATER),
        ([SLIP, LATER, LATER_BACK, SLIP_BACK], {}, None, SLIP),
        ([SLIP, SLIP_BACK, SLIP], {"lr": 10.0}, SLIP, None),
        ([SLIP, SLIP_BACK, LATER], {"l2": 0.01}, LATER, None),
    ],
    ids=["none", "one", "the newest", "then the one before", "all", "made again", "another after an undo"],
)
def test_an_undo_takes_back_the_newest_change_that_stands_and_a_redo_makes_it_again(edits, now, undo, redo):
    assert to_undo_and_redo(edits, RunConfig(**now)) == (undo, redo)


def test_a_branch_that_begins_with_another_value_does_not_undo_its_parents_change():
    assert to_undo_and_redo([SLIP], RunConfig(lr=0.5)) == (None, None)
