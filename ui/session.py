"""What pages share through Streamlit: the data set, the registry of runs, this visitor's settings, run and sketch.

The only file that names session_state keys and caches. A visitor has a *draft* (what the sidebar shows) and at most
one current *run* (what the pages show). The run owns its settings; the draft reaches it only when a live control is
moved by hand, or as the settings of a new run. Both are in the address: a copied link or F5 finds them again.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import numpy.typing as npt
import streamlit as st
from streamlit.runtime import Runtime
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nn_core import ConfigError, DataError, Dataset, RunConfig, Trainer, load_dataset
from nn_core.config import LIVE_FIELDS
from nn_core.explain import mean_images
from nn_core.presets import PRESETS
from nn_core.registry import RunRegistry, measure_epoch_seconds
from nn_core.runner import Run, Snapshot
from ui.links import read_link
from ui.sketchpad import Sketchpad

log = logging.getLogger(__name__)

Array = npt.NDArray[Any]
Split = Literal["train", "val", "test"]

COMMAND_SECONDS = 0.5  # that a page waits at most for a command to show, before it is drawn
TICK_SECONDS = 1.0  # between two drawings of a live panel
READING_SECONDS = 2.0  # between two readings of a whole split while training
LEASE_SECONDS = float(os.environ.get("GLASSNET_LEASE_SECONDS", "60"))  # without a page open, a run pauses; 0: never
MAX_TRAINING = int(os.environ.get("GLASSNET_MAX_TRAINING", "2"))  # runs that train at once


# ---------------------------------------------------------------------------------------------- the process


@st.cache_resource(show_spinner=False)
def registry() -> RunRegistry:
    """The runs of this server, one registry for all visitors."""
    return RunRegistry(max_training=MAX_TRAINING, lease_seconds=LEASE_SECONDS, is_connected=_is_connected)


def _is_connected(session: str) -> bool:
    return Runtime.exists() and Runtime.instance().is_active_session(session)


def dataset(name: str | None = None) -> Dataset:
    """The data set of the current run, else of the draft; one copy for all. A bad file ends the page in a sentence."""
    shown = current_run()
    try:
        return load_dataset(name or (shown.snapshot.config if shown else draft()).dataset)
    except DataError as error:
        st.error(str(error), icon=":material/database_off:")
        st.stop()


@st.cache_data(show_spinner=False, max_entries=64)
def epoch_seconds(config: RunConfig) -> float:
    """Seconds an epoch of these settings takes, measured on this machine; nan where it cannot be trained at all."""
    return measure_epoch_seconds(config, load_dataset(config.dataset))


@st.cache_data(show_spinner=False, max_entries=16)
def first_weights(config: RunConfig) -> Array:
    """The first layer (784, n) as a network of these settings would start."""
    return Trainer.initial_model(config).weights()["dense1.W"]


# ---------------------------------------------------------------------------------------------- the draft


def draft() -> RunConfig:
    """The settings that the sidebar shows."""
    config: RunConfig = st.session_state.setdefault("draft", RunConfig())
    return config


def edit(field: str, value: Any) -> None:
    """A control was moved by hand: the draft changes, and a live setting reaches the run at once."""
    try:
        st.session_state["draft"] = draft().replace(**{field: value})
    except ConfigError as error:
        notify(f"{error}; {getattr(draft(), field)} stays.")
        return
    run = current_run()
    if run is not None and field in LIVE_FIELDS:
        run.change(field, getattr(draft(), field)).wait(COMMAND_SECONDS)  # the page drawn next shows it


def set_draft(config: RunConfig) -> None:
    """Show other settings in the sidebar; nothing reaches the run."""
    st.session_state["draft"] = config


def _follow_live_changes() -> None:
    """Where another tab changed a live setting that this one had not touched, the sidebar shows the run's value."""
    run = current_run()
    if run is not None:
        now, seen = run.settings, st.session_state.get("seen", {}).get(run.id, run.settings)
        untouched = [field for field in LIVE_FIELDS if getattr(draft(), field) == getattr(seen, field)]
        with suppress(ConfigError):  # one that cannot stand beside this tab's draft stays a pending change
            set_draft(draft().replace(**{field: getattr(now, field) for field in untouched}))
        st.session_state["seen"] = {run.id: now}


def pending_changes() -> list[str]:
    """The names of the settings in which the draft differs from the current run."""
    run = current_run()
    return [knob.name for knob in draft().differences(run.settings)] if run else []


# ---------------------------------------------------------------------------------------------- the run


def current_run() -> Run | None:
    """The run that the pages show."""
    run_id = st.session_state.get("run")
    run = registry().get(run_id) if run_id else None
    context = get_script_run_ctx(suppress_warning=True)
    if run is not None and context is not None:
        run.attach(context.session_id)
    return run


