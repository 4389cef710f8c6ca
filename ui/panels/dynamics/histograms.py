"""Histograms over steps: how weights, gradients and activations of each layer are spread, at every kept frame."""

from __future__ import annotations

import streamlit as st

from nn_core.instruments.look import n_curved, n_probed
from nn_core.instruments.measures.histograms import KINDS
from nn_core.instruments.readings import layer_titles
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.charts.dynamics import histogram_maps
from ui.components.live_plot import live_plot
from ui.panels.gallery import switch
from ui.texts import linked
from ui.words import plain

KEY = "dynamics-histograms-plot"
OF_A_LAYER, MARGIN = 120, 60  # pixels


def draw(shot: Snapshot, axis: Axis) -> None:
    """A heat map a layer; a click on a column leads the time machine there."""
    click = session.clicked(KEY)
    if click and isinstance(click.get("customdata"), (int, float)):
        session.look(int(click["customdata"]))
    kind = switch("Histograms of", {kind: kind for kind in KINDS}, key="dynamics-histograms-of")
    counted, missing = session.spreads()
    found = [(frame, of[kind]) for frame, of in counted if of[kind]]
    if not found:
        none = not shot.config.hidden and shot.config.model == "mlp" and kind == "activations"
        st.info("This network has no hidden layer." if none else "The histograms are being counted.")
        return
    on = {
        "weights": "",
        "gradients": f" on the first {n_curved(shot.config):,} images trained on, without augmentation",
        "activations": f" on {n_probed(shot.config):,} validation images",
    }[kind]
    left = f" {missing:,} more frames are being counted." if missing else ""
    st.caption(
        f"The {plain(kind)} of each layer{plain(on)}. A column is one of {len(found)} kept frames.{left} "
        "Click it to look back at its step.",
        help=linked(
            "Each column is a histogram from bottom to top: the darker, the more of the values lie there, by the "
            "square root of their share. Weights that spread out, gradients that shrink from layer to layer, and "
            "activations that all lie at 0 are seen here first.\n\nCounted from the kept frames while this panel is "
            "open; nothing is recorded for it. Source: TensorBoard's histograms (Abadi et al. 2016)."
        ),
    )
    titles = layer_titles(shot.config)
    n_layers = len({layer for _, of in found for layer in of})
    figure = histogram_maps(
        found,
        shot.series,
        titles=titles,
        what=kind,
        x=axis,
        cursor=session.looked_at_step(),
        edits=shot.edits,
        dark=session.is_dark(),
    )
    live_plot(figure, key=KEY, height=MARGIN + OF_A_LAYER * n_layers, clickable=True)
