"""The page by keyboard: a link past the sidebar, a key for each main command, their list, and plain spoken names."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "glassnet_keyboard",
    js="\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("typing", "keyboard")),
    css="\n".join((_HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("header_button", "keyboard")),
)


def keyboard() -> None:
    """The header's button with the list of keys; all else happens in the browser."""
    _component(key="keyboard", height="content", width="content")
