"""A shared server within the test: visitors by name, each in a Streamlit session of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import ui.session
from ui.session import searches
from ui.session import visitor as asking

DEED: list[Callable[[], Any]] = []  # what the script of the moment does
KEY = "correct horse battery staple"


def do_the_deed() -> None:
    """The script of a session: it does what is asked, with what a page would have."""
    from tests.ui.visitors.conftest import DEED

    DEED[-1]()


class SharedServer:
    """Its visitors; `told` are the sentences that the last one has read."""

    def __init__(self) -> None:
        self.who = ""
        self.told: list[str] = []
        self.sessions: dict[str, AppTest] = {}

    def do(self, who: str, deed: Callable[[], Any]) -> Any:
        """What comes of a visitor's deed, in their session; the error itself where it ends in one."""
        self.who = who
        app = self.sessions.setdefault(who, AppTest.from_function(do_the_deed, default_timeout=60))
        found: list[Any] = []

        def noted() -> None:
            try:
                found.append(deed())
            except Exception as error:
                found.append(error)

        DEED.append(noted)
        app.session_state["notices"] = []
        app.run()
        assert not app.exception
        self.told = list(app.session_state["notices"])
        return found[0]


@pytest.fixture
def shared_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedServer]:
    """A server with GLASSNET_SHARED=1 and an owner's key, on an empty folder; its workers are none."""
    monkeypatch.setenv("GLASSNET_SHARED", "1")
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("GLASSNET_OWNER_KEY", KEY)
    monkeypatch.setenv("GLASSNET_DATASETS", "")
    everything = (asking.shared, asking.owners, asking.access, ui.session.registry, searches.workers)
    for each in everything:
        each.clear()
    server = SharedServer()
    monkeypatch.setattr(asking, "_told_by_the_gate", lambda: server.who)
    yield server
    ui.session.registry().close()
    for each in everything:
        each.clear()
