"""The view Errors: all images that are read wrongly, the surest first, leafed through and filtered."""

from __future__ import annotations

import streamlit as st

from ui import session
from ui.components.live_plot import live_plot
from ui.panels.evaluate.image import image_panel
from ui.panels.evaluate.place import Place
from ui.panels.gallery import pager
from ui.panels.why import why
from ui.words import plain

PER_PAGE, COLUMNS = 40, 10
ANY = "any"


def errors_view(at: Place) -> None:
    """A page of the errors at the left, one of them enlarged at the right."""
    left, right = st.columns([1.12, 1])
    with left:
        true, read_as = _filters(at)
        members = at.found.errors(true, read_as)
        label, answer = (ANY if each is None else at.names[each] for each in (true, read_as))
        of = f"Labelled {label}, read as {answer}"
        shown = pager(members, PER_PAGE, what=of, key="evaluate-errors-page")
        click = session.clicked("evaluate-errors")
        if click:
            session.choose("evaluate-error", int(click["z"]))
        if not len(members):
            n = at.found.accuracy.n
            st.info(f"None of these among {n:,} {plain(at.split)} images {plain(at.reading.when)}.")
            return
        picked = session.chosen("evaluate-error")
        index = picked if picked in members else int(shown[0])
        wall = at.wall(shown, index, COLUMNS, title=f"The surest mistakes first, {at.reading.when}")
        live_plot(wall, key="evaluate-errors", height=330, clickable=True)
    with right:
        image_panel(at, index)
    why(at.reader, at.images[index], "evaluate")


def _filters(at: Place) -> tuple[int | None, int | None]:
    """The true class and the answer that the errors are held to; None: any."""
    chosen = []
    columns = st.columns(2)
    for column, (name, label) in zip(columns, (("true", "Labelled"), ("read", "Read as")), strict=True):
        key = f"evaluate-errors-{name}-{len(at.names)}"
        with column:
            picked = st.selectbox(plain(label), [ANY, *at.names], key=key, persist_state="session")
        chosen.append(None if picked == ANY else at.names.index(picked))
    return chosen[0], chosen[1]
