"""One first-layer unit on the page Weights: its filter, what leaves it, and the images that excite it most."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from nn_core.explain import class_votes, first_filters, first_shifts, hidden_sizes, outgoing_weights
from nn_core.machine.memory import Array
from nn_core.machine.numbers import decimal
from nn_core.runs import Snapshot
from ui import session
from ui.charts import tiles
from ui.charts.unit_bars import unit_bars
from ui.charts.walls import filter_detail, image_wall
from ui.components.live_plot import live_plot
from ui.panels.gallery import excites_none, first_layer_words, next_layer_names, outputs_words, unit_name
from ui.texts import linked
from ui.words import Markdown, plain

N_EXCITING = 16


def linearly(weights: Mapping[str, Array]) -> Markdown:
    """A sentence, with a space before it, on how the class of a unit is found where several layers follow; else ""."""
    if len(hidden_sizes(weights)) < 2:
        return ""
    normalized = " and their normalization" if "norm1.gamma" in weights else ""
    return (
        f" Which score a unit raises most is an estimate: all weights behind it{normalized} multiplied, as if there "
        "were no activations between."
    )


def detail(shot: Snapshot, unit: int) -> None:
    """One unit: its filter, its outgoing weights, and the validation images that excite it most."""
    W, classes, dark = first_filters(shot.weights), session.dataset().class_names, session.is_dark()
    name = unit_name(shot.config, unit, classes)
    session.show_in_widget("weights-unit", unit)
    picked, facts = st.columns([1, 1.6], vertical_alignment="bottom")
    picked.number_input(
        plain(name.split()[0]),
        0,
        W.shape[1] - 1,
        unit,
        key="weights-unit",
        on_change=lambda: session.choose("unit", session.widget_value("weights-unit")),
    )
    w = W[:, unit]
    added, why = _added(shot.weights, unit)
    facts.markdown(f"**{plain(name)}**: norm {np.linalg.norm(w):.2f}, {added}", help=why and linked(why))
    own_scale = session.widget_value("weights-own-scale")
    limit = float(tiles.weight_limits(W, not own_scale)[unit])
    live_plot(filter_detail(w, limit=limit, dark=dark, title="Weights"), key="weights-filter", height=310)
    outgoing = outgoing_weights(shot.weights)
    if outgoing is not None:
        _outgoing(shot.weights, outgoing, unit)
    _exciting(shot, unit)


def _added(weights: Mapping[str, Array], unit: int) -> tuple[Markdown, Markdown | None]:
    """What is added to a unit's sum, in words, and what normalization has to do with it."""
    value = float(first_shifts(weights)[unit])
    if "norm1.mean" in weights:
        return f"shift {decimal(value, 3)}", "Batch normalization removes the bias and adds a shift of its own."
    if "norm1.beta" in weights:
        beta = float(weights["norm1.beta"][unit])
        return (
            f"bias {decimal(value, 3)}",
            f"Behind it layer normalization adds a shift of its own, here {decimal(beta, 3)}.",
        )
    return f"bias {decimal(value, 3)}", None


def _outgoing(weights: Mapping[str, Array], outgoing: Array, unit: int) -> None:
    """The weights that leave a unit, and the class that it speaks for."""
    last, classes = len(hidden_sizes(weights)) == 1, session.dataset().class_names
    best = classes[class_votes(weights)[unit].argmax()]
    word, names = ("", classes) if last else next_layer_names(weights)
    speaks = f"raises the score of {best} most{'' if last else ' (estimate)'}" if outgoing[unit].any() else "all zero"
    bars = unit_bars(
        outgoing[unit],
        names=names,
        limit=float(np.abs(outgoing).max()),
        dark=session.is_dark(),
        title=f"Outgoing weights: {speaks}",
        hover=f"to {word}",
    )
    live_plot(bars, key="weights-outgoing", height=140)


def _exciting(shot: Snapshot, unit: int) -> None:
    """The validation images on which a unit puts out most."""
    images, labels = session.dataset().split("val")
    classes = session.dataset().class_names
    found = session.strongest(session.reader("live"), 0, N_EXCITING)
    if found.dead[unit] and hidden_sizes(shot.weights):
        st.info(excites_none(f"{plain(first_layer_words(shot.config)[0])} {unit:,}", len(labels)))
        return
    indices, values = found.images[unit], found.values[unit]
    captions = [
        f"Validation image {i:,}, labelled {classes[labels[i]]}: {decimal(value)}"
        for i, value in zip(indices, values, strict=True)
    ]
    title = f"What excites it most, of {len(labels):,} validation images"
    live_plot(image_wall(images[indices], captions=captions, columns=8, title=title), key="weights-images", height=130)
    what = plain(outputs_words(shot.weights))
    text = (
        f"{what} from {decimal(values[-1])} to {decimal(values[0])}." if values[0] > values[-1] else "All images alike."
    )
    st.caption(text)
