"""Inside: what every layer makes of one image, what each channel looks for, and what speaks for the answer."""

import streamlit as st

from nn_core.maps import hidden_layers
from ui import controls, inside, session

NO_LAYER = "This network has no hidden layer: each digit has one template of weights, shown on the page Weights."


def page() -> None:
    """The image and why it is read so at the left, a layer's maps in the middle, one of them at the right."""
    reader = session.reader("live")  # before anything is trained, the network that comes with Glassnet
    model, field = reader.model, None
    layers = hidden_layers(model.config)
    left, right = st.columns([1, 2.4])
    with left:
        image, name = inside.choose_image()
    with right:
        at = inside.choose_layer(model) if layers else 0
        middle, last = st.columns([1.5, 1])
    if layers:
        layer, outputs = layers[at], model.activations(image[None])[at][0]
        found = session.strongest(model, at, inside.N_EXCITING)
        with middle:
            channel = inside.outputs_wall(model, at, outputs, found)
            inside.exciting(model, at, channel, found)
        with last:
            if layer.kind == "block":
                field = inside.map_panel(model, at, channel, outputs[channel])
            inside.kernels(model, layer, channel)
    else:
        right.info(NO_LAYER)
    with left:
        inside.why(model, image, name, field)
    st.caption(reader.caption)


session.live("The layers", page)
controls.empty_state("The inside of your own network")
