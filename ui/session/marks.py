"""Presses on the marks of verdicts on the curves."""

from __future__ import annotations

from ui.session.selection import clicked
from ui.session.time_machine import look


def look_marked(key: str) -> None:
    """The mark of a verdict was clicked on the curves of this key: the pages show the step at which it began."""
    event = clicked(key, "look")
    if event is not None:
        look(event["step"])
