"""One image of the split: enlarged, with its ten probabilities, and the ways on from there."""

from __future__ import annotations

import streamlit as st

from nn_core.machine.numbers import probability
from ui import session
from ui.charts.bars import probability_bars
from ui.components.live_plot import live_plot
from ui.panels import inside
from ui.panels.evaluate.place import Place
from ui.panels.gallery import close_up
from ui.words import plain


def image_panel(at: Place, index: int) -> None:
    """One image enlarged, and its ten probabilities."""
    left, right = st.columns([1, 1.15])
    with left:
        name = f"{at.split.capitalize()} image {index:,}, labelled {at.names[at.found.labels[index]]}"
        close_up(at.images[index], title=name, note=f"{name} ({at.data.name}).", key="evaluate", height=250)
        if st.button("Look inside", icon=":material/layers:", key="evaluate-inside", width="stretch"):
            inside.show_image(at.reading.split, index, reader="live")
            st.switch_page(inside.PAGE)
    with right:
        p = at.found.probabilities[index]
        title = f"Read as {at.names[p.argmax()]} with {probability(p.max())}"
        bars = probability_bars(p, names=at.names, dark=session.is_dark(), title=title)
        live_plot(bars, key="evaluate-probabilities", height=290)
        if at.reading.about:
            st.caption(plain(at.reading.about))
