"""The view Matrix: what is read as what, the scores of each digit, and the images of the chosen cell."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nn_core.machine.numbers import percent
from nn_core.nn.metrics import cell_images, most_common_confusion
from ui import session
from ui.charts.matrix import confusion_matrix as matrix_chart
from ui.charts.matrix import matrix_difference
from ui.components.live_plot import live_plot
from ui.panels.evaluate.image import image_panel
from ui.panels.evaluate.place import Place
from ui.panels.gallery import score_table, switch
from ui.panels.why import why
from ui.words import Markdown, plain

N_SHOWN, COLUMNS = 40, 10
Cell = tuple[int, int]  # true class, read as


def matrix_view(at: Place) -> None:
    """The matrix and the scores at the left, the images of the chosen cell at the right."""
    left, right = st.columns([1.12, 1])
    click = session.clicked("evaluate-matrix")
    if click:
        session.choose("cell", tuple(click["customdata"]))
    worst = most_common_confusion(at.found.confusion)
    cell = session.chosen("cell") or worst or (0, 0)
    with left:
        _matrix(at, cell)
        n_right, n = at.found.accuracy.right, at.found.accuracy.n
        st.caption(
            f"{n_right:,} of {n:,} right ({percent(at.found.accuracy.value)}), {n - n_right:,} wrong. "
            "Click a cell for its images."
        )
        score_table(at.found.confusion, at.names, f"{at.of}, n={n:,}")
    with right:
        index = _shown_cell(at, cell, " (the most common confusion)" if cell == worst else "")
    if index is not None:
        why(at.reader, at.images[index], "evaluate")


def _matrix(at: Place, cell: Cell) -> None:
    numbers = {"counts": "Counts", "shares": "Row %"}
    if at.beside is not None:
        numbers["difference"] = "Minus the other"
    unit = switch("Numbers", numbers, key=f"evaluate-numbers{'-two' if at.beside else ''}")
    options: dict[str, Any] = {"names": at.names, "chosen": cell, "dark": session.is_dark()}
    if unit == "difference" and at.beside is not None:
        figure = matrix_difference(
            at.found.confusion, at.beside.found.confusion, title=f"{at.of}, minus the other network", **options
        )
    else:
        figure = matrix_chart(at.found.confusion, normalize=unit == "shares", title=at.of, **options)
    live_plot(figure, key="evaluate-matrix", height=390, clickable=True)


def _shown_cell(at: Place, cell: Cell, remark: Markdown) -> int | None:
    """The images of a cell, the most confident first, and one of them enlarged, which is returned."""
    found, split = at.found, at.split
    members = cell_images(found.labels, found.probabilities, *cell)
    true, read_as = (plain(at.names[each]) for each in cell)
    n_true = int((found.labels == cell[0]).sum())
    st.markdown(f"**{true} read as {read_as}**{remark}: {len(members):,} of {n_true:,} {plain(split)} images")
    click = session.clicked("evaluate-images")
    if click:
        session.choose("evaluate-image", (at.reading.split, cell, int(click["z"])))
    *place, index = session.chosen("evaluate-image", (None, None, 0))
    if place != [at.reading.split, cell]:
        index = int(members[0]) if len(members) else None
        session.choose("evaluate-image", (at.reading.split, cell, index) if len(members) else (None, None, 0))
    shown = members[:N_SHOWN]
    which = "The most" if len(shown) == len(members) else f"The {len(shown)} most"
    with st.container(height=205, border=False, key="cell-images"):
        if len(members):
            wall = at.wall(shown, index, COLUMNS, title=f"{which} confident first, {at.reading.when}")
            live_plot(wall, key="evaluate-images", height=200, clickable=True)
        else:
            st.info(f"No {plain(split)} image of {true} is read as {read_as} {plain(at.reading.when)}.")
    if index is not None:
        image_panel(at, index)
    return None if index is None else int(index)
