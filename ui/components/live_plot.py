"""A chart that is updated in place: a Streamlit component over Plotly.react, for curves, matrices and walls of tiles.

`st.plotly_chart` builds the chart anew whenever its data change; here zoom, hover and the DOM node stay, the browser
gives colours and font (light or dark), and a click comes back to Python.
"""

from __future__ import annotations

import filecmp
import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nn_core.machine.disk import write_file

Click = dict[str, Any]
MODULES = "curve_presses", "chart_zoom", "plot_toolbar", "plot_keys", "live_plot"
_component = st.components.v2.component(
    "glassnet_live_plot",
    js="\n".join(Path(__file__).with_name(f"{name}.js").read_text("utf-8") for name in MODULES),
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    isolate_styles=False,
)


def live_plot(
    figure: go.Figure,
    *,
    key: str,
    height: int,
    on_click: Callable[[Click], None] | None = None,
    clickable: bool = False,
    on_undo: Callable[[], None] | None = None,
    on_look: Callable[[], None] | None = None,
    label: str | None = None,
) -> Click | None:
    """Draw `figure`, or update the chart of the same `key` in place; `height` in px is reserved on the page.

    A figure with `layout.meta["aspect"]` (width / height) gets less height where the page is too narrow for it.
    With `on_click` or `clickable`, a click on a point or cell reruns the script (inside a fragment: the fragment) and
    is returned once, in that run: a dict of curve, name, point, x, y, z, customdata and shift (whether Shift was held).
    `on_click` is called with it at that moment. `on_undo` is called before the next run of the script when the mark of
    a change is clicked; the session state of `key` then holds as "undo" {"edit": its number}. So is `on_look` for the
    mark of a verdict: "look" is {"step": where it began}. `label` is what a screen reader says of the chart; the
    figures of ui/charts/figure.py bring their own in `layout.meta["label"]`.
    """
    _publish_library()

    spec = figure.to_dict()
    spec["layout"].pop("template", None)  # the browser's own
    message = {
        "figure": {"data": spec["data"], "layout": spec["layout"]},
        "height": height,
        "clickable": clickable or on_click is not None,
        "label": label or (spec["layout"].get("meta") or {}).get("label") or "chart",
        "version": plotly.__version__,
    }
    result = _component(key=key, data=to_json(message), width="stretch", height="content", **_heard(on_undo, on_look))
    event: Click | None = result.get("click")
    if event is not None and on_click is not None:
        on_click(event)
    return event


def _heard(on_undo: Callable[[], None] | None, on_look: Callable[[], None] | None) -> dict[str, Any]:
    return {
        "on_click_change": _noted,
        "on_undo_change": on_undo or _noted,
        "on_look_change": on_look or _noted,
    }


def _noted() -> None:
    """Streamlit hands out only those events that have a callback."""


def warm_up() -> None:
    """Have the browser load the chart library now, so that the first chart appears at once. Call it once on every page.

    It also reruns the page when the visitor switches between light and dark, which Streamlit by itself does not do.
    """
    _publish_library()
    message = {"figure": None, "version": plotly.__version__, "theme": st.context.theme.type or "light"}
    _component(key="live_plot_warm_up", data=to_json(message), height="content", on_theme_change=_noted)


def to_json(message: dict[str, Any]) -> bytes:
    """Compact JSON in UTF-8. A number that is not finite becomes null, which a chart leaves out: JSON has none."""
    try:
        return _dumped(message)
    except ValueError:
        return _dumped(_finite(message))


def _dumped(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False, default=_plain).encode()


def _finite(value: Any) -> Any:
    """The same with None for each number that is not finite, wherever it stands."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"a figure holds a {type(value).__name__}, which has no JSON form")


# ---------------------------------------------------------------------------------------------- the library


def _publish_library() -> None:
    """Put plotly.min.js where Streamlit serves it from: the folder static/ beside the app's main script."""
    context = get_script_run_ctx()
    if context is not None:
        _copy_library(Path(context.main_script_path).resolve().parent / "static")


@cache
def _copy_library(folder: Path) -> None:
    source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    target = folder / source.name
    if target.exists() and filecmp.cmp(source, target, shallow=False):
        return
    folder.mkdir(exist_ok=True)
    write_file(target, source.read_bytes())  # a page that loads it meanwhile gets the old file or the new one
