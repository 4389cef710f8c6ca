"""The canvas that a visitor draws on: the drawable-canvas component, given its drawing and read after every stroke.

A component of our own beside it (canvas.js) takes its toolbar away, has it send every stroke at once, and keeps the
sketch in the browser's tab.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.session.drawing import CANVAS_SIDE, Sketchpad
from ui.session.selection import clicked

HELPER = "canvas-helper"
BRUSH = (8, 40, 20)  # narrowest, widest and first brush, in pixels

_helper = st.components.v2.component(
    "glassnet_sketchpad", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"), isolate_styles=False
)


def canvas(pad: Sketchpad, brush: int) -> None:
    """Show the canvas, and let `pad` take over what was drawn on it; `brush` is the width of a stroke in pixels."""
    from streamlit_drawable_canvas import st_canvas  # it can be imported only where Streamlit runs

    result = st_canvas(
        stroke_width=brush,
        stroke_color="#ffffff",
        background_color="#000000",
        width=CANVAS_SIDE,
        height=CANVAS_SIDE,
        initial_drawing=pad.initial_drawing,
        return_image_data=True,
        key="canvas",
    )
    pad.take(result.image_bytes, result.json_data)
    data = {"canvas": "canvas", "untouched": pad.is_untouched, "sketch": "" if pad.is_untouched else pad.to_text()}
    _helper(key=HELPER, data=data, height="content", on_kept_change=lambda: _bring_back(pad))


def _bring_back(pad: Sketchpad) -> None:
    """The tab has a sketch that this server knows nothing of: it was started again meanwhile."""
    kept: object = clicked(HELPER, "kept")
    if isinstance(kept, str) and pad.is_untouched:
        pad.bring_back(kept)
