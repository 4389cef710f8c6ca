"""How far the network that reads a sketch may be trusted: found out beside the page, kept, and used."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import streamlit as st

from nn_core.machine.memory import Array
from nn_core.sketch.doubt import Doubt, doubt_of, is_learned
from nn_core.sketch.reading import Readings, judged
from ui.session.readers import Reader
from ui.session.selection import READING_SECONDS

WAIT_SECONDS = 0.25  # that a drawing of the page waits for it; most networks take less


@dataclass
class _Found:
    """What was found out about a network, and until when it serves for what that network has become."""

    name: str
    doubt: Doubt
    fresh_until: float


@st.cache_resource(show_spinner=False)
def _beside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="doubt")


def readings(of: Reader, images: Array) -> Readings | None:
    """What this network reads on images (n, 28, 28), and how sure that is; None while the latter is being found out."""
    doubt = doubt_about(of)
    return None if doubt is None else judged(images, of.model, doubt)


def doubt_about(of: Reader) -> Doubt | None:
    """What is known about this network; None while it is being found out for the first time.

    While a network trains, what is known serves for a while, so that finding it takes at most a tenth of the time.
    """
    kept: _Found | None = st.session_state.get("doubt")
    mine = kept if kept is not None and kept.name == of.name else None
    if is_learned(of.model):
        return _keep(of, doubt_of(of.model), 0.0)
    if mine is not None and of.learns and time.monotonic() < mine.fresh_until:
        return mine.doubt
    asked: tuple[str, Future[tuple[Doubt, float]]] | None = st.session_state.get("doubt asked")
    if asked is None or asked[0] != of.name:
        asked = of.name, _beside().submit(_find_out, of)
        st.session_state["doubt asked"] = asked
    done, _ = wait([asked[1]], timeout=WAIT_SECONDS if mine is None else 0)
    if not done:
        return None if mine is None else mine.doubt
    del st.session_state["doubt asked"]
    return _keep(of, *asked[1].result())


def _keep(of: Reader, doubt: Doubt, seconds: float) -> Doubt:
    fresh_until = time.monotonic() + max(READING_SECONDS, 10 * seconds)
    st.session_state["doubt"] = _Found(of.name, doubt, fresh_until)
    return doubt


def _find_out(of: Reader) -> tuple[Doubt, float]:
    started = time.monotonic()
    doubt = doubt_of(of.model)
    return doubt, time.monotonic() - started


def is_finding_out() -> bool:
    """Whether the answer is on its way."""
    return "doubt asked" in st.session_state
