"""Runs: all that was ever trained, in one list; ticked runs over one another, their settings side by side."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from nn_core.runs import kept
from ui import session
from ui.charts.curve_traces import run_colour
from ui.components import run_rows
from ui.components.run_table import Shown, View, run_table
from ui.panels import ghost, overlay, run_tools, sharing, trash
from ui.panels.empty_state import empty_state

TABLE = "runs-table"


def listing() -> None:
    """The list, what was just deleted, and the ticked runs over one another."""
    runs = session.runs()
    current, pinned = session.current_run(), session.ghost()
    view: View = session.chosen("runs-view", View())
    ticked = kept(view.selected, runs)
    slots = overlay.slots([run.id for run in ticked], session.chosen("runs-slots", {}))
    session.choose("runs-slots", slots)
    listed = run_rows.rows(
        runs,
        current=current.id if current else None,
        ghost=pinned.id if pinned else None,
        unreadable=session.unreadable(),
        columns=view.columns,
    )
    colours = {run_id: run_colour(slot, session.is_dark()) for run_id, slot in slots.items()}
    shown = Shown(listed, run_rows.facets(listed, view.facets), colours, run_rows.offered_columns(runs), view)
    run_table(shown, key=TABLE, on_view=keep_view, on_act=act)
    one = ticked[0].id if len(ticked) == 1 else current.id if current else None
    with st.container(horizontal=True, vertical_alignment="center"):
        run_tools.of_ticked(ticked)
        trash.undo()
        st.space("stretch")
        run_tools.as_table(ticked or runs, len(ticked))
        sharing.controls(next((run for run in runs if run.id == one), None))
        trash.popovers()
    shot = session.snapshot()
    ghost.line(shot)
    if not ticked:
        st.caption(
            "Tick runs to compare their curves. Click a name to make that run the current one. "
            "The ghost is drawn dashed behind every other run."
        )
        return
    called = {row["id"]: row["name"] for row in listed}
    overlay.curves(ticked, slots, called)
    overlay.settings(ticked, called)


def keep_view() -> None:
    """Order, filter or ticks were changed in the browser."""
    session.choose("runs-view", View.from_browser(session.widget_value(TABLE)["view"]))


def act() -> None:
    """Something was asked for in the list."""
    asked = session.widget_value(TABLE)["act"]
    ACTS[asked["kind"]](asked)


def rename(asked: Mapping[str, Any]) -> None:
    """Give a run a name of its own; an empty one takes it away."""
    session.change_stored(lambda store: store.rename(asked["id"], str(asked["name"])))


ACTS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "open": lambda asked: session.open_run(asked["id"]),
    "star": lambda asked: session.change_stored(lambda store: store.star(asked["id"], bool(asked["value"]))),
    "rename": rename,
    "note": lambda asked: session.change_stored(lambda store: store.note(asked["id"], str(asked["text"]))),
    "tags": lambda asked: session.change_stored(lambda store: store.tag(asked["id"], str(asked["text"]).split(","))),
    "ghost": lambda asked: session.pin_ghost(asked["id"] if asked["value"] else None),
    "delete": lambda asked: trash.throw(list(asked["ids"])),
}


if session.runs() or session.unreadable() or session.in_trash():
    session.live("The runs", listing, session.any_trains)
else:
    empty_state("The list of all runs")
    st.markdown(
        "Every network that you train is kept here, with its settings, curves and weights: to be compared with others, "
        "raced against them, trained on, or taken elsewhere."
    )
    sharing.controls(None)
