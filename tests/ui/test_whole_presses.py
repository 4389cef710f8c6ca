"""A press is carried out whole, also where the next one comes a moment later; tests/browser/test_presses.py presses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit import config
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.state import session_state as streamlit_state
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.testing.v1 import AppTest


def interrupted_press() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

    from ui import session

    session.carry_out_presses_whole()

    def act() -> None:
        st.session_state["began"] = True
        context = get_script_run_ctx()
        assert context is not None and context.script_requests is not None
        context.script_requests.request_rerun(RerunData(widget_states=None))  # as if another press had come just now
        st.session_state["ended"] = True

    st.button("Press", on_click=act)


def test_a_request_that_comes_while_a_press_is_carried_out_waits_until_it_is() -> None:
    app = AppTest.from_function(interrupted_press, default_timeout=60).run()
    app.button[0].click().run()
    assert not app.exception
    assert "began" in app.session_state and "ended" in app.session_state


# ---------------------------------------------------------------------------------------------- leaving while it ticks


def leave_while_a_panel_ticks() -> list[str]:
    """What a session does with its thread, which draws a panel, when another page is asked for."""
    done: list[str] = []

    def ask(request: object) -> bool:
        done.append("asked the thread")
        return True

    runner = SimpleNamespace(request_rerun=ask, request_stop=lambda: done.append("left the thread behind"))
    session: Any = SimpleNamespace(
        _state=AppSessionState.APP_IS_RUNNING,
        _scriptrunner=runner,
        _client_state=ClientState(),
        _create_scriptrunner=lambda request: done.append("begun another thread"),
    )
    AppSession.request_rerun(session, ClientState(page_script_hash="another page"))
    return done


def test_a_page_is_left_in_the_thread_that_draws_its_panels_so_that_no_two_threads_share_what_it_holds():
    """Two threads do harm, see the next test: KeyError "curve-accuracy", when Train was left while it ticked."""
    assert config.get_option("runner.fastReruns") is False
    assert leave_while_a_panel_ticks() == ["asked the thread"]


def test_two_threads_on_one_session_lose_the_chart_that_one_draws_when_the_other_ends_its_page(
    monkeypatch: pytest.MonkeyPatch,
):
    chart, state = "$$ID-0-curve-accuracy", streamlit_state.SessionState()
    ticks, leaves = (SafeSessionState(state, lambda: None) for _ in range(2))  # as each thread has one
    shared = SimpleNamespace(widget_ids_this_run=set(), form_ids_this_run=set())
    context = SimpleNamespace(page_script_hash="", fragment_ids_this_run=None, shared=shared)
    monkeypatch.setattr(streamlit_state, "get_script_run_ctx", lambda: context)

    def draw() -> None:
        kind: Any = "json_value"
        ticks.register_widget(
            WidgetMetadata(chart, lambda value: value or {}, lambda value: value, kind), "curve-accuracy"
        )

    def found_and_lost(self: streamlit_state.SessionState, key: str) -> bool:
        there = contains(self, key)
        if there and key == chart:
            leaves.on_script_finished(frozenset())  # the other page has been drawn, without this chart
        return there

    draw()
    contains = streamlit_state.SessionState.__contains__
    monkeypatch.setattr(streamlit_state.SessionState, "__contains__", found_and_lost)
    with pytest.raises(KeyError, match="curve-accuracy"):
        draw()
