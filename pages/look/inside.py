"""Inside: what every layer makes of one image, how its score becomes an answer, and which pixels speak for it."""

import streamlit as st

from nn_core.explain import hidden_layers, layer_outputs
from ui import session
from ui.panels import inside
from ui.panels.empty_state import example
from ui.panels.outputs import output_layer
from ui.panels.reader_menu import choose_reader

NO_LAYER = "This network has no hidden layer: its ten outputs read the pixels directly."


def page() -> None:
    """The image and why it is read so at the left; at the right a layer for that image, one of its maps, the output.

    What reads one image alone is drawn first, what reads all validation images last.
    """
    left, right = st.columns([1, 2.4])
    with left:
        reader = session.reader(choose_reader(inside.READER))
        image, labelled = inside.choose_image()
    model, field, at, channel = reader.model, None, 0, 0
    layers = hidden_layers(model.config)
    has_maps = False
    with right:
        if layers:
            at = inside.choose_layer(model)
            has_maps = layers[at].kind == "block"
        else:
            st.markdown(NO_LAYER)
        middle, last = st.columns([1.5, 1] if has_maps else [1, 1])
        logits, shares = st.columns([1, 1.2]) if has_maps else (last, last) if layers else (middle, last)
    if layers:
        outputs = layer_outputs(model, image[None], at)[0]
        with middle:
            channel = inside.outputs_wall(model, at, outputs)
    if has_maps:
        with last:
            field = inside.map_panel(model, at, channel, outputs)
            inside.kernels(model, layers[at], channel)
        with middle:
            inside.stages(model, image, at, channel)
    output_layer(model, image, logits, shares)
    with left:
        inside.why(model, image, labelled, field)
    if layers:
        with middle:
            inside.exciting(model, at, channel, session.strongest(reader, at, inside.N_EXCITING))
    st.caption(reader.caption)


example()
session.live("The layers", page)
