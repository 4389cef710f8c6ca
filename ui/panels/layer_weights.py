"""The weights of any layer behind the first on the page Weights: matrices of dense layers, kernels of convolutions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from nn_core.machine.memory import Array
from nn_core.runs import Snapshot
from ui import session
from ui.charts.unit_bars import unit_bars
from ui.charts.walls import tile_wall
from ui.charts.weight_matrix import MOST_CELLS, weight_matrix
from ui.components.live_plot import live_plot
from ui.panels.gallery import switch

MOST_KERNELS = 2_048  # on one wall


def layer_names(weights: Mapping[str, Array]) -> list[str]:
    """The layers that have weights, from the first to the output: "dense1", "conv2", ..."""
    return [name.removesuffix(".W") for name in weights if name.endswith(".W")]


def choose_layer(weights: Mapping[str, Array]) -> str:
    """The layer that is looked at; the first until another is picked."""
    names = layer_names(weights)
    options = {name: _label(weights, name, at, len(names)) for at, name in enumerate(names)}
    if len(names) == 1:
        return names[0]
    chosen = switch("Layer", options, key=f"weights-layer-{'-'.join(options.values())}")
    return str(chosen)


def _label(weights: Mapping[str, Array], name: str, at: int, n: int) -> str:
    shape = weights[f"{name}.W"].shape
    n_in, n_out = shape if len(shape) == 2 else (shape[1], shape[0])
    kind = "Output layer" if at == n - 1 else f"Layer {at + 1}" if len(shape) == 2 else f"Convolution {at + 1}"
    return f"{kind}: {n_in:,} to {n_out:,}"


def layer_weights(shot: Snapshot, name: str) -> None:
    """All weights of a layer behind the first, and its biases."""
    W, b = shot.weights[f"{name}.W"], shot.weights[f"{name}.b"]
    is_output = name == layer_names(shot.weights)[-1]
    classes = session.dataset().class_names
    when = session.when(shot.run_id, shot.step)
    if W.ndim == 4:
        _kernels(W, f"{W.shape[0]:,} x {W.shape[1]:,} kernels of {name} {when}")
    else:
        figure = weight_matrix(
            W,
            names=classes if is_output else None,
            dark=session.is_dark(),
            title=f"All weights of the {'output ' if is_output else ''}layer {when} ({name})",
            inputs="each output of the layer before",
            outputs="digit" if is_output else "unit",
        )
        live_plot(figure, key="weights-matrix", height=380)
    word = "digit " if is_output else "channel " if W.ndim == 4 else "unit "
    bars = unit_bars(
        b,
        names=classes if is_output else None,
        dark=session.is_dark(),
        title="Biases",
        what="biases",
        hover=f"bias of {word}",
    )
    live_plot(bars, key="weights-biases", height=130)
    st.caption(
        f"{W.size:,} weights, half of them within ±{np.median(np.abs(W)):.3g}, the largest ±{np.abs(W).max():.3g}. "
        + ("Point at one for its value." if W.size <= MOST_CELLS else "")
    )


def _kernels(W: Array, title: str) -> None:
    """The kernels (C_out, C_in, K, K) of a convolution: a row for each channel that it makes."""
    n_out, n_in = W.shape[:2]
    rows = min(n_out, max(1, MOST_KERNELS // n_in))
    shown = W[:rows].reshape(rows * n_in, -1)
    figure = tile_wall(
        shown.T,
        labels=[f"channel {at // n_in:,}: its kernel for map {at % n_in:,}" for at in range(len(shown))],
        columns=n_in,
        dark=session.is_dark(),
        title=title + ("" if rows == n_out else f", the first {rows:,} rows"),
        what="kernels",
    )
    live_plot(figure, key="weights-kernels", height=520)
    st.caption("One row per output channel, one column per input map. Point at a kernel for its place.")
