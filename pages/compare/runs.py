"""Runs: all that was ever trained, in one list; ticked runs over one another, their settings side by side."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from ui import controls, ghost, overlay, run_rows, session, sharing
from ui.curve_traces import run_colour
from ui.run_table import Shown, View, run_table
from ui.words import plain

TABLE = "runs-table"


def listing() -> None:
    """The list, what was just deleted, and the ticked runs over one another."""
    runs = session.runs()
    current, pinned = session.current_run(), session.ghost()
    view: View = session.chosen("runs-view", View())
    ticked = run_rows.kept(view.selected, runs)
    slots = overlay.slots([run.id for run in ticked], session.chosen("runs-slots", {}))
    session.choose("runs-slots", slots)
    listed = run_rows.rows(runs, current=current.id if current else None, ghost=pinned.id if pinned else None)
    colours = {run_id: run_colour(slot, session.is_dark()) for run_id, slot in slots.items()}
    shown = Shown(listed, run_rows.facets(listed, view.facets), colours, view, session.chosen("runs-version", 0))
    run_table(shown, key=TABLE, on_view=keep_view, on_act=act)
    below()
    one = ticked[0].id if len(ticked) == 1 else current.id if current else None
    sharing.controls(next((run for run in runs if run.id == one), None))
    shot = session.snapshot()
    ghost.line(shot)
    if not ticked:
        st.caption(
            "Tick runs to lay their curves over one another. A name opens its run on all pages; "
            "the ghost stands dashed behind every other run."
        )
        return
    overlay.curves(ticked, slots)
    if 2 <= len(ticked) <= 4 and st.button("Race these settings", icon=":material/flag:", key="race-ticked"):
        session.start_race([run.config for run in ticked])
        st.switch_page("pages/compare/race.py")
    overlay.settings(ticked)


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


def delete(asked: Mapping[str, Any]) -> None:
    """Move runs to the trash, and offer to take it back."""
    names = {run.id: run.title for run in session.runs()}
    deleted = session.delete_runs(list(asked["ids"]))
    session.choose("deleted", {run_id: names[run_id] for run_id in deleted if run_id in names})


ACTS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "open": lambda asked: session.open_run(asked["id"]),
    "star": lambda asked: session.change_stored(lambda store: store.star(asked["id"], bool(asked["value"]))),
    "rename": rename,
    "ghost": lambda asked: session.pin_ghost(asked["id"] if asked["value"] else None),
    "delete": delete,
}


def below() -> None:
    """Under the list: what was deleted last, what could not be read, and the trash."""
    deleted: dict[str, str] = session.chosen("deleted", {})
    trash = session.in_trash()
    unread = session.unreadable()
    if not deleted and not trash and not unread:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if deleted:
            what = plain(next(iter(deleted.values()))) if len(deleted) == 1 else f"{len(deleted)} runs"
            st.markdown(f"Deleted **{what}**.", width="content")
            st.button("Undo", key="undo-delete", on_click=restore, args=(list(deleted),), type="tertiary")
        st.space("stretch")
        if unread:
            with st.popover(f"{len(unread)} unreadable", type="tertiary"):
                st.markdown("\n\n".join(plain(sentence) for sentence in unread))
        if trash:
            with st.popover("Trash", icon=":material/delete:", type="tertiary"):
                many = "1 deleted run" if len(trash) == 1 else f"{len(trash)} deleted runs"
                st.markdown(f"{many}. The trash is never emptied by itself.")
                st.button("Bring back", key="restore-all", on_click=restore, args=(trash,), width="stretch")
                st.button("Remove for good", key="empty-trash", on_click=empty_trash, width="stretch")


def restore(run_ids: list[str]) -> None:
    """Bring runs back from the trash."""
    session.restore_runs(run_ids)
    session.choose("deleted", {})


def empty_trash() -> None:
    """Remove all deleted runs from the disk."""
    session.change_stored(lambda store: store.purge())
    session.choose("deleted", {})


if session.runs() or session.in_trash():
    session.live("The runs", listing, session.any_trains)
else:
    controls.empty_state("The list of all runs")
    sharing.controls(None)
