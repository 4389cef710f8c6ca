"""The panels of the Inside page: a layer's outputs for one image, one of its maps, and what speaks for the answer."""

from __future__ import annotations

import numpy as np
import streamlit as st

from nn_core.config.run_config import RunConfig
from nn_core.explain import HiddenLayer, Strongest, activation_map, hidden_layers, receptive_field
from nn_core.explain.saliency import saliency
from nn_core.explain.steps import block_stages
from nn_core.machine.memory import Array
from nn_core.machine.numbers import decimal, probability
from nn_core.nn.network import Network
from ui import session
from ui.charts import maps, tiles
from ui.charts.unit_bars import unit_bars
from ui.charts.walls import image_wall, tile_wall
from ui.components.live_plot import live_plot
from ui.panels.gallery import SPLITS, excites_none, switch
from ui.words import Markdown, plain

N_EXCITING = 12  # images shown for a channel
N_NAMED = 8  # dead channels that are named one by one
PAGE = "pages/look/inside.py"
READER = "inside-reader"  # the page's menu of networks


def show_image(split: session.Split, index: int, reader: str) -> None:
    """Let the page show what a network makes of an image of the data set; `reader` is a key of the page's menu."""
    session.choose_reader(reader, READER)
    _take_image(split, index)


def _take_image(split: session.Split, index: int) -> None:
    session.choose("inside-image", (split, index))
    session.choose("inside-source", "image")


def show_sketch(reader: str) -> None:
    """Let the page show what a network makes of the sketch on the canvas."""
    session.choose_reader(reader, READER)
    session.choose("inside-source", "sketch")


def choose_image() -> tuple[Array, str]:
    """The image uint8 (28, 28) that is looked at, and its label in words; with the widgets that choose it."""
    data, pad = session.dataset(), session.sketchpad()
    click = session.clicked("inside-exciting")
    if click:
        _take_image("val", int(click["z"]))
    split, index = session.chosen("inside-image", ("val", 0))
    images, labels = data.split(split)
    index = min(index, len(labels) - 1)
    source, number = st.columns([1.5, 1], vertical_alignment="bottom")
    session.show_in_widget("inside-source", session.chosen("inside-source", "image"))
    sources = {"image": "Image", "sketch": "Your sketch"}
    with source:
        shown = switch("The image", sources, key="inside-source")
    session.choose("inside-source", shown)
    if shown == "sketch" and not pad.now.sketch.empty:
        return pad.now.sketch.image, ""
    called = f"{SPLITS[split].capitalize()} image"
    if shown == "sketch":
        st.caption(f"Draw one on the page Draw; until then: {called.lower()} {index:,}.")
    else:
        session.show_in_widget("inside-number", index)
        number.number_input(
            called,
            0,
            len(labels) - 1,
            index,
            key="inside-number",
            on_change=lambda: session.choose("inside-image", (split, int(session.widget_value("inside-number")))),
        )
    return images[index], f", labelled {data.class_names[labels[index]]}"


def show_unit(config: RunConfig, layer: int, unit: int) -> None:
    """Let the page show a unit or channel of a hidden layer (from 0) of the run on the page."""
    session.choose_reader("live", READER)
    session.show_in_widget(_layer_options(config)[1], str(layer))
    session.choose("inside-channel", unit)


def choose_layer(model: Network) -> int:
    """Which hidden layer is looked at, counted from 0."""
    options, key = _layer_options(model.config)
    return int(switch("Layer", options, key=key))


def _layer_options(config: RunConfig) -> tuple[dict[str, str], str]:
    """The hidden layers in words, and the key of their switch: another network has other layers, so another switch."""
    layers = hidden_layers(config)
    options = {str(at): f"{layer.title}: {layer.size:,} {layer.unit}s" for at, layer in enumerate(layers)}
    return options, f"inside-layer-{len(layers)}-{'-'.join(options.values())}"


