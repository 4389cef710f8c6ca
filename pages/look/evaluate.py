"""Evaluate: what is read as what, how well each digit is read, and the very images behind every number."""

import streamlit as st

from nn_core.machine.numbers import percent, probability
from nn_core.nn.metrics import cell_images, confusion_matrix, most_common_confusion
from ui import session
from ui.charts.bars import probability_bars
from ui.charts.matrix import confusion_matrix as matrix_chart
from ui.charts.walls import image_wall
from ui.components.live_plot import live_plot
from ui.panels import inside
from ui.panels.empty_state import example
from ui.panels.gallery import SPLITS, close_up, score_table, switch
from ui.words import Markdown, plain

N_SHOWN, COLUMNS = 40, 10
Cell = tuple[int, int]  # true class, read as


def evaluation() -> None:
    """The matrix and the scores at the left, the images of the chosen cell at the right."""
    left, right = st.columns([1.12, 1])
    with left.container(horizontal=True):
        what = switch("Split", session.what_to_evaluate(), key="evaluate-split")
        unit = switch("Numbers", {"counts": "Counts", "shares": "Row %"}, key="evaluate-numbers")
    reading = session.reading(what)
    if reading is None:
        return
    labels = data.split(reading.split)[1]
    counts = confusion_matrix(labels, reading.probabilities.argmax(axis=1), len(classes))
    click = session.clicked("evaluate-matrix")
    if click:
        session.choose("cell", tuple(click["customdata"]))
    worst = most_common_confusion(counts)
    cell = session.chosen("cell") or worst or (0, 0)
    of = f"{SPLITS[reading.split].capitalize()} {reading.when}"
    with left:
        figure = matrix_chart(
            counts,
            normalize=unit == "shares",
            names=classes,
            chosen=cell,
            dark=session.is_dark(),
            title=of,
        )
        live_plot(figure, key="evaluate-matrix", height=390, clickable=True)
        n_right, n = int(counts.trace()), len(labels)
        st.caption(
            f"{n_right:,} of {n:,} right ({percent(n_right / n)}), {n - n_right:,} wrong. Click a cell for its images."
        )
        score_table(counts, classes, f"{of}, n={n:,}")
    with right:
        cell_panel(reading, cell, " (the most common confusion)" if cell == worst else "")


def cell_panel(reading: session.Reading, cell: Cell, remark: Markdown) -> None:
    """The images of a cell, the most confident first, and one of them enlarged."""
    images, labels = data.split(reading.split)
    members = cell_images(labels, reading.probabilities, *cell)
    true, read_as = (plain(classes[at]) for at in cell)
    n_true, split = int((labels == cell[0]).sum()), SPLITS[reading.split]
    st.markdown(f"**{true} read as {read_as}**{remark}: {len(members):,} of {n_true:,} {split} images")
    click = session.clicked("evaluate-images")
    if click:
        session.choose("evaluate-image", (reading.split, cell, int(click["z"])))
    *place, index = session.chosen("evaluate-image", (None, None, 0))
    if place != [reading.split, cell]:
        index = int(members[0]) if len(members) else None
        session.choose("evaluate-image", (reading.split, cell, index) if len(members) else (None, None, 0))
    shown = members[:N_SHOWN]
    which = "The most" if len(shown) == len(members) else f"The {len(shown)} most"
    with st.container(height=205, border=False, key="cell-images"):
        if len(members):
            wall = image_wall(
                images[shown],
                captions=[describe(reading, i) for i in shown],
                numbers=shown,
                chosen=index,
                columns=COLUMNS,
                title=f"{which} confident first, {reading.when}",
            )
            live_plot(wall, key="evaluate-images", height=200, clickable=True)
        else:
            st.info(f"No {split} image of {true} is read as {read_as} {plain(reading.when)}.")
    if index is not None:
        image_panel(reading, index)


def image_panel(reading: session.Reading, index: int) -> None:
    """One image enlarged, and its ten probabilities."""
    images, labels = data.split(reading.split)
    left, right = st.columns([1, 1.15])
    with left:
        name = f"{SPLITS[reading.split].capitalize()} image {index:,}, labelled {classes[labels[index]]}"
        close_up(images[index], title=name, note=f"{name} ({data.name}).", key="evaluate", height=250)
        if st.button("Why? Look inside", icon=":material/layers:", key="evaluate-inside", width="stretch"):
            inside.show_image(reading.split, index, reader="live")
            st.switch_page(inside.PAGE)
    with right:
        p = reading.probabilities[index]
        title = f"Read as {classes[p.argmax()]} with {probability(p.max())}"
        bars = probability_bars(p, names=classes, dark=session.is_dark(), title=title)
        live_plot(bars, key="evaluate-probabilities", height=290)
        if reading.about:
            st.caption(plain(reading.about))


def describe(reading: session.Reading, index: int) -> str:
    """An image in one line."""
    p = reading.probabilities[index]
    true = classes[data.split(reading.split)[1][index]]
    return f"image {index:,}, labelled {true}, read as {classes[p.argmax()]} with {probability(p.max())}"


example()
data = session.dataset()
classes = data.class_names
session.live("The evaluation", evaluation)
