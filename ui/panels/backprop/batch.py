"""What the training step is made on: a training image, the sketch, or a mini-batch of up to eight."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nn_core.explain.walkthrough.step import MOST_IMAGES
from nn_core.machine.memory import Array
from ui import session
from ui.panels.gallery import switch
from ui.words import Markdown, plain

SOURCES = {"image": "One image", "batch": "Mini-batch", "sketch": "Your sketch"}


class Batch(NamedTuple):
    """What is learned from."""

    images: Array  # uint8 (m, 28, 28)
    labels: Array  # (m,)
    about: Markdown


def choose_batch(row: DeltaGenerator) -> Batch:
    """The batch, with the widgets that choose it, in `row`."""
    data, pad = session.dataset(), session.sketchpad()
    with row:
        source = switch("Learn from", SOURCES, key="backprop-source")
        if source == "sketch" and not pad.now.sketch.empty:
            names = list(data.class_names)
            named = st.selectbox(
                "It should be read as", names, key="backprop-target", persist_state="session", width=170
            )
            return Batch(pad.now.sketch.image[None], np.array([names.index(named)]), "Your sketch.")
        last = len(data.train_images) - 1
        first = int(
            st.number_input("Training image", 0, last, 0, key="backprop-image", persist_state="session", width=170)
        )
        m = 1
        if source == "batch":
            m = int(
                st.number_input("How many", 2, MOST_IMAGES, 4, key="backprop-m", persist_state="session", width=110)
            )
    first = min(first, last + 1 - m)
    labels = np.asarray(data.train_labels[first : first + m]).astype(np.int64)
    if source == "sketch":
        about = f"Draw one on the page Draw; until then: training image {first:,}."
    else:
        said = ", ".join(data.class_names[label] for label in labels)
        about = f"Training image{'s' * (m > 1)} {first:,}{f' to {first + m - 1:,}' * (m > 1)}, labelled {plain(said)}."
    return Batch(data.train_images[first : first + m], labels, about)
