"""The strip of vital signs as a component: replaced in place, so that a tapped or focused figure stays explained."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "glassnet_vital_strip",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    css=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def vital_strip(html: str, *, key: str) -> None:
    """Show the strip; `html` has everything escaped that comes from settings or files."""
    _component(key=key, data=html, height="content")
