"""The comparison with other frameworks: one at a time for the whole server, as it takes all of the machine."""

from __future__ import annotations

import threading

from nn_core import RunConfig
from nn_core.frameworks import Comparison, tasks
from ui.session.notices import notify
from ui.session.once import Once
from ui.session.visitor import shared, visitor


class _Room:
    """Holds the newest comparison."""

    def __init__(self) -> None:
        self.comparison: Comparison | None = None
        self.lock = threading.Lock()


@Once
def _room() -> _Room:
    return _Room()


def comparison() -> Comparison | None:
    """The one that runs, or the last one of this server."""
    return _room().comparison


def may_compare() -> bool:
    """Whether this visitor may start one: on a shared server its owner alone."""
    return not shared().is_on or visitor().is_owner


def compares() -> bool:
    """Whether one runs."""
    found = comparison()
    return found is not None and not found.shown.is_over


def start_comparison(config: RunConfig, chosen: list[str], *, quick: bool, quoted: bool, identical: bool) -> None:
    """Begin one, where none runs."""
    if not may_compare():
        notify("On a shared server only its owner may compare frameworks: it takes the whole machine.")
        return
    room = _room()
    with room.lock:
        if compares():
            notify("A comparison is under way already; it is shown here.")
            return
        wanted = tasks(config, quick=quick, quoted=quoted, only=chosen)
        room.comparison = Comparison(wanted, identical=identical, all_ways=not quick)
        room.comparison.start()


def cancel_comparison() -> None:
    """End it; what was measured stays."""
    found = comparison()
    if found is not None and may_compare():
        threading.Thread(target=found.cancel, name="cancels a comparison").start()


def forget_comparison() -> None:
    """Back to the setup."""
    if not compares() and may_compare():
        _room().comparison = None
