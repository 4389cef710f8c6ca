"""Taking a live change of the current run back by one press, and making it again."""

from __future__ import annotations

from typing import Any

from nn_core.runs import to_undo_and_redo
from nn_core.training import Edit
from ui.session.current import current_run, edit
from ui.session.looking_back import end_look
from ui.session.selection import clicked


def changes_to_undo_and_redo() -> tuple[Edit | None, Edit | None]:
    """The live change that an undo takes back, and the one that a redo makes again."""
    run = current_run()
    return (None, None) if run is None else to_undo_and_redo(run.snapshot.edits, run.settings)


def set_back(setting: str, value: Any) -> None:
    """Give a live setting of the run a value that it had: a change like any other, of the run as it is now."""
    end_look()
    edit(setting, value)


def undo_marked(key: str) -> None:
    """The mark of a change was clicked on the curves of this key: that setting goes back to what it was before it."""
    run, event = current_run(), clicked(key, "undo")
    if run is not None and event is not None and event["edit"] < len(run.snapshot.edits):
        marked = run.snapshot.edits[event["edit"]]
        set_back(marked.setting, marked.old)
