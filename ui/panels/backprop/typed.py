"""Weights, inputs and targets as they are typed: in tables of numbers, or as a text in JSON or CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from nn_core.config import sentence
from nn_core.explain.walkthrough.given import EXAMPLE, Given, arrays_of, as_json, read_given, read_sizes, resized
from nn_core.explain.walkthrough.step import MOST_IMAGES
from nn_core.machine.memory import Array
from ui import session
from ui.panels.gallery import switch
from ui.words import plain

FORMS = {"tables": "Tables", "text": "JSON or CSV"}
TEXT, SIZES, EXAMPLES = "backprop-given", "backprop-sizes", "backprop-examples"  # widgets
BASE, LAST = "backprop-base", "backprop-typed"  # what the tables begin with, and what stands in them
MOST_CHARACTERS = 500_000
HOW = (
    "JSON as here, or CSV: a line with the name, then its rows. W has a row for each input and a column for each unit, "
    "x a row for each example; y holds class numbers. Up to 784 inputs, 16 units a layer, 5 layers, 8 examples."
)


def typed_text() -> str:
    """What is typed, as a text that `read_given` takes; tables and text hold the same when one changes over."""
    if switch("Typed", FORMS, key="backprop-form") == "tables":
        text = _tables()
        session.show_in_widget(TEXT, text)
        return text
    text = st.text_area("Weights, inputs and targets", EXAMPLE, 210, MOST_CHARACTERS, key=TEXT,
                        persist_state="session", help=HOW)  # fmt: skip
    if text != session.chosen(LAST):
        session.choose(LAST, text)
        given = _readable(text)
        if given is not None:
            _begin(given)
            session.show_in_widget(SIZES, given.outline)
            session.show_in_widget(EXAMPLES, len(given.x))
    return text


def _begin(given: Given) -> None:
    """Let the tables begin with these numbers; they are new tables then."""
    version, _ = session.chosen(BASE, (0, None))
    session.choose(BASE, (version + 1, given))


def _readable(text: str) -> Given | None:
    try:
        return read_given(text)
    except ValueError:
        return None


def _tables() -> str:
    if session.chosen(BASE) is None:
        _begin(read_given(EXAMPLE))
    _, base = session.chosen(BASE)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sizes_text = st.text_input("Sizes, the inputs first", base.outline, 60, key=SIZES, persist_state="session",
                                   width=200)  # fmt: skip
        m = int(st.number_input("Examples", 1, MOST_IMAGES, len(base.x), key=EXAMPLES, persist_state="session",
                                width=110))  # fmt: skip
    try:
        sizes = read_sizes(sizes_text)
    except ValueError as error:
        st.warning(plain(sentence(str(error))), icon=":material/edit:")
        sizes = base.sizes
    if (sizes, m) != (base.sizes, len(base.x)):
        _begin(resized(_readable(session.chosen(LAST, "")) or base, sizes, m))
    version, base = session.chosen(BASE)
    rows = {}
    for name, values in arrays_of(base).items():
        if name[0] in "Wx":
            left, right = st.columns([1.4, 1])
        with left if name[0] in "Wx" else right:
            rows[name] = _table(name, values, version)
    text = as_json(rows)
    session.choose(LAST, text)
    return text


def _table(name: str, values: Array, version: int) -> list[list[float | str]]:
    """One array, to be typed over: its rows, a blank for what was left out."""
    down, across = _labels(name, values.shape)
    st.caption(f"{plain(name)}, ({values.shape[0]:,} × {values.shape[1]:,})")
    frame = pd.DataFrame(values, index=down, columns=across)
    column = st.column_config.NumberColumn(format="%g", width=88)
    edited = st.data_editor(frame, key=f"backprop-table-{name}-{version}", height="content" if len(frame) < 9 else 320,
                            column_config=dict.fromkeys(across, column), width="content")  # fmt: skip
    return [[_cell(name, value) for value in row] for row in edited.to_numpy(float).tolist()]


def _cell(name: str, value: float) -> float | str:
    """A number as it is written in a text: a class without a point; a word where nothing stands."""
    if np.isnan(value):
        return "blank"
    return int(value) if name == "y" and value.is_integer() else value


def _labels(name: str, shape: tuple[int, ...]) -> tuple[list[str], list[str]]:
    """What rows and columns of an array are called."""
    first = "input" if name == "W1" else "unit"
    down = {"W": first, "b": "bias", "x": "example", "y": "example"}[name[0]]
    across = {"x": "input", "y": "class"}.get(name[0], "unit")
    rows = [down] if name[0] == "b" else [f"{down} {row}" for row in range(shape[0])]
    return rows, [across] if name == "y" else [f"{across} {column}" for column in range(shape[1])]
