"""The first look: what Glassnet is, one button, and real digits read by the network that comes with it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nn_core.explain import hidden_layers, layer_outputs
from nn_core.machine.memory import Array
from nn_core.nn.network import outline
from nn_core.runs import Snapshot
from ui import session
from ui.charts.bars import probability_bars
from ui.charts.walls import image_detail, image_wall, tile_wall
from ui.components.live_plot import live_plot
from ui.panels.empty_state import train_button
from ui.words import plain

N_DIGITS, COLUMNS = 24, 12
FIRST = 2  # the digit that is read until another one is clicked
TITLE = "Watch a neural network learn to read"


def first_look() -> None:
    """What one sees before anything is trained."""
    config = session.draft()
    n = min(config.n_train, len(session.dataset().train_labels))
    with st.container(key="welcome"):
        st.title(TITLE, anchor=False)
        st.markdown(
            f"It learns from {n:,} handwritten digits while you watch, and you can look at every part of "
            "it: its weights, its outputs, its mistakes."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            train_button()
            st.markdown(f":gray[{plain(outline(config))}, new, with random weights]", width="content")
    session.panel("The first look", _read_digits)


def _read_digits() -> None:
    """Real digits; the chosen one enlarged, what the first layer makes of it, and what it is read as."""
    data, shot = session.dataset(), session.shown()
    if shot is None:
        return
    click = session.clicked("welcome-digits")
    if click:
        session.choose("welcome-digit", int(click["z"]))
    images, labels = data.val_images[:N_DIGITS], data.val_labels[:N_DIGITS]
    index = session.chosen("welcome-digit", FIRST)
    captions = [f"labelled {data.class_names[label]}" for label in labels]
    title = f"Click a digit: a trained network reads it. It has never seen these {N_DIGITS}."
    wall = image_wall(images, captions=captions, columns=COLUMNS, chosen=index, title=title)
    live_plot(wall, key="welcome-digits", height=200, clickable=True)
    picture, inside, answer = st.columns([1, 1.6, 1.2])
    p = shot.model.predict_proba(images[index][None])[0]
    with picture:
        name = captions[index].capitalize()
        live_plot(image_detail(images[index], title=name, dark=session.is_dark()), key="welcome-digit", height=280)
    with inside:
        live_plot(_first_layer(shot, images[index]), key="welcome-maps", height=280)
    with answer:
        title = f"Read as {data.class_names[int(p.argmax())]}: probability of each digit"
        bars = probability_bars(p, names=data.class_names, dark=session.is_dark(), title=title)
        live_plot(bars, key="welcome-answer", height=280)
    st.caption(session.reader(session.SHIPPED).caption)


def _first_layer(shot: Snapshot, image: Array) -> Any:
    """The maps of the network's first layer for an image."""
    layer = hidden_layers(shot.config)[0]
    outputs = layer_outputs(shot.model, image[None], 0)[0].reshape(layer.size, -1)
    return tile_wall(
        outputs.T,
        labels=[f"channel {at:,}" for at in range(layer.size)],
        columns=8,
        dark=session.is_dark(),
        title=f"What its first layer makes of it: {layer.size} maps",
        what="maps",
    )
