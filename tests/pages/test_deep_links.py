"""The address of a page other than the first, on a server that has not drawn any page yet."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.runtime.context import ContextProxy
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from tests.pages.looking import new_tab


def reloads(tab: AppTest) -> bool:
    """Whether the page loads itself once more."""
    return any("location.replace" in str(part.proto) for part in tab.get("html"))


@pytest.mark.parametrize("other_was_quicker", [False, True])
def test_a_deep_link_on_a_fresh_server_is_loaded_again_also_where_another_session_has_drawn_its_page_meanwhile(
    other_was_quicker: bool, app: AppTest, monkeypatch: pytest.MonkeyPatch
):
    set_page_config = st.set_page_config

    def meanwhile(*arguments, **options) -> None:
        if other_was_quicker:
            PagesManager.uses_pages_directory = False  # as st.navigation of the other session does
        set_page_config(*arguments, **options)

    monkeypatch.setattr(st, "set_page_config", meanwhile)
    monkeypatch.setattr(ContextProxy, "url", property(lambda self: "http://localhost:8501/runs"))
    tab = new_tab().run()
    assert reloads(tab) and not tab.sidebar.button
    tab.run()  # where it could not load itself again
    assert not reloads(tab) and tab.sidebar.button


def test_the_first_page_is_never_loaded_twice(app: AppTest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ContextProxy, "url", property(lambda self: "http://localhost:8501/"))
    tab = new_tab().run()
    assert not reloads(tab) and tab.sidebar.button
