"""Draw: sketch a digit, see what the network sees, and what it makes of it."""

import secrets

import streamlit as st

from ui import session
from ui.components.canvas import BRUSH, canvas
from ui.panels import inside
from ui.panels.empty_state import empty_state
from ui.panels.reader_menu import choose_reader
from ui.panels.reading import film, invitation
from ui.panels.reading_out import read_out
from ui.panels.why import why

pad = session.sketchpad()
has_network = session.snapshot() is not None
INSIDE = "What the layers of the network that reads here make of the sketch."


def show_me_a_digit() -> None:
    """Put an image that the network was not trained on onto the canvas."""
    data = session.dataset()
    at = secrets.randbelow(len(data.val_images))
    label = data.class_names[data.val_labels[at]]
    pad.put_digit(data.val_images[at], note=f"Validation image {at:,}, labelled {label}.")


def buttons() -> None:
    """Undo, clear, and a digit for those who cannot draw."""
    empty = pad.now.sketch.empty
    for label, icon, command, disabled in (
        ("Undo", ":material/undo:", pad.undo, not pad.can_undo),
        ("Clear", ":material/delete:", pad.clear, empty),
        ("Show me a digit", ":material/shuffle:", show_me_a_digit, False),
    ):
        st.button(
            label, icon=icon, on_click=command, disabled=disabled, width="stretch", key=f"sketch-{label[:4].lower()}"
        )


def reading() -> None:
    """What a network reads, the ten probabilities, and which network it is."""
    sketch, shot = pad.now.sketch, session.snapshot()
    if shot is not None and not has_network:
        st.rerun()  # the button below has just made one: the sidebar shows it too, and the reading becomes live
    key = choose_reader()
    reader = session.reader(key)
    if sketch.empty:
        st.html(invitation())
        if not reader.learns:
            session.readings(reader, sketch.image[None])  # what it takes to judge is found out before the first stroke
    else:
        read_out(reader, pad.now)
        if len(pad.now.digits) == 1 and st.button(
            "Look inside", icon=":material/layers:", key="sketch-inside", help=INSIDE
        ):
            inside.show_sketch(reader=key)
            st.switch_page(inside.PAGE)
    st.caption(reader.caption)
    if not sketch.empty and len(pad.now.digits) == 1:
        why(reader, sketch.image, "sketch", wide=False)
    empty_state("What your own network reads")


@st.fragment
def desk() -> None:
    """All that a stroke changes; the rest of the page is left alone."""
    left, right = st.columns([1, 1.25], gap="large")
    with left, session.guard("The canvas"):
        row = st.container(horizontal=True, key="sketch-row")
        field, side = row.container(key="sketch-field", width=280), row.container(key="sketch-tools")
        brush = side.slider("Brush, px", *BRUSH, key="brush", persist_state="session")
        with field:
            canvas(pad, brush)
        with side:
            buttons()
        for sketch in pad.now.digits:
            st.html(film(sketch))
    with right:
        session.live("The reading", reading, lambda: session.trains() or session.is_finding_out())


desk()
