"""Inside: what every layer makes of one image, what each channel looks for, and what speaks for the answer."""

import streamlit as st

from nn_core.explain import hidden_layers, layer_outputs
from ui import session
from ui.panels import inside
from ui.panels.empty_state import example
from ui.panels.reader_menu import choose_reader

NO_LAYER = "This network has no hidden layer: each digit has one template of weights, shown on the page Weights."


def page() -> None:
    """The image and why it is read so at the left, a layer's maps in the middle, one of them at the right.

    What reads one image alone is drawn first, what reads all validation images last.
    """
    left, right = st.columns([1, 2.4])
    with left:
        reader = session.reader(choose_reader(inside.READER))
        image, labelled = inside.choose_image()
    model, name, at, channel = reader.model, None, 0, 0
    layers = hidden_layers(model.config)
    with right:
        if layers:
            at = inside.choose_layer(model)
        else:
            st.info(NO_LAYER)
        middle, last = st.columns([1.5, 1])
    if layers:
        outputs = layer_outputs(model, image[None], at)[0]
        with middle:
            channel = inside.outputs_wall(model, at, outputs)
        with last:
            if layers[at].kind == "block":
                name = inside.map_panel(model, at, channel, outputs)
            inside.kernels(model, layers[at], channel)
    with left:
        inside.why(model, image, labelled, name)
    if layers:
        with middle:
            inside.exciting(model, at, channel, session.strongest(reader, at, inside.N_EXCITING))
    st.caption(reader.caption)


example()
session.live("The layers", page)
