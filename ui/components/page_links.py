"""Page links whose press is not lost: one that the server has not followed after a second is pressed again."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "glassnet_page_links", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def watch_page_links() -> None:
    """Watch the links of the header and of the page; nothing is shown (ui/layout.css hides its place)."""
    _component(key="watch-page-links", height="content")
