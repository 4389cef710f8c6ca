"""The transport bar (train or pause, one step, one epoch, reset), the status under it, and the slider of the speed."""

from __future__ import annotations

import streamlit as st

from nn_core.runs import SPEEDS, Run, Snapshot, branching
from ui import session
from ui.panels import time_machine
from ui.sidebar.settings import labels
from ui.words import STATUS_WORDS, Markdown, accuracy_of, plain, step_of, when_scored

SHAPING = set(branching.SHAPING)  # settings that no branch can change


def transport() -> None:
    """The main button, and four smaller ones, their names under their icons."""
    with st.container(key="transport", horizontal=True, gap="small"):
        train_button()
        for label, icon, name, help_text, command in (
            ("Step", ":material/skip_next:", "step", "One batch, one update", session.command(Run.step_once)),
            ("Epoch", ":material/fast_forward:", "epoch", "To the end of the epoch", session.command(Run.epoch_once)),
            ("Reset", ":material/restart_alt:", "reset", "Back to step 0, with the same seed", session.reset),
            ("Seed", ":material/casino:", "dice", "A new random seed, at step 0", lambda: session.reset(new_seed=True)),
        ):
            st.button(label, icon=icon, key=name, help=help_text, on_click=command, width="stretch")


def train_button(key: str = "") -> None:
    """Train or pause, whichever is possible now; the label says where Train would start a new network."""
    shot = session.live_snapshot()
    elsewhere = shot is not None and shot.status == "elsewhere"
    foreign = shot is not None and (elsewhere or not session.may_change(shot.run_id))
    if foreign and not SHAPING & set(session.pending_changes()):
        _branch_button(key, "Another program trains this run." if elsewhere else "This run is another visitor's.")
        return
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


def _branch_button(key: str, why: str) -> None:
    """Where another's run is on the page."""
    st.button(
        "Branch",
        icon=":material/play_arrow:",
        type="primary",
        width="stretch",
        on_click=session.train_branch,
        key=f"{key}train",
        help=f"{plain(why)} Trains a branch of it, which begins where it stands and is yours.",
    )


def _pause() -> None:
    run = session.current_run()
    if run is not None:
        run.pause().wait(session.COMMAND_SECONDS)


def status() -> None:
    """How well the network reads and how far it is, the scrubber, and a warning where the run cannot be saved."""
    shot, live = session.snapshot(), session.live_snapshot()
    if shot is None or live is None:
        st.markdown(
            f"**No network yet**  \n:small[Train makes one and trains it for {session.draft().epochs:,} epochs]"
        )
    elif shot is not live:
        time_machine.status(shot, live, _doing(live))
    else:
        note = "  \n".join(sentence for sentence in (when_scored(shot), plain(shot.message)) if sentence)
        st.markdown(
            f"**{accuracy_of(shot)}** validation · **epoch {shot.epoch:.1f}**  \n"
            f":small[{step_of(shot)} · {_doing(shot)}]",
            help=note or None,
        )
    time_machine.slider("scrubber")
    if live is not None and not session.may_change(live.run_id):
        st.markdown(":small[:gray[Another visitor's run: look at it, or branch from it.]]")
    if live is not None and live.status == "elsewhere":
        st.markdown(":small[:gray[Shown as it was saved last. Branch trains a copy of it here.]]")
    if live is not None and live.not_saved:
        st.markdown(f":small[:orange[{plain(live.not_saved)}]]")


def _doing(shot: Snapshot) -> Markdown:
    return f"{shot.samples_per_second:,.0f} images/s" if shot.status == "training" else STATUS_WORDS[shot.status].line


def speed() -> None:
    """How fast the current run trains: full speed, or a few steps a frame."""
    pace, key = session.speed(), "speed"
    session.show_in_widget(key, pace)
    st.select_slider(
        f"Speed **{plain(pace)}**" if pace == "full" else f"Steps per frame **{plain(pace)}**",
        list(SPEEDS)[::-1],
        pace,
        key=key,
        help="Full speed, or this many steps per frame (two frames per second), to watch single updates.",
        on_change=session.by_hand(key, session.set_speed),
    )
