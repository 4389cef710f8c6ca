"""A press is carried out whole, also where the next one comes a moment later; tests/browser/test_presses.py presses."""

from __future__ import annotations

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
    app = AppTest.from_function(interrupted_press).run()
    app.button[0].click().run()
    assert not app.exception
    assert "began" in app.session_state and "ended" in app.session_state
