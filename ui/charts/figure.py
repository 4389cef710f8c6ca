"""What all charts share: how a figure is put together, and how numbers are written in it.

The files of ui/charts are pure functions from data to plotly figures: they say what is drawn, and live_plot.js adds
font and page colours. Every figure carries in `layout.meta`: `label`, a sentence for screen readers; walls and matrices
also `aspect`, the width over the height that keeps their shape, and walls `pixels`, the size of their picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.machine.memory import Array

Trace = dict[str, Any]

DIGITS = tuple("0123456789")
LEGEND = {
    "orientation": "h",
    **{"x": 1, "xref": "container", "xanchor": "right"},
    **{"y": 1, "yref": "container", "yanchor": "top"},
}


def make_figure(traces: Sequence[Trace], layout: Mapping[str, Any], label: str, **meta: Any) -> go.Figure:
    """A figure of plain dicts in plotly's terms; `label` and `meta` as above."""
    return go.Figure({"data": list(traces), "layout": {**layout, "meta": {"label": label, **meta}}})


def at_bar(share: str) -> str:
    """A share as it is written at a bar, with signs in the place of words: ">99.9 %"."""
    return share.replace("over ", "&gt;").replace("less than ", "&lt;")


def seven_digits(values: Array) -> Array:
    """Values to seven significant digits, as fine as float32 and in JSON half as long; whole ones as int64."""
    wide = np.asarray(values, np.float64)
    size = np.floor(np.log10(np.abs(wide), where=wide != 0, out=np.zeros_like(wide)))
    scale = 10.0 ** np.clip(6 - size, -300, 300)
    short = np.rint(wide * scale) / scale
    return short.astype(np.int64) if (np.abs(short) < 2**53).all() and (short == np.rint(short)).all() else short


def short_number(value: float) -> str:
    """Three significant digits, with a true minus sign."""
    return f"{value:.3g}".replace("-", "−")


def scale_ends(limit: float) -> list[str]:
    """What stands under a signed scale's colour bar: its ends and the zero between, or that alone."""
    if not limit:
        return ["", "all 0", ""]
    end = f"{limit:.2g}" if limit < 100 else f"{limit:,.0f}"
    return [f"−{end}", "0", f"+{end}"]
