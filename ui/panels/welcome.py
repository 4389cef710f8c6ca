"""The first look: what Glassnet is, one button, and real digits read by the network that comes with it."""

from __future__ import annotations

import streamlit as st

from nn_core.explain.graph import network_graph
from nn_core.nn.network import outline
from ui import session
from ui.charts.walls import image_wall
from ui.components.live_plot import live_plot
from ui.components.network_picture import message_of, network_picture
from ui.panels.empty_state import train_button
from ui.panels.network_picture import answer, open_clicked
from ui.words import plain

N_DIGITS, COLUMNS = 24, 12
N_UNITS = 16  # of a layer that are shown
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
    """Real digits, and what the network that comes with Glassnet makes of the chosen one, as a picture."""
    data, shot = session.dataset(), session.shown()
    if shot is None:
        return
    open_clicked(shot, session.clicked("welcome-network"))
    click = session.clicked("welcome-digits")
    if click:
        session.choose("welcome-digit", int(click["z"]))
    images, labels = data.val_images[:N_DIGITS], data.val_labels[:N_DIGITS]
    index = session.chosen("welcome-digit", FIRST)
    captions = [f"labelled {data.class_names[label]}" for label in labels]
    title = f"Click a digit: a trained network reads it. It has never seen these {N_DIGITS}."
    wall = image_wall(images, captions=captions, columns=COLUMNS, chosen=index, title=title)
    live_plot(wall, key="welcome-digits", height=200, clickable=True)
    graph = network_graph(shot.model, images[index], int(labels[index]), n_shown=N_UNITS)
    said = answer(graph, data.class_names)
    network_picture(
        message_of(graph, data.class_names, session.is_dark()),
        key="welcome-network",
        height=270,
        caption=captions[index].capitalize(),
        label=f"The network. {said}.",
    )
    st.caption(f"{plain(said)}. {session.reader(session.SHIPPED).caption}")
