"""Several visitors at once: no error, and closed sessions are forgotten though no other one is closed after them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.runtime import Runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from ui.session import server

from .attack_sessions import attack


@pytest.mark.slow
def test_a_few_visitors_meet_no_error_and_leave_no_memory_taken():
    assert [figure for figure in attack(full=False) if not figure.holds] == []


def test_a_closed_session_whose_time_is_over_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    storage = MemorySessionStorage(ttl_seconds=0)
    storage.save(SimpleNamespace(session=SimpleNamespace(id="closed")))  # type: ignore[arg-type]
    loop = SimpleNamespace(call_soon_threadsafe=lambda call: call())
    runtime = SimpleNamespace(
        _session_mgr=SimpleNamespace(_session_storage=storage),
        _get_async_objs=lambda: SimpleNamespace(eventloop=loop),
    )
    monkeypatch.setattr(Runtime, "exists", classmethod(lambda cls: True))
    monkeypatch.setattr(Runtime, "instance", classmethod(lambda cls: runtime))
    kept = vars(vars(storage)["_cache"])
    assert any("closed" in str(part) for part in kept.values())
    server._forget_closed_sessions()
    assert not any("closed" in str(part) for part in kept.values())
    for name in ("_session_mgr", "_get_async_objs"):  # the attributes that it relies on
        assert name in vars(Runtime) or name in Runtime.__init__.__code__.co_names
