"""Presentation mode: large type, the sidebar folded, the accuracy large; a button in the header and the key p."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "glassnet_presentation",
    js="\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("typing", "presentation")),
    css=(_HERE / "header_button.css").read_text(encoding="utf-8"),
)


def presentation_button() -> None:
    """The button; all else happens in the browser, and the style sheet ui/layout.css says what it looks like."""
    _component(key="presentation", height="content", width="content")
