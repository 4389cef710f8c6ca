"""The time machine on every page: the scrubber, a badge while one looks back, a branch's origin, and links."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from nn_core.runs import Snapshot
from ui import session
from ui.components.scrubber import scrubber
from ui.words import accuracy_of, plain, scored_at, when_scored


def slider(key: str, whole: bool = False) -> None:
    """The scrubber over the frames of the current run; it moves what all pages show.

    `whole` says that it stands outside of any fragment.
    """

    def look() -> None:
        event = session.clicked(key, "look")
        if event is not None:
            session.look(event["step"])
            session.choose("scrubbed", event["serial"])

    def branch() -> None:
        event = session.clicked(key, "branch")
        if event is not None:
            session.branch(event["step"])

    live, at, serial = session.live_snapshot(), session.looked_at_step(), session.chosen("scrubbed", 0)
    scrubber(live, at, serial=serial, key=key, whole=whole, on_look=look, on_branch=branch)


def badge() -> None:
    """While one looks back: says so over the header of the page, with a button that branches from there."""
    at = session.looked_at_step()
    with st.container(key="looking-back", horizontal=True, vertical_alignment="center", gap="small"):
        if at is None:
            return
        st.markdown(f":orange-badge[:material/history: step {at:,} · looking back]", width="content")
        st.button(
            "Branch from here",
            icon=":material/fork_right:",
            key="branch",
            type="tertiary",
            on_click=session.branch,
            args=(at,),
            help="A new run with the sidebar's settings that begins with the network of this step",
        )


def status(past: Snapshot, live: Snapshot, doing: str) -> None:
    """The status while one looks back: the scores of then, and what the run does meanwhile."""
    st.markdown(
        f"**{accuracy_of(past)}** validation · **epoch {past.epoch:.1f}**  \n"
        f":small[:orange[step {past.step:,} of {live.step:,}{scored_at(past)} · looking back]]",
        help=f"{when_scored(past)}  \nNow the run is at step {live.step:,}: {plain(doing)}.",
    )


def origin(shot: Snapshot | None) -> None:
    """The run that a branch came from, as a button that goes there."""
    if shot is None or shot.parent is None:
        return
    parent, title = shot.parent, session.parent_title(shot)
    optimizer = "went on from there" if parent.exact else "started anew, because only the weights of then were kept"
    if not title:
        st.markdown(
            f":small[Branched from run {plain(parent.run)}, which is no longer here, at step {parent.step:,}.]",
            help=f"The optimizer {optimizer}.",
        )
        return
    st.button(
        f"Branched from {plain(title)} at step {parent.step:,}",
        icon=":material/fork_right:",
        key="parent",
        type="tertiary",
        on_click=session.go_to,
        args=(parent.run, parent.step),
        help=f"Shows run {plain(parent.run)} as it was at that step. The optimizer of this branch {optimizer}.",
    )


def links() -> None:
    """Links to the settings, to the run, and to the run at the step that is looked at.

    Those to a run carry its settings: where it is not known, these are opened.
    """
    live, shot = session.live_snapshot(), session.snapshot()
    kinds = {"these settings": session.draft().in_effect().to_query()}
    if live is not None and shot is not None:
        kinds["this run"] = {"run": live.run_id, **live.config.to_query()}
        at = {"run": live.run_id, "step": str(shot.step), **shot.config.to_query()}
        kinds[f"this run at step {shot.step:,}"] = at
    parts = urlsplit(st.context.url or "")
    for name, query in kinds.items():
        st.caption(f"Link to {plain(name)}")
        base = f"{parts.scheme}://{parts.netloc}{parts.path or '/'}" if parts.netloc else ""
        st.code(f"{base}?{urlencode(query)}" if query else base, language=None, wrap_lines=True)