def outputs_wall(model: Network, at: int, outputs: Array) -> int:
    """A wall of what each channel (or unit) of a layer puts out for the image; returns the chosen channel."""
    layer = hidden_layers(model.config)[at]
    click = session.clicked("inside-wall")
    if click and layer.kind == "block" and click["z"] is not None:
        session.choose("inside-channel", int(click["z"]))
    elif click and click["point"] is not None:
        session.choose("inside-channel", int(click["point"]))
    channel = min(session.chosen("inside-channel", 0), layer.size - 1)
    flat = outputs.reshape(layer.size, -1)
    if layer.kind == "block":
        labels = [f"channel {c:,}: largest here {decimal(flat[c].max())}" for c in range(layer.size)]
        figure = tile_wall(
            flat.T,
            labels=labels,
            chosen=channel,
            aspect=1.75,
            dark=session.is_dark(),
            title=f"{layer.title}: {layer.size:,} maps of {layer.side} x {layer.side}",
            what="maps",
        )
        figure = maps.framed(figure, layer.size, session.is_dark())
    else:
        title = f"{layer.title}: outputs of {layer.size:,} units"
        figure = unit_bars(
            flat[:, 0], dark=session.is_dark(), title=title, what="outputs", hover="unit ", chosen=channel
        )
    live_plot(figure, key="inside-wall", height=300, clickable=True)
    if layer.kind == "block":
        st.caption("Colour shows output strength. Click a map for its channel.")
    else:
        st.caption(f"Marked: unit {channel:,}, output {decimal(flat[channel, 0])}. Click a bar for its unit.")
    return channel


def map_panel(model: Network, at: int, channel: int, outputs: Array) -> maps.Field:
    """One of a block's maps (C, H, W) enlarged, on the same colour scale as all of them.

    Returns the receptive field of the chosen place: the one that was clicked, else the one with the largest value.
    """
    click, values = session.clicked("inside-map"), outputs[channel]
    about = (model.config.key(), at)
    if click:
        session.choose("inside-place", (about, (int(click["y"]), int(click["x"]))))
    of, place = session.chosen("inside-place", (None, (0, 0)))
    if of != about:
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        place = int(row), int(column)
    figure = maps.map_detail(
        values,
        sees=lambda row, column: receptive_field(model.config, at, row, column),
        place=place,
        dark=session.is_dark(),
        title=f"Channel {channel:,}: output",
        limit=float(tiles.weight_limits(outputs.reshape(len(outputs), -1).T, True)[channel]),
        image_key="inside-image",
    )
    live_plot(figure, key="inside-map", height=300, clickable=True)
    field = receptive_field(model.config, at, *place)
    st.caption(
        f"Selected cell: output {decimal(values[place])}; it sees {plain(maps.span(field))}. "
        "Point at another, or click it."
    )
    return field


def stages(model: Network, image: Array, at: int, channel: int) -> None:
    """How the map of a channel comes about: convolution, pooling, normalization and activation side by side."""
    parts = [(stage.name, stage.maps[channel]) for stage in block_stages(model, image, at)]
    limit = max(float(np.abs(values).max()) for _, values in parts)
    st.markdown(f"**Channel {channel:,}, step by step**: " + ", then ".join(plain(name) for name, _ in parts))
    for number, (column, (name, values)) in enumerate(zip(st.columns(len(parts)), parts, strict=True), start=1):
        title = f"{number} {name}"
        figure = maps.stage_picture(values, limit=limit, title=title, dark=session.is_dark())
        with column:
            live_plot(figure, key=f"inside-stage-{number}", height=170)
    sizes = " to ".join(dict.fromkeys(f"{len(values)} x {len(values)}" for _, values in parts))
    st.caption(f"From {plain(sizes)} values, on one colour scale up to ±{limit:.3g}.")


def kernels(model: Network, layer: HiddenLayer, channel: int) -> None:
    """The kernels with which a channel of a block looks at the maps before it."""
    W = model.parts[f"conv{layer.number}"].params["W"][channel]  # (C_in, K, K)
    first, many = layer.number == 1, len(W) > 1
    before = "the image" if first else f"the {len(W)} maps before" if many else "the map before"
    figure = tile_wall(
        W.reshape(len(W), -1).T,
        labels=["the kernel" if first else f"kernel for map {c:,} of the layer before" for c in range(len(W))],
        aspect=1.6,
        dark=session.is_dark(),
        title=f"Kernel{'s' if many else ''} of channel {channel:,} on {before}",
        what="kernels",
    )
    live_plot(figure, key="inside-kernels", height=190)


