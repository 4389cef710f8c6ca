"""Which live changes of a run can be taken back, and which can be made again.

Taking a change back is a change itself: it is in the list of edits like any other, and the run replays with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from nn_core.config.run_config import RunConfig
from nn_core.training.state import Edit


def to_undo_and_redo(edits: Sequence[Edit], config: RunConfig) -> tuple[Edit | None, Edit | None]:
    """The change that one undo takes back, and the one that a redo makes again; None where there is none.

    An edit that puts back the old value of the newest change not yet taken back counts as taking it back. `config` are
    the settings now: a branch may begin with others than its parent had, and then the parent's changes are no longer
    to be undone in it.
    """
    done: list[Edit] = []
    undone: list[Edit] = []
    for edit in edits:
        if done and _changes(edit) == _changes(done[-1])[::-1] and edit.setting == done[-1].setting:
            undone.append(done.pop())
        elif undone and edit.setting == undone[-1].setting and _changes(edit) == _changes(undone[-1]):
            done.append(undone.pop())
        else:
            done.append(edit)
            undone.clear()
    now = vars(config)
    undo = next((edit for edit in reversed(done) if now[edit.setting] == edit.new), None)
    redo = next((edit for edit in reversed(undone) if now[edit.setting] == edit.old), None)
    return undo, redo


def _changes(edit: Edit) -> tuple[object, object]:
    return edit.old, edit.new
