"""What several pages share: a switch, leafing through images, one image enlarged, scores, and names of units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from nn_core.config import RunConfig
from nn_core.explain import hidden_sizes, is_convolutional
from nn_core.machine.memory import Array
from nn_core.machine.numbers import PERCENT_COLUMN, percent
from nn_core.nn.metrics import class_scores
from ui import session
from ui.charts.walls import image_detail
from ui.components.live_plot import live_plot
from ui.words import Markdown, plain

SPLITS: dict[session.Split, str] = {"train": "training", "val": "validation", "test": "test"}
DRAW_PAGE = "pages/play/draw.py"


def switch(
    label: str, options: Mapping[str, str], *, key: str, help: str | None = None, show_label: bool = False
) -> Any:
    """One of `options` (value -> text), the first until another is picked; kept over page switches."""
    return st.segmented_control(
        plain(label),
        list(options),
        format_func=options.__getitem__,
        default=next(iter(options)),
        required=True,
        key=key,
        help=help and plain(help),
        persist_state="session",
        label_visibility="visible" if show_label else "collapsed",
    )


def unit_name(config: RunConfig, unit: int, classes: Sequence[str]) -> str:
    """What a first-layer unit is called: without a hidden layer it is a digit's own template."""
    if config.model == "mlp" and not config.hidden:
        return f"Template of {classes[unit]}"
    return f"{first_layer_words(config)[0].capitalize()} {unit:,}"


def first_layer_words(config: RunConfig) -> tuple[str, str]:
    """What the first layer is made of, one and many."""
    return ("channel", "channels") if config.model == "cnn" else ("unit", "units")


def next_layer_words(weights: Mapping[str, Array], classes: Sequence[str]) -> str:
    """What the weights that leave the first layer lead to, where there is one behind it."""
    summed = ", summed over the places" if is_convolutional(weights) else ""
    if len(hidden_sizes(weights)) == 1:
        return f"the outputs {classes[0]} to {classes[-1]}{summed}"
    return f"{'the channels of block 2' if 'conv2.W' in weights else 'the units of the next layer'}{summed}"


def next_layer_names(weights: Mapping[str, Array]) -> tuple[str, list[str]]:
    """What a unit or channel of the second hidden layer is called, and their numbers, for a chart with little room."""
    return "channel " if "conv2.W" in weights else "unit ", [f"{at:,}" for at in range(hidden_sizes(weights)[1])]


def outputs_words(weights: Mapping[str, Array]) -> str:
    """What the numbers are called that say how much an image excites a first-layer unit."""
    if is_convolutional(weights):
        return "Largest outputs at any place,"
    return "Outputs" if hidden_sizes(weights) else "Logits"


def excites_none(name: Markdown, n: int) -> Markdown:
    """What is said of a dead unit instead of showing what excites it, of n validation images."""
    return f"No image excites {name}: its output is 0 for all {n:,} validation images."


def pager(members: Array, per_page: int, *, what: str, key: str) -> Array:
    """Say which of the `members` (indices) this page shows, with buttons for the page before and after; returns them.

    The first page is shown whenever `what`, the name of the members, is new.
    """
    last = max(0, len(members) - 1) // per_page
    page = min(last, session.chosen(key, {}).get(what, 0))
    shown = members[page * per_page : (page + 1) * per_page]
    place = f"{page * per_page + 1:,} to {page * per_page + len(shown):,} of {len(members):,}" if len(shown) else "none"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(what)}**: {place}", width="content")
        arrows = st.container(horizontal=True, width="content", gap="small")  # side by side on a phone too
        for label, name, icon, target, help_text in (
            ("Back", "back", ":material/chevron_left:", page - 1, "The images before"),
            ("Next", "on", ":material/chevron_right:", page + 1, "The next images"),
        ):
            arrows.button(
                label,
                icon=icon,
                key=f"{key}-{name}",
                help=help_text,
                disabled=not 0 <= target <= last,
                on_click=session.choose,
                args=(key, {what: target}),
            )
    return shown


def none_of(split: session.Split, name: str) -> None:
    """Says that a split has no image of a class."""
    st.info(f"The {plain(SPLITS[split])} images of this data set have none of {plain(name)}.")


def close_up(image: Array, *, title: str, note: str, key: str, height: int = 300) -> None:
    """An image uint8 (28, 28) enlarged under `title`, and a button that puts it on the canvas, named by `note`."""
    live_plot(image_detail(image, title=title, dark=session.is_dark()), key=f"{key}-detail", height=height)
    if st.button("Put it on the canvas", icon=":material/draw:", key=f"{key}-canvas", width="stretch"):
        session.sketchpad().put_digit(image, note=note)
        st.switch_page(DRAW_PAGE)


def score_table(counts: Array, names: Sequence[str], of: str) -> None:
    """Precision, recall, F1 and number of images of each class, from a confusion matrix; `of` says of which images."""
    scores = class_scores(counts)
    there = set(scores.present.tolist())
    shares = {
        name: [100 * float(value) if at in there else None for at, value in enumerate(values)]
        for name, values in (("precision", scores.precision), ("recall", scores.recall), ("F1", scores.f1))
    }
    help_texts = {
        "precision": "Of the images read as this digit, how many are it",
        "recall": "Of the images of this digit, how many are read as it",
        "F1": "The harmonic mean of precision and recall",
    }
    columns: dict[str, Any] = {
        name: st.column_config.NumberColumn(help=text, format=PERCENT_COLUMN, width=74)
        for name, text in help_texts.items()
    }
    columns["digit"] = st.column_config.TextColumn(width=44)
    columns["images"] = st.column_config.NumberColumn(
        width=62, format="localized", help="How many images of this digit there are"
    )
    st.dataframe(
        {"digit": list(names), **shares, "images": scores.support},
        hide_index=True,
        height=28 * len(names) + 38,
        row_height=28,
        column_config=columns,
    )
    mean, least = percent(scores.mean_f1), percent(scores.f1[scores.hardest])
    st.caption(f"{plain(of)}: mean F1 {mean}; the hardest digit is {plain(names[scores.hardest])}, F1 {least}.")
