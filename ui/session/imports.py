"""The file that a visitor brings in: it is read beside the page, which shows it and can cancel it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType

import streamlit as st

from nn_core import ConfigError
from nn_core.export.apart import bring_in_apart
from nn_core.export.foreign.questions import Ambiguous
from nn_core.store import RunStore, StoreError
from ui.session.notices import notify
from ui.session.runs import open_run, store
from ui.session.visitor import arriving

log = logging.getLogger(__name__)

SOON_SECONDS = 1.0  # for which a page waits before it shows that a file is being read
CANCEL_SECONDS = 2.0  # that it may take to end
TURN = threading.BoundedSemaphore(1)  # of all visitors: an import may take 300 MB
TURN_SECONDS = 0.1  # between two looks whether one that waits is still wanted

Arrival = AbstractContextManager[Callable[[str], None]]


@dataclass(eq=False)
class Import:
    """A file on its way in, and what came of it, once it is over: a run, a sentence why none did, or questions."""

    file_name: str
    data: bytes = field(repr=False)
    answers: Mapping[str, str] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    waits: bool = False  # for its turn
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    run_id: str = ""
    sentences: tuple[str, ...] = ()
    asked: Ambiguous | None = None  # what the file leaves open

    def work(self, kept: RunStore, arrival: Arrival) -> None:
        """What its thread does. It needs no page: a visitor who has left finds the run in the list."""
        try:
            while not TURN.acquire(timeout=TURN_SECONDS):
                self.waits = True
                if self.cancelled.is_set():
                    raise StoreError("it was cancelled")
            self.waits = False
            try:
                with arrival as claim:
                    run_id, remarks = bring_in_apart(
                        self.data, self.file_name, kept, cancelled=self.cancelled, answers=self.answers
                    )
                    claim(run_id)
            finally:
                TURN.release()
            self.run_id, self.sentences = run_id, (f"Imported as run {run_id}, now the current run.", *remarks)
        except Ambiguous as asked:
            self.asked = asked
        except (StoreError, ConfigError, MemoryError) as error:
            self.sentences = (f"Nothing was imported: {str(error) or type(error).__name__}.",)
        except Exception as error:
            log.exception("an import has failed")
            self.sentences = (f"Nothing was imported: {type(error).__name__}.",)
        finally:
            self.over.set()


def import_file(data: bytes, file_name: str, answers: Mapping[str, str] = MappingProxyType({})) -> None:
    """Begin to bring a file in; what ends soon is shown at once."""
    kept = store()
    if kept is None:
        notify("Nothing was imported: this server keeps no runs.")
        return
    try:
        arrival = arriving(kept)
    except ConfigError as refused:
        notify(f"Nothing was imported: {refused}.")
        return
    coming = Import(file_name, data, answers)
    st.session_state["import"] = coming
    threading.Thread(target=coming.work, args=(kept, arrival), name="import", daemon=True).start()
    coming.over.wait(SOON_SECONDS)
    settle_import()


def importing() -> Import | None:
    """The file that this visitor brings in now."""
    coming: Import | None = st.session_state.get("import")
    return coming


def answer_import(answers: Mapping[str, str]) -> None:
    """Bring in the file that left something open, with these answers besides those it has."""
    coming = importing()
    if coming is not None and coming.asked is not None:
        del st.session_state["import"]
        import_file(coming.data, coming.file_name, {**coming.answers, **answers})


def cancel_import() -> None:
    """End it; nothing of it stays."""
    coming = importing()
    if coming is not None and coming.asked is not None:
        del st.session_state["import"]
    elif coming is not None:
        coming.cancelled.set()
        coming.over.wait(CANCEL_SECONDS)
        settle_import()


def settle_import() -> None:
    """Where it is over, show the run on all pages and say what came of it; one that asks waits for its answers."""
    coming = importing()
    if coming is None or not coming.over.is_set() or coming.asked is not None:
        return
    del st.session_state["import"]
    if coming.run_id:
        open_run(coming.run_id)
    for sentence in coming.sentences:
        notify(sentence)
