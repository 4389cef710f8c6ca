"""What the server holds once for all visitors: the registry of runs, and results that are costly to work out."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime

from nn_core import Dataset, RunConfig, load_dataset
from nn_core.config import environment as env
from nn_core.data.dataset import Split
from nn_core.data.means import mean_images
from nn_core.machine.memory import Array, give_back, share_heaps
from nn_core.runs import RunRegistry
from nn_core.store import RunStore
from nn_core.training import measure_epoch_seconds
from ui.session.notices import notify
from ui.session.once import Once
from ui.session.visitor import access, shared
from ui.visitors.runs import SharedRegistry, SharedStore

TIDY_SECONDS = 20.0
SESSION_LOOKS = 8  # that memory is given back after that: Streamlit keeps a closed session for two minutes


@Once
def registry() -> RunRegistry:
    """The runs of this server and those on its disk, one registry for all; on a shared server it knows whose."""
    share_heaps()
    options: dict[str, Any] = {"max_training": env.MAX_TRAINING.read(), "lease_seconds": env.LEASE.read()}
    options["is_connected"] = _is_connected
    on = shared().is_on
    runs = SharedRegistry(SharedStore(access()), **options) if on else RunRegistry(RunStore(), **options)
    threading.Thread(target=_tidy, args=(runs,), name="tidy", daemon=True).start()
    return runs


def _tidy(runs: RunRegistry) -> None:
    """Put runs away that nobody looks at, and give their memory back, and that of the sessions that looked at them."""
    if runs.store is not None:
        runs.store.sweep()
    left = 0
    while not runs.closed.wait(TIDY_SECONDS):
        left = SESSION_LOOKS if runs.put_away() else left - 1
        if left > 0:
            _forget_closed_sessions()
            give_back()


def _forget_closed_sessions() -> None:
    """Sessions whose time is over go: by itself, Streamlit lets them lie there until another one is closed."""
    if Runtime.exists():
        runtime: Any = Runtime.instance()
        with suppress(AttributeError, RuntimeError):  # there is no public way to it; without it, they wait
            forget = runtime._session_mgr._session_storage._cache.expire
            runtime._get_async_objs().eventloop.call_soon_threadsafe(forget)


def _is_connected(session: str) -> bool:
    return Runtime.exists() and Runtime.instance().is_active_session(session)


def check_environment() -> None:
    """Say once in a visit which variables of the environment are not used; on a shared server the log alone says so."""
    if not st.session_state.get("environment is checked") and not shared().is_on:
        for sentence in env.problems():
            notify(sentence)
    st.session_state["environment is checked"] = True


@st.cache_data(show_spinner=False, max_entries=64)
def epoch_seconds(config: RunConfig) -> float:
    """Seconds an epoch of these settings takes, measured on this machine; nan where it cannot be trained at all."""
    return measure_epoch_seconds(config, load_dataset(config.dataset))


@st.cache_data(show_spinner=False, max_entries=16)
def mean_digits(name: str, split: Split, _dataset: Dataset) -> Array:
    """The mean image of each class of a split, uint8 (10, 28, 28)."""
    return mean_images(*_dataset.split(split))
