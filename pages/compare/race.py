"""Race: two to four settings side by side, trained in fair turns under one transport bar."""

from collections.abc import Callable
from threading import Event

import numpy as np
import streamlit as st

from nn_core.explain import first_filters
from nn_core.runs import Run, Snapshot, telling_names
from ui import session
from ui.charts.curve_traces import Overlaid
from ui.charts.walls import tile_wall
from ui.components.live_plot import live_plot
from ui.panels import overlay, race_start
from ui.words import STATUS_WORDS, accuracy_of, plain


def race() -> None:
    """The transport bar, the curves over one another, and under them one column a racer."""
    runs = session.race()
    if not runs:
        return
    shots = [run.snapshot for run in runs]
    transport(shots)
    names = telling_names([shot.started_as for shot in shots], [""] * len(shots))
    lanes = [
        Overlaid(name, shot.series, slot, shot.model.loss.unit)
        for slot, (name, shot) in enumerate(zip(names, shots, strict=True))
    ]
    overlay.charts(lanes, key="race", height=235)
    scores = [shot.scored.accuracy if shot.scored and shot.step else 0.0 for shot in shots]
    first = int(np.argmax(scores)) if max(scores) > 0 else -1
    for at, column in enumerate(st.columns(len(runs))):
        with column:
            racer(runs[at], shots[at], lanes[at], ahead=at == first)


def transport(shots: list[Snapshot]) -> None:
    """One command for all."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if any(shot.is_training for shot in shots):
            st.button(
                "Pause all", icon=":material/pause:", type="primary", key="race-pause", on_click=command(Run.pause)
            )
        else:
            st.button(
                "Train all", icon=":material/play_arrow:", type="primary", key="race-train", on_click=command(Run.play)
            )
        st.button("One epoch each", icon=":material/fast_forward:", key="race-epoch", on_click=command(Run.epoch_once))
        configs = [shot.started_as for shot in shots]
        st.button(
            "Start anew",
            icon=":material/restart_alt:",
            key="race-anew",
            on_click=session.start_race,
            args=(configs,),
            help="The same settings once more, from step 0; the runs of this race stay in the list.",
        )
        st.space("stretch")
        st.markdown(f":small[{plain(overlay.alike_sentence(configs))}]", width="content")
        st.button(
            "Close",
            icon=":material/close:",
            key="race-end",
            on_click=session.end_race,
            type="tertiary",
            help="The runs stay in the list.",
        )


def command(send: Callable[[Run], Event]) -> Callable[[], None]:
    """What a button of the transport bar does."""
    return lambda: session.command_race(send)


def racer(run: Run, shot: Snapshot, lane: Overlaid, ahead: bool) -> None:
    """One network: its name, how it does, and its filters."""
    st.html(f'<div style="font-size:.9rem;overflow:hidden;text-overflow:ellipsis">{overlay.entry(lane)}</div>')
    badge = " :green-badge[ahead]" if ahead else ""
    st.markdown(
        f"**{accuracy_of(shot)}** validation{badge}  \n:small[epoch {shot.epoch:.1f} · {shot.seconds:.1f} s · "
        f"{STATUS_WORDS[shot.status].line}]",
        help=plain(shot.message) or None,
    )
    W = first_filters(shot.weights)
    wall = tile_wall(W, aspect=1.9, dark=session.is_dark(), title=f"W1 at step {shot.step:,}")
    live_plot(wall, key=f"race-filters-{lane.slot}", height=215)
    st.button(
        "Make current",
        icon=":material/open_in_new:",
        key=f"race-open-{lane.slot}",
        on_click=session.open_run,
        args=(run.id,),
        type="tertiary",
    )


if session.race():
    session.live("The race", race, session.race_trains)
else:
    race_start.offer()
