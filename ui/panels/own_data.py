"""Images of one's own on the page Data: brought in, looked at, changed where the guess is wrong, and used."""

from __future__ import annotations

import time

import streamlit as st

from nn_core.data import N_CLASSES, DataError
from nn_core.own_data import METHODS, Choices, Found, prepared, shaped
from ui import session
from ui.charts.walls import image_wall
from ui.components.live_plot import live_plot
from ui.words import plain

ROUND = "own-data-round"
MOST_MEGABYTES = 200
N_SHOWN = 12


def own_data() -> None:
    """All of it, folded away until it is wanted."""
    in_use = session.draft().dataset
    opened = session.arriving_data() is not None
    with st.expander("Images of your own", icon=":material/add_photo_alternate:", expanded=opened):
        if session.may_add_data():
            _bring()
            session.live("The own images", _come, _is_read)
        else:
            st.caption(plain(session.NO_FILES))
        _kept(in_use)


def _is_read() -> bool:
    coming = session.arriving_data()
    return coming is not None and not coming.over.is_set()


def _bring() -> None:
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        key = f"own-data-{session.chosen(ROUND, 0)}"
        st.file_uploader(
            "An .npz, a pair of idx files (MNIST's form, .gz or not), a CSV table with a label and a number a pixel, "
            "or a zip of pictures, a folder a class",
            accept_multiple_files=True,
            max_upload_size=MOST_MEGABYTES,
            key=key,
            on_change=_take,
            args=(key,),
        )
    with right:
        st.markdown("Without a file:")
        letters = st.text_input("Letters to draw, 2 to 10", "ABCDEFGHIJ", max_chars=40, key="own-letters")
        with st.container(horizontal=True):
            st.button(
                "Draw them", icon=":material/draw:", key="own-draw", on_click=session.draw_letters, args=(letters,)
            )
            st.button(
                "scikit-learn's digits",
                icon=":material/grid_on:",
                key="own-scikit",
                on_click=session.read_scikit_digits,
                help="1,797 digits of 8 x 8 pixels, enlarged. Needs scikit-learn.",
            )


def _take(key: str) -> None:
    files = session.widget_value(key)
    if files:
        session.choose(ROUND, session.chosen(ROUND, 0) + 1)
        session.read_files([(file.name, file.getvalue()) for file in files])


def _come() -> None:
    """How far the reading is, or what was understood."""
    coming = session.arriving_data()
    if coming is None:
        return
    if not coming.over.is_set():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(0.5, text=f"{plain(coming.what)}, {time.monotonic() - coming.begun:.0f} s so far")
            st.button("Cancel", key="own-cancel", icon=":material/close:", on_click=session.stop_reading)
        return
    if coming.found is None:
        st.error(plain(f"{coming.what} cannot be used: {coming.problem}."), icon=":material/database_off:")
        st.button("Close", key="own-close", on_click=session.stop_reading)
        return
    _understood(coming.found)


def _understood(found: Found) -> None:
    """What was read, what can be changed of it, images before and after, and the button that uses it."""
    n, rows, columns = found.images.shape
    said = [f"{n:,} images of {rows} x {columns} pixels, {len(found.classes)} classes.", *found.remarks]
    st.markdown(plain(" ".join(said)))
    choices = _choices(found)
    try:
        after, labels, _ = shaped(found, choices, most=N_SHOWN)
        ready = prepared(found, choices)
    except DataError as error:
        st.error(plain(f"{error}."), icon=":material/database_off:")
        st.button("Put it away", key="own-away", on_click=session.stop_reading)
        return
    names = [plain(choices.names[label]) for label in labels]
    members = [at for at in range(n) if found.labels[at] in choices.classes][:N_SHOWN]
    for title, images in (("Before", found.images[members]), ("After: what the network will see", after)):
        wall = image_wall(images, captions=names, columns=N_SHOWN, title=title)
        live_plot(wall, key=f"own-{title.partition(':')[0].lower()}", height=110)
    n_train, n_test = len(ready.arrays["y_train"]), len(ready.arrays["y_test"])
    st.markdown(plain(" ".join([f"{n_train:,} training and {n_test:,} test images.", *ready.remarks])))
    with st.container(horizontal=True):
        st.button(
            "Use it",
            icon=":material/check:",
            key="own-use",
            type="primary",
            on_click=session.use_own_data,
            args=(choices,),
            help="It is kept on this computer, and a new network begins on it.",
        )
        st.button("Put it away", key="own-away", on_click=session.stop_reading)


def _choices(found: Found) -> Choices:
    """The guess, as the widgets change it."""
    guess = Choices.guessed(found)
    mark = f"{found.title}-{len(found.images)}"  # widgets of another set begin anew
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        classes = guess.classes
        if len(found.classes) > N_CLASSES:
            classes = tuple(
                st.multiselect(
                    f"Classes: up to {N_CLASSES}, as networks here have {N_CLASSES} outputs",
                    range(len(found.classes)),
                    list(guess.classes),
                    format_func=lambda at: plain(found.classes[at]),
                    max_selections=N_CLASSES,
                    key=f"own-classes-{mark}",
                )
            )
        names = st.text_input(
            "Their names, with commas between",
            ", ".join(found.classes[at] for at in classes),
            key=f"own-names-{mark}-{len(classes)}",
        )
    with right:
        inverted = st.toggle(
            "Dark on light: turn it",
            guess.inverted,
            key=f"own-inverted-{mark}",
            help="MNIST's digits are bright on a dark ground. On if the borders of your images are light.",
        )
        turned = st.toggle("On its side: exchange rows and columns", False, key=f"own-turned-{mark}")
        method = guess.method
        if found.images.shape[1:] != (28, 28):
            method = st.selectbox(
                "To 28 x 28",
                list(METHODS),
                format_func=lambda name: plain(METHODS[name][0]),
                key=f"own-method-{mark}",
            )
    return Choices(classes, tuple(name.strip() for name in names.split(",")), inverted, turned, method)


def _kept(in_use: str) -> None:
    """The sets that there are, each with what can be done with it."""
    st.markdown(f"In use: **{plain(in_use)}**")
    for name in ["mnist", *session.own_datasets()]:
        if name == in_use:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(name), width="content")
            st.button("Use", key=f"own-use-{name}", on_click=session.use_dataset, args=(name,))
            if name != "mnist" and session.may_add_data():
                st.button(
                    "Delete",
                    key=f"own-delete-{name}",
                    icon=":material/delete:",
                    type="tertiary",
                    on_click=session.delete_dataset,
                    args=(name,),
                )
