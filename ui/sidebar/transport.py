"""The transport bar: train or pause, one step, one epoch, reset; the status under it, and the speed."""

from __future__ import annotations

import streamlit as st

from nn_core.runs.run import SPEEDS, Run
from nn_core.runs.snapshot import Snapshot
from ui import session
from ui.panels import time_machine
from ui.sidebar.settings import labels
from ui.words import plain

STATUS_WORDS = {
    "ready": "ready, not trained yet",
    "training": "training",
    "waiting": "waiting for a free place",
    "paused": "paused",
    "finished": "finished",
    "diverged": "stopped: diverged",
    "failed": "stopped: error",
}


def transport() -> None:
    train, step, epoch, reset, dice = st.columns([3.2, 1, 1, 1, 1])
    with train:
        train_button()
    for column, icon, name, help_text, command in (
        (step, ":material/skip_next:", "step", "One step: one batch, one update", session.command(Run.step_once)),
        (
            epoch,
            ":material/fast_forward:",
            "epoch",
            "One epoch: to its end",
            session.command(Run.epoch_once),
        ),
        (reset, ":material/restart_alt:", "reset", "Reset: the same seed, before any learning", session.reset),
        (dice, ":material/casino:", "dice", "Dice: reset with a new seed", lambda: session.reset(new_seed=True)),
    ):
        column.button("", icon=icon, key=name, help=help_text, on_click=command, width="stretch")


def train_button(key: str = "") -> None:
    """Train or pause, whichever is possible now; says so when it would start a new network."""
    shot = session.live_snapshot()
    if shot is not None and shot.is_training:
        st.button("Pause", icon=":material/pause:", type="primary", width="stretch", on_click=_pause, key=f"{key}pause")
        return
    pending = session.starts_anew()
    st.button(
        "Train anew" if pending and shot is not None and shot.step else "Train",
        icon=":material/play_arrow:",
        type="primary",
        width="stretch",
        on_click=session.command(Run.play),
        key=f"{key}train",
        help=f"Starts a new network. Changed: {labels(pending)}." if pending else None,
    )


def _pause() -> None:
    run = session.current_run()
    if run is not None:
        run.pause().wait(session.COMMAND_SECONDS)


def status() -> None:
    """How well it reads and where it stands, the scrubber, and what is not being saved."""
    shot, live = session.snapshot(), session.live_snapshot()
    if shot is None or live is None:
        st.markdown("**No network yet**  \n:small[Train makes one from the settings below]")
    elif shot is not live:
        time_machine.status(shot, live, _doing(live))
    else:
        accuracy, scored = "not scored", None
        if shot.scores:
            accuracy = f"{shot.scores.val_accuracy:.1%}"
            scored = f"Of the validation images, read right at step {shot.scores.step:,}, when it was last scored."
        note = "  \n".join(sentence for sentence in (scored, shot.message) if sentence)
        st.markdown(
            f"**{accuracy}** validation · **epoch {shot.epoch:.1f}**  \n:small[step {shot.step:,} · {_doing(shot)}]",
            help=note or None,
        )
    time_machine.slider("scrubber")
    if live is not None and live.not_saved:
        st.markdown(f":small[:orange[{plain(live.not_saved)}]]")


def _doing(shot: Snapshot) -> str:
    return f"{shot.samples_per_second:,.0f} images/s" if shot.status == "training" else STATUS_WORDS[shot.status]


def speed() -> None:
    speed = session.speed()
    key = "speed"
    session.show_in_widget(key, speed)
    st.select_slider(
        f"Speed **{speed}**" if speed == "full" else f"Steps a frame **{speed}**",
        list(SPEEDS)[::-1],
        speed,
        key=key,
        help="Full, or so many steps a frame (two frames a second), to watch single updates.",
        on_change=session.by_hand(key, session.set_speed),
    )
