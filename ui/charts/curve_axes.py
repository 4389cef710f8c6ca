"""The axes of a chart of loss or accuracy, and the marks on them: changes of settings, the step looked at, chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nn_core.config.run_config import setting
from nn_core.export.value_range import Range
from nn_core.instruments.events import Event
from nn_core.instruments.registry import is_measured
from nn_core.machine.numbers import round_percent
from nn_core.training import Axis, Edit, Series, over_lr_step
from ui.charts import theme
from ui.charts.curve_traces import LEAST_ERROR, CurveStyle, literal
from ui.charts.figure import Trace

_X_TITLES = {
    "step": "step",
    "epoch": "epoch",
    "images": "images seen",
    "seconds": "seconds of training",
    "lr_step": "learning rate × step",
}
_X_HOVER = {
    "step": "step %{x:,d}",
    "epoch": "epoch %{x:.2f}",
    "images": "%{x:,d} images seen",
    "seconds": "%{x:.1f} s",
    "lr_step": "lr × step %{x:.4~g}",
}
_ERROR_TICKS = (90, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, LEAST_ERROR)
_Y_AXES: Mapping[tuple[str, bool], dict[str, Any]] = {
    ("loss", False): {"rangemode": "tozero", "tickformat": ",.6~f"},
    ("loss", True): {"type": "log", "dtick": "D2", "tickformat": ",.6~f"},
    ("accuracy", False): {"ticksuffix": " %", "autorangeoptions": {"include": [0, 100]}},
    ("accuracy", True): {
        "type": "log",
        "tickvals": _ERROR_TICKS,
        "ticktext": [round_percent(1 - error / 100) for error in _ERROR_TICKS],
    },
}

ABOVE_AXIS = 0.05  # of the height: where marks of verdicts stand, as a press on the axis itself is a drag of it
AHEAD = 1.25  # times its own length: as far as the axis of a run goes beside a longer ghost


def x_axis(style: CurveStyle) -> dict[str, Any]:
    """The axis of steps, epochs or the like; its title says how many images the curves were scored on, where known.

    A zoom is kept until another axis is chosen.
    """
    return {
        "title": {"text": f"{_X_TITLES[style.x]}{_evidence(style.sizes)}"},
        "type": "log" if style.log_x else "linear",
        "tickformat": ",.6~f",
        "unifiedhovertitle": {"text": _X_HOVER[style.x]},
        "rangemode": "nonnegative",
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "showspikes": True,
        "spikemode": "across",
        "uirevision": f"{style.x} {style.log_x}",
    }


def _evidence(sizes: Mapping[str, int]) -> str:
    train, val = sizes.get("train"), sizes.get("val")
    if train is None or val is None:
        return ""
    return f" (scored on n={val:,} each)" if train == val else f" (training n={train:,}, validation n={val:,})"


def axis_title(x: str) -> str:
    """What stands under an axis: "step", "epoch", "images seen" and so on."""
    return _X_TITLES[x]


def live_range(series: Mapping[str, Series], ghost: Mapping[str, Series], style: CurveStyle) -> dict[str, Any]:
    """The range of the x axis for a run with a much longer ghost: up to a quarter beyond the newest point of the run.

    Zooming out shows the rest of the ghost. Empty, so that plotly chooses, where the ghost is not longer.
    """
    mine, theirs = ([float(np.max(one.x(style.x))) for one in runs.values() if len(one)] for runs in (series, ghost))
    end = AHEAD * max(mine, default=0.0)
    if not end or max(theirs, default=0.0) <= end or style.log_x:
        return {}
    return {"range": [0, end]}


def y_axis(style: CurveStyle, shown: Range | None) -> dict[str, Any]:
    """The axis of loss or accuracy, and what of it is shown: the lowest and highest value, accuracy in %.

    On the error scale it goes by the error in %, upside down.
    """
    axis = {**_Y_AXES[style.kind, style.log_y], "uirevision": f"{style.kind} {style.log_y}"}
    if shown is not None:
        ends = tuple(max(100 - value, LEAST_ERROR) for value in shown) if style.error_scale else shown
        axis["range"] = [math.log10(value) for value in ends] if style.log_y else list(ends)
    return axis


def placed(series: Mapping[str, Series], x: Axis, edits: Sequence[Edit] = ()) -> Mapping[str, Series]:
    """The series of a run with what they need to be drawn against an axis."""
    if x != "lr_step":
        return series
    return over_lr_step(series, [(edit.step, edit.new / edit.old) for edit in edits if edit.setting == "lr"])


# ---------------------------------------------------------------------------------------------- marks


def whole_axis(series: Mapping[str, Series]) -> Series | None:
    """The points of all curves by step, from which a step's place on each axis is interpolated. None without any."""
    points = [one.points for name, one in series.items() if len(one) and not is_measured(name)]
    if not points:
        return None
    together = np.concatenate(points)
    return Series("all", together[np.argsort(together[:, 0], kind="stable")])


