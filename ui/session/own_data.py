"""Data sets of a visitor's own: read beside the page, which shows it and can cancel it; kept, used and deleted."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import streamlit as st

from nn_core import ConfigError, DataError, RunConfig, load_dataset
from nn_core.config import sentence
from nn_core.config.run_config import setting
from nn_core.data.kept import kept_names
from nn_core.own_data import Choices, Found, Source, from_pen, from_scikit_learn, keep, read
from nn_core.own_data.keep import delete
from ui.session.current import current_run, draft, set_draft, start
from ui.session.notices import notify
from ui.session.visitor import shared, visitor

log = logging.getLogger(__name__)

SOON_SECONDS = 0.5  # for which a page waits before it shows that files are being read
TURN = threading.BoundedSemaphore(1)  # of all visitors: reading may take 300 MB
TURN_SECONDS = 0.1
KEY = "own data"
NO_FILES = "On a shared server its owner alone adds data sets."


class _Upload(io.BytesIO):
    """A file's bytes, until whoever brought them is no longer interested."""

    def __init__(self, data: bytes, cancelled: threading.Event) -> None:
        super().__init__(data)
        self._cancelled = cancelled

    def _look(self) -> None:
        if self._cancelled.is_set():
            raise DataError("it was cancelled")

    def read(self, size: int | None = -1) -> bytes:
        self._look()
        return super().read(size)

    def read1(self, size: int | None = -1) -> bytes:
        self._look()
        return super().read1(size)


@dataclass(eq=False)
class Bringing:
    """Files that are being read, and what came of them, once it is over: a set, or a sentence why none did."""

    what: str
    make: Callable[[threading.Event], Found] = field(repr=False)
    begun: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    found: Found | None = None
    problem: str = ""

    def work(self) -> None:
        """What its thread does."""
        try:
            while not TURN.acquire(timeout=TURN_SECONDS):
                if self.cancelled.is_set():
                    raise DataError("it was cancelled")
            try:
                self.found = self.make(self.cancelled)
            finally:
                TURN.release()
        except (DataError, MemoryError) as error:
            self.problem = str(error) or "there is not enough memory for it"
        except Exception as error:
            log.exception("a data set could not be read")
            self.problem = type(error).__name__
        finally:
            self.over.set()


def may_add_data() -> bool:
    """Whether this visitor may: on a server of one's own, and the owner of a shared one."""
    return not shared().is_on or visitor().is_owner


def arriving_data() -> Bringing | None:
    """What is being read, or was."""
    found: Bringing | None = st.session_state.get(KEY)
    return found


def read_files(files: Sequence[tuple[str, bytes]]) -> None:
    """Begin to read files that were dropped on the page."""

    def make(cancelled: threading.Event) -> Found:
        return read([Source(name, _Upload(data, cancelled)) for name, data in files])

    _begin(", ".join(name for name, _ in files), make)


def read_scikit_digits() -> None:
    """Take the digits that come with scikit-learn."""
    _begin("scikit-learn's digits", lambda cancelled: from_scikit_learn())


def draw_letters(letters: str) -> None:
    """Draw letters with the pen."""
    _begin("the letters", lambda cancelled: from_pen(letters))


def _begin(what: str, make: Callable[[threading.Event], Found]) -> None:
    if not may_add_data():
        notify(NO_FILES)
        return
    stop_reading()
    coming = st.session_state[KEY] = Bringing(what, make)
    threading.Thread(target=coming.work, name="own data", daemon=True).start()
    coming.over.wait(SOON_SECONDS)


def stop_reading() -> None:
    """End it; nothing of it stays."""
    coming = st.session_state.pop(KEY, None)
    if coming is not None:
        coming.cancelled.set()


def use_own_data(choices: Choices) -> None:
    """Keep the set that was read, and use it."""
    coming = arriving_data()
    if coming is None or coming.found is None or not may_add_data():
        return
    try:
        data = keep(coming.found, choices)
    except DataError as error:
        notify(f"The set was not kept: {sentence(str(error))}")
        return
    stop_reading()
    use_dataset(data.name)


def use_dataset(name: str) -> None:
    """Learn from the set of this name from now on: a run on another one is left, and stays under Runs."""
    try:
        config = fitting(draft(), name)
    except (ConfigError, DataError) as error:
        notify(sentence(str(error)))
        return
    if current_run() is None:
        set_draft(config)
    elif start(config) is None:
        return
    notify(f"The data set in use is {name}. Train begins a new network on it.")


def fitting(config: RunConfig, name: str) -> RunConfig:
    """Settings for the set of this name, with as many training images as it has, or as there may be."""
    n = len(load_dataset(name).train_labels)
    return config.replace(dataset=name, n_train=min(n, setting("n_train").default))


def preset_on_this_data(config: RunConfig) -> RunConfig:
    """A preset for the data set in use, with no more images than that has."""
    name = draft().dataset
    if name == config.dataset:
        return config
    try:
        return config.replace(dataset=name, n_train=min(config.n_train, len(load_dataset(name).train_labels)))
    except (ConfigError, DataError):
        return config


def own_datasets() -> list[str]:
    """The names of the sets that are kept here."""
    return kept_names()


def delete_dataset(name: str) -> None:
    """Delete a set that is kept, unless it is in use."""
    if not may_add_data():
        notify(NO_FILES)
        return
    run = current_run()
    if name in (draft().dataset, run.settings.dataset if run is not None else ""):
        notify(f"{name} is in use: choose another set first.")
        return
    try:
        delete(name)
    except DataError as error:
        notify(sentence(str(error)))
        return
    notify(f"{name} is deleted. Runs on it can be looked at, and not go on.")
