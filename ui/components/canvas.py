"""A visitor's drawing: what the canvas is given, what came back from it, the way back, and how it is shown and said.

The canvas is given a drawing only when it must show another one than it does: on a visit of the page, and after undo,
clear or a digit put there from elsewhere. In between it keeps its own strokes and sends them, so nothing that happens
on the page can take a stroke away. Whatever picture it sends that is not the present one is the next one.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.session.drawing import CANVAS_SIDE, Sketchpad

BRUSH = (8, 40, 20)  # narrowest, widest and first brush, in pixels

_helper = st.components.v2.component(
    "glassnet_sketchpad", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"), isolate_styles=False
)


def canvas(pad: Sketchpad, brush: int) -> None:
    """Draw the canvas, and take over what was drawn on it."""
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
    _helper(key="canvas-helper", data={"canvas": "canvas"}, height="content")
    pad.take(result.image_bytes, result.json_data)


# ---------------------------------------------------------------------------------------------- pictures and words
