"""Draw: sketch a digit, see what the network sees, and what it makes of it."""

import secrets

import streamlit as st

from ui import controls, figures, session, sketchpad
from ui.live_plot import live_plot

pad = session.sketchpad()
has_network = session.snapshot() is not None


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
    """What the current network reads, the ten probabilities, and which network it is."""
    sketch, shot = pad.now.sketch, session.snapshot()
    if shot is None:
        controls.empty_state("What the network reads")
        return
    if not has_network:
        st.rerun()  # the button above has just made one: the sidebar shows it too, and the reading becomes live
    if sketch.empty:
        st.html(sketchpad.invitation())
    else:
        probabilities = shot.model.predict_proba(sketch.image[None])[0]
        st.html(sketchpad.verdict(probabilities, session.is_dark()))
        if sketch.message:
            st.warning(sketch.message, icon=":material/brush:")
        if pad.now.note:
            st.caption(pad.now.note)
        live_plot(figures.probability_bars(probabilities, dark=session.is_dark()), key="reading", height=300)
    st.caption(sketchpad.reader(shot, session.looked_at_step() is not None))


@st.fragment
def desk() -> None:
    """All that a stroke changes; the rest of the page is left alone."""
    left, right = st.columns([1, 1.25], gap="large")
    with left, session.guard("The canvas"):
        row = st.container(horizontal=True, key="sketch-row")
        field, side = row.container(key="sketch-field", width=280), row.container(key="sketch-tools")
        brush = side.slider("Brush, px", *sketchpad.BRUSH, key="brush", persist_state="session")
        with field:
            sketchpad.canvas(pad, brush)
        with side:
            buttons()
        st.html(sketchpad.film(pad.now.sketch))
    with right:
        session.live("The reading", reading)


desk()
