"""The ghost: a pinned run, dashed behind the one on the pages, and in one line what differs between the two."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nn_core.explain import first_filters, outgoing_weights
from nn_core.machine.memory import Array
from nn_core.nn.losses import loss_of
from nn_core.runs import Snapshot, began_with_its_seed, changed_while_training
from nn_core.store import StoredRun
from nn_core.training import Frame, in_effect
from ui import session
from ui.charts import tiles
from ui.charts.walls import tile_wall
from ui.components.live_plot import live_plot
from ui.words import plain


def behind(shot: Snapshot | None) -> StoredRun | None:
    """The ghost that is drawn behind a run; None where none is pinned, and behind the ghost itself."""
    pinned = session.ghost()
    return None if pinned is None or (shot is not None and shot.run_id == pinned.id) else pinned


def curves(pinned: StoredRun | None) -> dict[str, Any]:
    """The arguments of `ui.charts.curves.curves` for the ghost."""
    return {} if pinned is None else {"ghost": session.series_of(pinned), "ghost_name": "ghost"}


def frame(pinned: StoredRun, step: int) -> Frame | None:
    """The ghost as it was at a step, or as shortly before it as it was kept; None where nothing of it can be read."""
    before = [frame for frame in session.film_of(pinned) if frame.step <= step]
    return before[-1] if before else None


def walls(
    shot: Snapshot | None,
    W: Array,
    *,
    key: str,
    height: int,
    title: str,
    order: Array | None = None,
    outgoing: Array | None = None,
    shared_scale: bool = True,
    clickable: bool = False,
    **options: Any,
) -> None:
    """A wall of the first-layer filters W (side * side, n), and where a ghost is pinned the ghost's at its right.

    Both are of about the same step, on one scale and in as many columns; of equally many filters in the same order.
    `options` are those of `ui.charts.walls.tile_wall`.
    """
    pinned = behind(shot) if shot is not None else None
    kept = frame(pinned, shot.step) if pinned is not None and shot is not None else None
    common: dict[str, Any] = {"shared_scale": shared_scale, "dark": session.is_dark()}
    if kept is not None:
        theirs = kept.weights()
        common["limit"] = max(float(tiles.weight_limits(each, True)[0]) for each in (W, first_filters(theirs)))
    own = tile_wall(W, title=title, order=order, outgoing=outgoing, **common, **options)
    if kept is None:
        live_plot(own, key=key, height=height, clickable=clickable)
        return
    n_units = first_filters(theirs).shape[1]
    others = tile_wall(
        first_filters(theirs),
        title=f"The ghost at step {kept.step:,}",
        order=order if order is not None and len(order) == n_units else None,
        outgoing=outgoing_weights(theirs) if outgoing is not None else None,
        columns=len(own.data[0].z[0]),
        **common,
    )
    left, right = st.columns(2)
    with left:
        live_plot(own, key=key, height=height, clickable=clickable)
    with right:
        live_plot(others, key=f"{key}-ghost", height=height)


def sentence(shot: Snapshot, pinned: StoredRun) -> str:
    """In one line what differs between a run and the ghost, and whether both began with the same weights."""
    parts = [f"{shot.started_as.diff(pinned.config)}."]
    own, other = loss_of(shot.started_as).unit, loss_of(pinned.config).unit
    if own != other:
        parts.append(f"Their losses cannot be compared: here {own}, in the ghost {other}.")
    changed = changed_while_training(
        {"here": in_effect(shot.edits, shot.step), "in the ghost": in_effect(pinned.edits, pinned.step)}
    )
    if changed:
        parts.append(changed)
    if shot.parent is None and pinned.parent is None:
        both = all(map(began_with_its_seed, (shot.series, session.series_of(pinned))))
        if both and session.start_alike(shot.started_as, pinned.config):
            parts.append("Both started from the same weights.")
    elif shot.parent is not None and shot.parent.run == pinned.id:
        parts.append(f"This run branched from the ghost at step {shot.parent.step:,}.")
    return " ".join(parts)


def line(shot: Snapshot | None) -> None:
    """What differs between the run on the page and the ghost; nothing where no ghost is drawn."""
    pinned = behind(shot)
    if pinned is not None and shot is not None:
        st.markdown(f":gray-badge[ghost] **{plain(pinned.title)}**: {plain(sentence(shot, pinned))}")


def pin_button(shot: Snapshot | None) -> None:
    """Pins the run on the page as the ghost, or takes the ghost away."""
    pinned = session.ghost()
    if pinned is not None:
        own = shot is not None and shot.run_id == pinned.id
        about = "This run is the ghost: train another to see both." if own else f"The ghost is {plain(pinned.title)}."
        st.button(
            "Unpin ghost",
            icon=":material/push_pin:",
            key="unpin-ghost",
            on_click=session.pin_ghost,
            args=(None,),
            type="tertiary",
            help=about,
        )
        return
    about = "Pin this run as the ghost: its curves stay, dashed, behind those of the runs after it."
    st.button(
        "Pin as ghost",
        icon=":material/push_pin:",
        key="pin-ghost",
        on_click=session.pin_ghost,
        args=(shot.run_id if shot else None,),
        type="tertiary",
        disabled=shot is None or not shot.step,
        help=about,
    )
