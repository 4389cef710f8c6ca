"""Charts of what goes on inside a network for one image: a map enlarged, and the image under a frame or an overlay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nn_core.machine.memory import Array
from nn_core.machine.numbers import decimal
from ui.charts import theme
from ui.charts.figure import make_figure, scale_ends
from ui.charts.wall_traces import ON_IMAGES, enlarged, outline, signed_bar

Field = tuple[slice, slice]  # rows and columns of an image

DIMMED = 0.4  # share of an image's brightness that is left outside of a field
BAR = 128  # pixels, with its padding: as wide as the image with something over it
GREY = 56  # least brightness outside of a field, so that the field can be seen on black too


def map_detail(
    values: Array,
    *,
    sees: Callable[[int, int], Field],
    place: tuple[int, int],
    dark: bool,
    title: str,
    limit: float,
    image_key: str,
) -> Any:
    """One map (H, W) enlarged; hover says a place's value and what it sees; a click gives its column and row.

    `sees` gives the receptive field of (row, column); the place (row, column) is framed. While the pointer is over a
    place, the frame on the chart `image_key` lies around what that place sees.
    """
    height, width = values.shape
    fields = [[sees(r, s) for s in range(width)] for r in range(height)]
    texts = [[_in_lines(values[r, s], r, s, fields[r][s]) for s in range(width)] for r in range(height)]
    full = limit or 1.0
    colours = {"zmin": -full, "zmax": full, "colorscale": theme.signed_scale(dark), "hovertext": texts}
    heatmap, layout = enlarged(values.astype(np.float32), colours, "", title, dark)
    heatmap["hovertemplate"] = "%{hovertext}<extra></extra>"
    layout["shapes"] = [outline(place[1], place[0], theme.palette(dark).text)]
    bar = signed_bar(limit, scale_ends(limit), dark)
    frames = {"chart": image_key, "corners": [[_corners(field) for field in row] for row in fields]}
    label = f"A map of {height} by {width} places. {title}"
    return make_figure([heatmap, bar], layout, label, aspect=1.0, frames=frames)


def stage_picture(values: Array, *, limit: float, title: str, dark: bool) -> Any:
    """One map (H, W) on the signed scale from -limit to +limit, its values on hover; for several side by side."""
    full = limit or 1.0
    colours = {"zmin": -full, "zmax": full, "colorscale": theme.signed_scale(dark)}
    heatmap, layout = enlarged(values.astype(np.float32), colours, "%{z:.3f}", title, dark)
    height, width = values.shape
    return make_figure([heatmap], layout, f"{title}: a map of {height} by {width} places", aspect=1.0)


def _in_lines(value: float, row: int, column: int, field: Field) -> str:
    """The hover text, in lines short enough for the chart."""
    return f"row {row}, column {column}<br><b>{decimal(value, 3)}</b><br>sees {span(field, '<br>')}"


def _corners(field: Field) -> list[float] | None:
    """x0, x1, y0, y1 of the frame around a field on an image; None where it holds no pixel."""
    rows, columns = field
    if rows.start == rows.stop:
        return None
    return [columns.start - 0.5, columns.stop - 0.5, rows.start - 0.5, rows.stop - 0.5]


def span(field: Field, between: str = " ") -> str:
    """Like "rows 4-9, columns 0-5"."""
    rows, columns = field
    if rows.start == rows.stop:
        return "nothing but padding"
    return f"rows {rows.start}-{rows.stop - 1},{between}columns {columns.start}-{columns.stop - 1}"


def image_under(
    image: Array, over: Array | None, *, field: Field | None = None, dark: bool, title: str, what: str = ""
) -> Any:
    """An image uint8 (28, 28), and over it signed values (28, 28), clear where 0, or the frame of a field.

    Under the image a bar says which value has the full colour, and `what` the values are.
    """
    grey = {"zmin": 0, "zmax": 255, "colorscale": [[0, "#000000"], [1, "#ffffff"]]}
    picture, layout = enlarged(image, grey, "%{z} of 255", title, dark)
    traces = [picture]
    if over is not None:
        largest = float(np.abs(over).max())
        limit = largest or 1.0
        colours = {"zmin": -limit, "zmax": limit, "colorscale": _clear_at_zero()}
        above, _ = enlarged(over.astype(np.float32), colours, "%{z:.3g}", title, dark)
        traces += [above, {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip"}]
        traces[-1] |= {"marker": {"color": [0], "coloraxis": "coloraxis"}, "showlegend": False}
        layout["coloraxis"] = _bar_under(limit, scale_ends(largest), what)
        layout["margin"] |= {"b": 48}
    around = None if field is None else _corners(field)
    if around is not None:
        corners = dict(zip(("x0", "x1", "y0", "y1"), around, strict=True))
        layout["shapes"] = [{"type": "rect", **corners, "line": {"color": ON_IMAGES, "width": 3}}]
    return make_figure(traces, layout, f"An image. {title}", aspect=1.0)


def framed(wall: Any, n: int, dark: bool) -> Any:
    """A wall of n tiles, each in a thin frame, so that an empty one is seen too."""
    columns, rule = len(wall.data[0].z[0]), theme.palette(dark).faint
    frames = [
        {**outline(at % columns, at // columns, rule), "line": {"color": rule, "width": 1}, "layer": "below"}
        for at in range(n)
    ]
    wall.layout.shapes = [*frames, *wall.layout.shapes]
    return wall


def _bar_under(limit: float, ends: Sequence[str], what: str) -> dict[str, Any]:
    """An axis of the colours that lie over images, with its bar under the plot; on black, as most of an image is."""
    against, speaks_for = theme.DARK.negative[2], theme.DARK.positive[2]
    bar = {
        "orientation": "h",
        "thickness": 8,
        **{"lenmode": "pixels", "len": BAR},
        **{"x": 0, "xref": "paper", "xanchor": "left", "xpad": 26},  # plotly leaves out a number that it would cut
        **{"y": 0, "yref": "paper", "yanchor": "top", "ypad": 4},
        "outlinewidth": 0,
        "tickvals": [-limit, 0, limit],
        "ticktext": list(ends),
        "title": {"text": what, "side": "bottom", "font": {"size": 11}},
    }
    colours = [[0, against], [0.5, "#000000"], [1, speaks_for]]
    return {"cmin": -limit, "cmax": limit, "colorscale": colours, "colorbar": bar}


def _clear_at_zero() -> list[list[Any]]:
    """The signed scale to lay over a picture: orange against, blue for; the larger the value, the less transparent."""
    against, speaks_for = theme.DARK.negative[2], theme.DARK.positive[2]
    return [
        [0, theme.translucent(against, 0.95)],
        [0.5, theme.translucent(against, 0)],
        [0.5, theme.translucent(speaks_for, 0)],
        [1, theme.translucent(speaks_for, 0.95)],
    ]


def dimmed_outside(image: Array, field: Field) -> Array:
    """An image uint8 (28, 28) as it is inside the field, and greyed around it."""
    shown = (GREY + DIMMED * image).astype(np.uint8)
    shown[field] = image[field]
    return shown
