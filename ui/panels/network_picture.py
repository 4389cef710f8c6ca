"""The network as a picture on the page Train: which image it reads, what the edges carry, how many units are shown."""

from __future__ import annotations

import streamlit as st

from nn_core.config.run_config import RunConfig
from nn_core.explain import first_filters, hidden_layers
from nn_core.explain.graph import Graph, graph_of_weights, weight_between
from nn_core.machine.memory import Array
from nn_core.machine.numbers import loss, probability
from nn_core.runs import Snapshot
from ui import session
from ui.components.network_picture import message_of, network_picture
from ui.panels import inside
from ui.panels.backprop.weight import SECTION, pick
from ui.panels.gallery import switch
from ui.words import plain

LEAST, MOST = 4, 40  # units of a layer that are shown
AT_FIRST, OF_ONE_LAYER = 16, 32  # where there are several layers, and where there is one
N_IMAGES = 100  # validation images that one leafs through
CARRIED = {"activations": "activations", "gradients": "gradients"}
BACKPROP_PAGE = "pages/understand/backprop.py"
WEIGHTS_PAGE = "pages/look/weights.py"
HELP = (
    "Forward: each unit is lit by its activation, and an edge is as thick as weight times activation. Gradients: the "
    "loss seen backward, an edge carries weight times delta. Blue is positive, orange negative."
)


def show(shot: Snapshot, *, key: str, height: int) -> None:
    """The picture of a network at the step that is looked at, with the widgets that choose what it shows."""
    open_clicked(shot, session.clicked(key))
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-controls"):
        image, target, caption = _image(key)
        carried = switch("What the edges carry", CARRIED, key=f"{key}-carried", help=HELP)
        n_shown = how_many(shot.config, key)
    graph = graph_of_weights(shot.started_as, shot.weights, image, target, carried=carried, n_shown=n_shown)
    names = session.dataset().class_names
    when = session.when(shot.run_id, shot.step)
    said = in_words(graph, names, when)
    network_picture(
        message_of(graph, names, session.is_dark()),
        key=key,
        height=height,
        caption=caption,
        live=session.trains(),
        label=f"The network. {said}{not_shown(graph)}",
    )
    st.caption(plain(said))


def in_words(graph: Graph, names: tuple[str, ...], when: str) -> str:
    """What the network makes of the image, in a sentence."""
    return f"{answer(graph, names)} {when}; loss {loss(graph.loss)} for {names[graph.target]}."


def answer(graph: Graph, names: tuple[str, ...]) -> str:
    """Like "Read as 2 with 98.1 %"."""
    best = int(graph.probabilities.argmax())
    return f"Read as {names[best]} with {probability(graph.probabilities[best])}"


def not_shown(graph: Graph) -> str:
    """How many units of each layer are left out, in a sentence with a space before it; else ""."""
    hidden = [
        f"{column.n_hidden:,} of {column.layer.size:,} {column.layer.unit}s of {column.layer.title.lower()}"
        for column in graph.columns
        if column.n_hidden
    ]
    return f" Not shown, being less active: {', '.join(hidden)}." if hidden else ""


def how_many(config: RunConfig, key: str) -> int:
    """How many units of a layer are shown; asked only where a layer has more than the least."""
    layers = hidden_layers(config)
    most = min(MOST, max((layer.size for layer in layers), default=0))
    if most <= LEAST:
        return LEAST
    return int(
        st.slider(
            "Units shown a layer",
            LEAST,
            most,
            min(most, AT_FIRST if len(layers) > 1 else OF_ONE_LAYER),
            key=f"{key}-units-{len(layers)}-{most}",  # another network, another slider
            persist_state="session",
            label_visibility="collapsed",
            help="How many units of each layer are shown: the most active ones.",
            width=130,
            format="%d units",
        )
    )


def _image(key: str) -> tuple[Array, int | None, str]:
    """The image uint8 (28, 28) that is read, its class (None for a sketch), and what stands under it."""
    data, pad = session.dataset(), session.sketchpad()
    n = min(N_IMAGES, len(data.val_labels))
    at = session.chosen(f"{key}-image", 0) % n
    for label, icon, name, step, about in (
        ("Back", ":material/chevron_left:", "back", -1, "The image before"),
        ("Next", ":material/chevron_right:", "next", 1, "The next image"),
    ):
        st.button(
            label,
            icon=icon,
            key=f"{key}-{name}",
            help=about,
            on_click=session.choose,
            args=(f"{key}-image", (at + step) % n),
            disabled=_reads_sketch(key),
        )
    if not pad.now.sketch.empty:
        st.toggle("Your sketch", key=f"{key}-sketch", persist_state="session")
    if _reads_sketch(key):
        return pad.now.sketch.image, None, "Your sketch"
    name = data.class_names[data.val_labels[at]]
    return data.val_images[at], int(data.val_labels[at]), f"Validation image {at:,}, labelled {name}"


def _reads_sketch(key: str) -> bool:
    return bool(session.widget_value(f"{key}-sketch")) and not session.sketchpad().now.sketch.empty


def open_clicked(shot: Snapshot, click: dict[str, int] | None) -> None:
    """Goes to the page of what was clicked: for an edge Backprop, for a unit Weights or, behind layer 1, Inside."""
    if click is None:
        return
    layer, unit = int(click["layer"]), int(click["unit"])
    if "source" in click:
        pick(*weight_between(shot.config, shot.weights, layer, int(click["source"]), unit))
        session.show_in_widget(SECTION, "follow")
        st.switch_page(BACKPROP_PAGE)
    if layer == 0:
        session.choose("unit", min(unit, first_filters(shot.weights).shape[1] - 1))
        st.switch_page(WEIGHTS_PAGE)
    inside.show_unit(shot.config, layer, unit)
    st.switch_page(inside.PAGE)
