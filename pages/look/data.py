"""Data: the images themselves, how many there are of each digit, and what each digit is on average."""

import numpy as np
import streamlit as st

from ui import session
from ui.charts.bars import count_bars
from ui.charts.walls import image_wall
from ui.components.live_plot import live_plot
from ui.panels.gallery import SPLITS, close_up, none_of, pager, switch
from ui.panels.own_data import own_data
from ui.panels.why import why
from ui.words import plain

PER_PAGE, COLUMNS = 98, 14
ALL = "all"


def controls() -> tuple[session.Split, str]:
    """The split and the digit to look at, "all" for every digit."""
    left, right = st.columns([1, 1.1])
    with left:
        split = switch(
            "Split",
            {name: f"{SPLITS[name].capitalize()} {len(data.split(name)[1]):,}" for name in SPLITS},
            key="data-split",
            help="The network learns from the training images. Validation is for choosing settings, test for the "
            "final report, never for choosing. Try the same digit in all three.",
            show_label=True,
        )
    click = session.clicked("data-means") or session.clicked("data-counts")
    if click:
        number = click["point"] if click["z"] is None else click["z"]
        session.show_in_widget("data-digit", data.class_names[int(number)])
    digit = right.pills(
        "Digit",
        [ALL, *data.class_names],
        default=ALL,
        required=True,
        key="data-digit",
        persist_state="session",
        wrap=True,
    )
    return split, digit


def images() -> None:
    """The images of a split and digit, a page at a time; the chosen one enlarged; under them the whole split."""
    split, digit = controls()
    pictures, labels = data.split(split)
    highlight = None if digit == ALL else data.class_names.index(digit)
    members = np.arange(len(labels)) if highlight is None else np.flatnonzero(labels == highlight)
    what = f"{SPLITS[split].capitalize()} images, {'all digits' if highlight is None else f'digit {digit}'}"
    left, right = st.columns([2.15, 1])
    with left:
        shown = pager(members, PER_PAGE, what=what, key="data-page")
        if not len(shown):
            none_of(split, digit)
            whole_split(split, highlight)
            return
        click = session.clicked("data-wall")
        if click:
            session.choose("data-image", (split, int(click["z"])))
        at = session.chosen("data-image", ("", 0))
        index = at[1] if at[0] == split and at[1] < len(labels) else int(shown[0])
        names = {
            i: f"{SPLITS[split].capitalize()} image {i:,}, labelled {data.class_names[labels[i]]}"
            for i in [*shown, index]
        }
        wall = image_wall(
            pictures[shown],
            captions=[names[i] for i in shown],
            numbers=shown,
            chosen=index,
            columns=COLUMNS,
        )
        live_plot(wall, key="data-wall", height=340, clickable=True)
    with right:
        close_up(pictures[index], title=names[index], note=f"{names[index]} ({data.name}).", key="data", height=330)
    why(session.reader(next(iter(session.readers()))), pictures[index], "data")
    whole_split(split, highlight)


def whole_split(split: session.Split, highlight: int | None) -> None:
    """The counts and the mean images of a split."""
    labels, dark = data.split(split)[1], session.is_dark()
    of = f"{SPLITS[split]}, n={len(labels):,}"
    left, right = st.columns([1, 1.3])
    counts = np.bincount(labels, minlength=len(data.class_names))
    bars = count_bars(
        counts, names=data.class_names, title=f"Images of each digit ({of})", dark=dark, highlight=highlight
    )
    with left:
        live_plot(bars, key="data-counts", height=170, clickable=True)
    captions = [f"The mean of {n:,} images of {name}" for n, name in zip(counts, data.class_names, strict=True)]
    means = image_wall(
        session.mean_digits(data.identity, split, data),
        captions=captions,
        columns=10,
        chosen=highlight,
        title=f"The mean image of each digit ({of})",
    )
    with right:
        live_plot(means, key="data-means", height=120, clickable=True)
        fewest, most = (plain(data.class_names[at]) for at in (counts.argmin(), counts.argmax()))
        st.caption(
            f"Digit {fewest} has the fewest images ({counts.min():,}), {most} the most ({counts.max():,}). Click a "
            "mean or a bar for that digit, an image to enlarge it."
        )


above, below = st.container(), st.container()
with below:
    own_data()  # first: where the set in use cannot be read, another one can be chosen
with above:
    data = session.dataset()
    session.panel("The images", images)
