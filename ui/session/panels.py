"""How a panel is drawn (guarded against errors, every second, or by itself), and how it sets and reads its widgets."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from nn_core import DataError
from ui.session.current import current_run
from ui.session.runs import pinned_id
from ui.session.time_machine import looked_at_step
from ui.words import plain

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0  # between two drawings of a live panel
ECHO_SECONDS = 4.0  # how long a browser may still send the old value of a widget that was given another one


@contextmanager
def guard(panel: str) -> Iterator[None]:
    """For use around what draws a panel: an exception becomes a sentence and a log entry, and ticking stops."""
    broken: set[str] = st.session_state.setdefault("broken", set())
    try:
        yield
    except Exception as error:
        log.exception("the panel %r could not be drawn", panel)
        known = panel in broken
        broken.add(panel)
        why = plain(str(error) if isinstance(error, DataError) else type(error).__name__)
        st.error(f"{plain(panel)} could not be drawn ({why}). Training is not affected.")
        st.button("Try again", key=f"again-{panel}", on_click=broken.discard, args=(panel,))
        if not known:
            st.rerun()  # the whole page once, so that a ticking panel loses its timer
    else:
        broken.discard(panel)


def trains() -> bool:
    """Whether the current run may change by itself: it trains, or is being measured."""
    return _current_trains()


def live(
    panel: str, draw: Callable[[], None], trains: Callable[[], bool] | None = None, every: float = TICK_SECONDS
) -> None:
    """Draw a panel, and again `every` second while the current run trains; after the last time, draw the whole page.

    `trains` says whether to go on, where that is not decided by the current run.
    """
    trains = trains or _current_trains
    whole = _whole_page()

    def broken() -> bool:
        return panel in st.session_state.get("broken", set())

    ticking = trains() and not broken()

    def drawing() -> None:
        if _whole_page() != whole:  # a callback has just changed it
            st.rerun()
        with guard(panel):
            draw()
        if _whole_page() != whole or (trains() != ticking and not broken()):
            st.rerun()

    st.fragment(drawing, run_every=every if ticking else None)()


def _whole_page() -> tuple[Any, ...]:
    """What several panels show: run, its settings and whether it trains, step, ghost, search, import, race, notices."""
    run = current_run()
    searched, imported = st.session_state.get("search"), st.session_state.get("import")
    lists = [tuple(st.session_state.get(name, ())) for name in ("race", "notices")]
    of_run = (run.settings, run.snapshot.is_training) if run is not None else ()  # asked to train, it may take a while
    return run, of_run, looked_at_step(), pinned_id(), searched, imported, *lists


def _current_trains() -> bool:
    run = current_run()
    if run is not None and run.snapshot.status == "elsewhere":
        return True  # what the program that trains it has saved is read again
    if run is None:
        return False
    shot = run.snapshot
    return shot.is_training or shot.is_measured or run.is_asked  # on a busy machine Train may take a while


def panel(name: str, draw: Callable[[], None]) -> None:
    """Draw a panel whose widgets and clicks draw only itself again, not the rest of the page."""

    def drawing() -> None:
        with guard(name):
            draw()

    st.fragment(drawing)()


def show_in_widget(key: str, value: Any) -> None:
    """Let the widget of this key show `value`, whatever it held; call it before the widget is made."""
    shown = st.session_state.get(key)
    if shown == value:
        return
    if key in st.session_state:
        overruled = st.session_state.setdefault("overruled", {})
        if not _is_echo(key, shown):  # an echo does not prolong the time
            overruled[key] = (shown, time.monotonic())
    st.session_state[key] = value


def by_hand(key: str, act: Callable[[Any], None]) -> Callable[[], None]:
    """The `on_change` of the widget of this key: calls `act` with the new value, if it was the visitor who changed it.

    Each rerun sends along what the browser's widgets hold. That may still be the old value of a widget that
    `show_in_widget` has given another one (a setting that another tab has changed, say).
    """

    def changed() -> None:
        value = st.session_state.get(key)
        if not _is_echo(key, value):
            act(value)

    return changed


def _is_echo(key: str, value: Any) -> bool:
    """Whether this is the old value of a widget that has just been given another one."""
    before, since = st.session_state.get("overruled", {}).get(key, (None, -math.inf))
    return value == before and time.monotonic() - since < ECHO_SECONDS


def widget_value(key: str) -> Any:
    """What the widget of this key holds now (in its callback: what it was just set to)."""
    return st.session_state.get(key)


def is_dark() -> bool:
    """Whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"