def edit_marks(
    edits: Sequence[Edit], reference: Series | None, style: CurveStyle
) -> tuple[list[Trace], list[dict[str, Any]]]:
    """Thin vertical lines where a setting was changed, and marks at their top that say what.

    `reference` is what `whole_axis` gives. The marks have an axis of their own, y2, from 0 to 1.
    """
    if not edits or reference is None or len(reference) == 0:
        return [], []
    colour = theme.palette(style.dark).muted
    at = np.interp([edit.step for edit in edits], reference.step, reference.x(style.x))
    numbered = zip(at.tolist(), enumerate(edits), strict=True)
    kept = [(place, number, edit) for place, (number, edit) in numbered if place > 0 or not style.log_x]
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [place for place, _, _ in kept],
        "y": [1.0] * len(kept),
        "yaxis": "y2",
        "text": [edit_text(edit) for _, _, edit in kept],
        "customdata": [number for _, number, _ in kept],
        "hovertemplate": "%{text} (click the mark to undo it)<extra></extra>",
        "marker": {"symbol": "triangle-down", "size": 9, "color": colour},
        "cliponaxis": False,
        "showlegend": False,
        "name": "changed",
        "uid": "edits",
    }
    line = {"color": colour, "width": 1, "dash": "dot"}
    lines = [
        {"type": "line", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1, "line": line, "layer": "below"}
        for place, _, _ in kept
    ]
    return [marks], lines


def event_marks(
    events: Sequence[Event], reference: Series | None, style: CurveStyle
) -> tuple[list[Trace], list[dict[str, Any]]]:
    """Marks at the bottom where verdicts began, and lines along it as far as they held, in the colours of their levels.

    They lie on y2, as the marks of `edit_marks` do.
    """
    if not events or reference is None or len(reference) == 0:
        return [], []
    palette = theme.palette(style.dark)
    xs, end = reference.x(style.x), float(reference.step[-1])
    began = np.interp([event.began for event in events], reference.step, xs).tolist()
    ended = np.interp([end if event.ended is None else event.ended for event in events], reference.step, xs).tolist()
    kept = [one for one in zip(began, ended, events, strict=True) if one[0] > 0 or not style.log_x]
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [start for start, _, _ in kept],
        "y": [ABOVE_AXIS] * len(kept),
        "yaxis": "y2",
        "text": [f"{literal(event.verdict)}, steps {event.steps}" for _, _, event in kept],
        "customdata": [event.began for _, _, event in kept],
        "hovertemplate": "%{text} (click the mark to go there)<extra></extra>",
        "marker": {"symbol": "triangle-up", "size": 10, "color": [palette.levels[event.level] for _, _, event in kept]},
        "cliponaxis": False,
        "showlegend": False,
        "name": "verdict",
        "uid": "events",
    }
    lines = [
        {
            **{"type": "line", "x0": start, "x1": stop, "yref": "paper", "y0": 0, "y1": 0},
            "line": {"color": palette.levels[event.level], "width": 4},
        }
        for start, stop, event in kept
    ]
    return [marks], lines


def edit_text(edit: Edit) -> str:
    """A change in one line: "step 512: lr 0.1 → 0.3"."""
    item = setting(edit.setting)
    return f"step {edit.step:,}: {item.name} {item.written(edit.old)} → {item.written(edit.new)}"


def frame_places(frames: Sequence[int], reference: Series | None, style: CurveStyle) -> list[list[Any]]:
    """[step, place on the x axis] of each kept frame, and at last [None, place of now]: where a drag can lead."""
    if not frames or reference is None or len(reference) == 0 or style.log_x:
        return []
    xs = reference.x(style.x)
    places = np.interp(frames, reference.step, xs).round(4).tolist()
    return [*([step, place] for step, place in zip(frames, places, strict=True)), [None, float(xs[-1])]]


def cursor_line(step: int | None, reference: Series | None, style: CurveStyle) -> list[dict[str, Any]]:
    """A thin line at the step that is looked back at; none on a log axis at step 0."""
    if step is None or reference is None or len(reference) == 0 or (style.log_x and step <= 0):
        return []
    at = float(np.interp(step, reference.step, reference.x(style.x)))
    line = {"color": theme.palette(style.dark).text, "width": 1}
    return [{"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line, "name": "looked at"}]


def chance_line(style: CurveStyle) -> tuple[dict[str, Any], dict[str, Any]]:
    """A line at 10 %, the accuracy of guessing among ten digits, and the words at it."""
    y = 90.0 if style.error_scale else 10.0
    line = {"color": theme.palette(style.dark).muted, "width": 1, "dash": "dot"}
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line, "layer": "below"}
    place = {"xref": "paper", "x": 1, "xanchor": "right", "y": math.log10(y) if style.error_scale else y}
    return shape, {**place, "yanchor": "bottom", "text": "chance, 10 %", "showarrow": False, "borderpad": 0}