def snapshot() -> Snapshot | None:
    """The current run as it is now."""
    run = current_run()
    return run.snapshot if run else None


def start(config: RunConfig) -> Run | None:
    """Make a new run of these settings the current one, not yet training; the old one pauses and stays in memory."""
    old, pace = current_run(), speed()
    if old is not None and old.snapshot.is_training:
        old.pause()
    try:
        run = registry().create(config, load_dataset(config.dataset))
    except (ConfigError, DataError) as error:
        notify(str(error))
        return None
    except MemoryError:
        notify(f"There is not enough memory for hidden layers of {config.hidden} units.")
        return None
    st.session_state["run"] = run.id
    set_draft(run.settings)
    set_speed(pace)
    return run


def speed() -> str:
    """The speed of the current run; before there is one, that of the next."""
    run = current_run()
    return run.snapshot.speed if run else st.session_state.get("next speed", "full")


def set_speed(value: str) -> None:
    """Slow the current run down, or speed it up; runs started after it keep the speed."""
    st.session_state["next speed"] = value
    run = current_run()
    if run is not None and run.snapshot.speed != value:
        run.set_speed(value).wait(COMMAND_SECONDS)


def run_to_command() -> Run | None:
    """The run that a transport button means: the current one, or a new one where there is none or the draft differs."""
    run = current_run()
    return start(draft()) if run is None or pending_changes() else run


def reset(new_seed: bool = False) -> None:
    """A fresh network with the settings of the sidebar; the same seed, or one newly rolled."""
    config = draft()
    start(config.replace(seed=secrets.randbelow(10_000)) if new_seed else config)


def train_preset(name: str) -> None:
    """Take a preset's settings and train a new network with them."""
    run = start(PRESETS[name].config)
    if run is not None:
        run.play().wait(COMMAND_SECONDS)


# ---------------------------------------------------------------------------------------------- the address


def load_deep_link_again() -> None:
    """On the first run of a fresh server: have a browser that asked for a page by its address ask once more.

    Because there is a folder pages/, Streamlit takes the first run of a process for an app without st.navigation, does
    not find the page, and says so in a dialog; from the second run on it knows better. Call it before st.navigation.
    """
    if not PagesManager.uses_pages_directory:
        return
    address = st.context.url or ""
    if urlsplit(address).path.strip("/"):
        PagesManager.uses_pages_directory = False
        query = urlencode(st.query_params.to_dict())
        target = json.dumps(f"{address}?{query}" if query else address).replace("<", "\\u003c")
        st.html(f"<script>location.replace({target})</script>", unsafe_allow_javascript=True)
        st.stop()


def sync_address() -> None:
    """Read settings and run from the address when it is new (a link, F5, the Back button), and write them into it.

    Called once in every full run, before anything is drawn: a page switch drops the query, so it is written again.
    """
    _count_visit()
    query = st.query_params.to_dict()
    if query and query != st.session_state.get("address"):
        _open(query)
    _follow_live_changes()
    run = current_run()
    address = {**({"run": run.id} if run else {}), **draft().to_query()}
    if query != address:
        st.query_params.from_dict(address)
    st.session_state["address"] = address


def _count_visit() -> None:
    """Count the pages that were opened, so that one can tell a new visit of it from a rerun."""
    context = get_script_run_ctx(suppress_warning=True)
    page = context.page_script_hash if context is not None else ""
    if page != st.session_state.get("page"):
        st.session_state["page"] = page
        st.session_state["visit"] = st.session_state.get("visit", 0) + 1


def _open(query: dict[str, str]) -> None:
    """Take over the settings and the run that an address names, and say what in it was refused."""
    run_id = query.pop("run", None)
    config, refused = read_link(query)
    for sentence in refused:
        notify(sentence)
    run = registry().get(run_id) if run_id else None
    if run is not None:
        st.session_state["run"] = run.id
        live = {field: getattr(run.settings, field) for field in LIVE_FIELDS}
        try:
            config = config.replace(**live) if query else run.settings
        except ConfigError as error:
            notify(f"The address was not taken whole: {error}. The settings of its run are shown.")
            config = run.settings
    elif run_id:
        st.session_state.pop("run", None)
        notify("The run in this address is not on this server any more. Its settings are open: press Train.")
    set_draft(config)


# ---------------------------------------------------------------------------------------------- notices and guards


def notify(sentence: str) -> None:
    """Say something at the top of the page until it is dismissed."""
    notices: list[str] = st.session_state.setdefault("notices", [])
    if sentence not in notices:
        notices.append(sentence)


def show_notices() -> None:
    """The sentences that wait to be read, each with a button that takes it away."""
    notices: list[str] = st.session_state.setdefault("notices", [])
    for at, sentence in enumerate(notices):
        text, button = st.columns([12, 1], vertical_alignment="center")
        text.warning(sentence, icon=":material/info:")
        button.button("Dismiss", key=f"dismiss-{at}", on_click=notices.remove, args=(sentence,), type="tertiary")


