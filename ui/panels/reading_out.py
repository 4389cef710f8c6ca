"""What a network reads on a sketch: the verdict, and the ten probabilities of each digit."""

from __future__ import annotations

import numpy as np
import streamlit as st

from nn_core.machine.memory import Array
from nn_core.sketch.reading import Readings
from ui import session
from ui.charts.bars import probability_bars
from ui.components.live_plot import live_plot
from ui.panels.reading import number_verdict, thresholds, verdict
from ui.session.drawing import State
from ui.session.readers import Reader
from ui.words import plain

FINDING_OUT = "How far this network may be trusted is being found out on the validation images …"
A_ROW = 3  # digits of a number whose bars stand side by side


def read_out(reader: Reader, state: State) -> None:
    """Of one digit the verdict and its bars; of several the number, and the bars of each, from left to right."""
    images = np.stack([digit.image for digit in state.digits])
    raw, found = reader.model.predict_proba(images), session.readings(reader, images)
    if len(images) == 1 or found is None:
        _one(raw[0], found, state)
    else:
        _number(raw, found, state)
    if found is None:
        st.caption(FINDING_OUT)
    if reader.model.loss.about_probabilities:
        st.caption(reader.model.loss.about_probabilities)


def _one(raw: Array, found: Readings | None, state: State) -> None:
    st.html(verdict(raw, session.is_dark(), found))
    _remarks(state)
    live_plot(probability_bars(raw, dark=session.is_dark()), key="reading", height=300)
    if found is not None:
        st.caption(thresholds(found))


def _number(raw: Array, found: Readings, state: State) -> None:
    st.html(number_verdict(found, session.is_dark()))
    _remarks(state)
    for start in range(0, len(raw), A_ROW):
        columns = st.columns(A_ROW)
        for column, at in zip(columns, range(start, min(start + A_ROW, len(raw))), strict=False):
            with column:
                title = f"Digit {at + 1}: {found.verdict[at]}"
                bars = probability_bars(raw[at], dark=session.is_dark(), title=title)
                live_plot(bars, key=f"reading-{at + 1}", height=260)


def _remarks(state: State) -> None:
    if len(state.digits) == 1 and state.sketch.message:
        st.warning(plain(state.sketch.message), icon=":material/brush:")
    if state.note:
        st.caption(plain(state.note))
