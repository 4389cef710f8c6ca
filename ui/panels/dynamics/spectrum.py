"""The singular values of a layer, as it stands at the step that is looked at, and of the newest update."""

from __future__ import annotations

import numpy as np
import streamlit as st

from nn_core.instruments.measures.spectrum import chance_edge, effective_rank, n_above, singular_values
from nn_core.instruments.readings import layer_titles
from nn_core.instruments.registry import INSTRUMENTS
from nn_core.machine.memory import Array
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.charts.dynamics import singular_chart
from ui.components.live_plot import live_plot
from ui.panels.dynamics.panel import about
from ui.panels.gallery import switch
from ui.words import plain

MOST_WEIGHTS = 1_000_000  # of a layer whose singular values are worked out anew while it trains


def draw(shot: Snapshot, axis: Axis) -> None:
    """The spectrum of a layer with the edge of chance, and beside it that of the newest update."""
    titles = layer_titles(shot.config)
    layer = switch("Layer", titles, key="dynamics-spectrum-layer")
    layer = layer if layer in titles else next(iter(titles))
    update = INSTRUMENTS["update_rank"]
    session.measure(update.name)
    W = _matrix(shot.weights[f"{layer}.W"])
    every = 1 if W.size <= MOST_WEIGHTS else 20  # of its steps a large layer is looked at
    singular: Array = session.steady(
        "singular values", (shot.run_id, layer, shot.step // every), lambda: singular_values(W)
    )
    edge = chance_edge(W.shape, float(W.std()))
    st.caption(
        f"{plain(titles[layer])}, {W.shape[0]:,} x {W.shape[1]:,}, at step {shot.step:,}: effective rank "
        f"**{effective_rank(singular):.1f}**, **{n_above(singular, edge):d}** of {len(singular):,} singular values "
        "beyond chance.",
        help=about(INSTRUMENTS["learned_directions"], shot.config),
    )
    left, right = st.columns(2)
    with left:
        figure = singular_chart(singular, edge, what="Singular values of the weights", dark=session.is_dark())
        live_plot(figure, key="dynamics-spectrum", height=230)
    with right:
        of_update = _of_update(shot, layer)
        if of_update is None or session.looked_at_step() is not None:
            st.info("The newest update is looked at while the run trains and this panel is open.")
            return
        what = f"Of the newest update: effective rank {effective_rank(of_update):.1f}"
        figure = singular_chart(of_update, None, what=what, dark=session.is_dark())
        live_plot(figure, key="dynamics-spectrum-update", height=230)


def _matrix(W: Array) -> Array:
    """A layer's weights as a matrix (n_in, n_out); a convolution's with a column a channel."""
    return W if W.ndim == 2 else W.reshape(len(W), -1).T


def _of_update(shot: Snapshot, layer: str) -> Array | None:
    """The singular values that the newest look at an update has kept."""
    values = np.asarray(shot.kept.get("update_rank", {}).get(layer, ()))
    is_good = values.ndim == 1 and len(values) and values.dtype.kind == "f" and np.isfinite(values).all()
    return values.astype(np.float64) if is_good else None