@contextmanager
def guard(panel: str) -> Iterator[None]:
    """Around what draws a panel: an exception becomes one sentence and one log entry, and ticking stops."""
    broken: set[str] = st.session_state.setdefault("broken", set())
    try:
        yield
    except Exception as error:
        log.exception("the panel %r could not be drawn", panel)
        known = panel in broken
        broken.add(panel)
        why = str(error) if isinstance(error, DataError) else type(error).__name__
        st.error(f"{panel} could not be drawn ({why}). Training is not affected.")
        st.button("Try again", key=f"again-{panel}", on_click=broken.discard, args=(panel,))
        if not known:
            st.rerun()  # the whole page once, so that a ticking panel loses its timer
    else:
        broken.discard(panel)


def live(panel: str, draw: Callable[[], None]) -> None:
    """Draw a panel, again every second while the current run trains; when it ends, the whole page once more."""
    run = current_run()
    settings = run.settings if run is not None else None

    def broken() -> bool:
        return panel in st.session_state.get("broken", set())

    ticking = run is not None and run.snapshot.is_training and not broken()

    def drawing() -> None:
        now = current_run()
        with guard(panel):
            draw()
        if now is not run or (now is not None and now.snapshot.is_training != ticking and not broken()):
            st.rerun()
        if now is not None and now.settings != settings:  # in another tab: the sidebar shows it too
            st.rerun()

    st.fragment(drawing, run_every=TICK_SECONDS if ticking else None)()


def show_in_widget(key: str, value: Any) -> None:
    """Let the widget of this key show `value`; call it before the widget is made. The draft is the truth, not it."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def widget_value(key: str) -> Any:
    """What the widget of this key holds now (in its callback: what it was just set to)."""
    return st.session_state.get(key)


def is_dark() -> bool:
    """Whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"


# ---------------------------------------------------------------------------------------------- the sketch


def sketchpad() -> Sketchpad:
    """This visitor's drawing; on a new visit of the page the canvas is given it as it was left."""
    pad: Sketchpad = st.session_state.setdefault("sketchpad", Sketchpad())
    visit = st.session_state.get("visit", 0)
    if pad.visit != visit:
        pad.visit = visit
        pad.show()
    return pad


# ---------------------------------------------------------------------------------------------- what is looked at


def panel(name: str, draw: Callable[[], None]) -> None:
    """Draw a panel that only its own widgets and clicks draw again, without the rest of the page."""

    def drawing() -> None:
        with guard(name):
            draw()

    st.fragment(drawing)()


def chosen(name: str, default: Any = None) -> Any:
    """What this visitor picked last under a name (a unit, a cell, an image); it survives ticks and page switches."""
    return st.session_state.setdefault("chosen", {}).get(name, default)


def choose(name: str, value: Any) -> None:
    """Pick something."""
    st.session_state.setdefault("chosen", {})[name] = value


def clicked(chart: str) -> dict[str, Any] | None:
    """The click on the chart of this key that this run answers, known before the chart is drawn."""
    event: dict[str, Any] | None = (st.session_state.get(chart) or {}).get("click")
    return event


def steady(name: str, key: Any, compute: Callable[[], Any]) -> Any:
    """What `compute` gave when `key` was last new: for what should hold still while a run trains."""
    kept = st.session_state.setdefault("steady", {})
    if name not in kept or kept[name][0] != key:
        kept[name] = (key, compute())
    return kept[name][1]


@st.cache_data(show_spinner=False, max_entries=16)
def mean_digits(name: str, split: Split, _dataset: Dataset) -> Array:
    """The mean image of each class of a split, uint8 (10, 28, 28)."""
    return mean_images(*_dataset.split(split))


@dataclass(frozen=True)
class Reading:
    """How a run read the images of a split at one step."""

    run_id: str
    split: Split
    step: int
    probabilities: Array  # float32 (n, 10)
    fresh_until: float  # on time.monotonic(): until then it serves, though training goes on


def reading(split: Split) -> Reading | None:
    """How the current run reads a split now; while it trains, the last reading serves for a little while.

    That keeps the pictures still enough to be clicked, and reading takes at most a tenth of the time.
    """
    shot = snapshot()
    if shot is None:
        return None
    last: Reading | None = st.session_state.get("reading")
    still = shot.is_training and last is not None and time.monotonic() < last.fresh_until
    if last is not None and (last.run_id, last.split) == (shot.run_id, split) and (still or last.step == shot.step):
        return last
    started = time.monotonic()
    probabilities = shot.model.predict_proba(dataset().split(split)[0])
    now = time.monotonic()
    fresh = Reading(shot.run_id, split, shot.step, probabilities, now + max(READING_SECONDS, 10 * (now - started)))
    st.session_state["reading"] = fresh
    return fresh