def exciting(model: Network, at: int, channel: int, found: Strongest) -> None:
    """The validation images on which a channel is largest; outside of what it saw there, they are greyed."""
    layer, data = hidden_layers(model.config)[at], session.dataset()
    dead = _dead_in_words(layer, found.dead)
    if found.dead[channel]:
        st.info(excites_none(f"{plain(layer.unit)} {channel:,}", len(data.val_labels)))
        st.caption(dead)
        return
    images, captions = [], []
    for index, value, row, column in zip(
        *(of[channel] for of in (found.images, found.values, found.rows, found.columns)), strict=True
    ):
        image = data.val_images[index]
        label = data.class_names[data.val_labels[index]]
        seen = ""
        if layer.kind == "block":
            field = receptive_field(model.config, at, int(row), int(column))
            image, seen = maps.dimmed_outside(image, field), f", at {maps.span(field)}"
        images.append(image)
        captions.append(f"validation image {index:,}, labelled {label}: {decimal(value)}{seen}")
    title = f"What excites {layer.unit} {channel:,} most, of {len(data.val_labels):,} validation images"
    wall = image_wall(
        np.stack(images), captions=captions, columns=N_EXCITING // 2, title=title, numbers=found.images[channel]
    )
    live_plot(wall, key="inside-exciting", height=210, clickable=True)
    st.caption(f"{dead}Click an image to look inside the network with it.")


def _dead_in_words(layer: HiddenLayer, dead: Array) -> Markdown:
    """Which of a layer's channels put out 0 for every validation image, in a sentence; "" where none do."""
    names = np.flatnonzero(dead).tolist()
    if not names:
        return ""
    more = f" and {len(names) - N_NAMED:,} more" * (len(names) > N_NAMED)
    listed = ", ".join(f"{name:,}" for name in names[:N_NAMED]) + more
    if len(names) == layer.size:
        return f"All {layer.size:,} {plain(layer.unit)}s are dead: 0 for every validation image. "
    which = f"{len(names):,} of {layer.size:,} {plain(layer.unit)}s are dead"
    return f"{which}, 0 for every validation image: {plain(listed)}. "


def why(model: Network, image: Array, labelled: str, field: maps.Field | None) -> None:
    """The image, framed where the chosen place of a map sees it, and what in it speaks for and against a digit."""
    names, dark = session.dataset().class_names, session.is_dark()
    p = model.predict_proba(image[None])[0]
    read_as = int(p.argmax())
    title = f"Read as {names[read_as]} with {probability(p[read_as])}{labelled}"
    live_plot(maps.image_under(image, None, field=field, dark=dark, title=title), key="inside-image", height=218)
    digit = read_as
    key = f"inside-digit-{len(names)}"
    picked = st.selectbox("Which pixels raise the score of", ["the answer", *names], key=key, persist_state="session")
    if picked != "the answer":
        digit = names.index(picked)
    found = activation_map(model, image, digit)
    over, found_by = saliency(model, image, digit), "Saliency: Simonyan et al. 2014"
    drawn = [(over, f"Saliency, {names[digit]}", "score per brightness", "inside-saliency")]
    if found is not None:
        drawn.append((found.over_image, f"{found.name}, {names[digit]}", "effect on the score", "inside-cam"))
        found_by += f"; {found.name}: {found.citation}"
    for place, (values, title, what, key) in zip(st.columns(len(drawn)), drawn, strict=True):
        with place:
            figure = maps.image_under(image, values, dark=dark, title=title, what=what)
            live_plot(figure, key=key, height=212 if found is not None else 260)
    st.caption(
        f"Blue pixels raise the score for {plain(names[digit])} above the average of all {len(names)}, orange ones "
        f"lower it. {plain(found_by)}."
    )
