"""The parts of figures that show 28x28 pictures, as plain dicts: walls of tiles, one picture enlarged, a colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nn_core.machine.memory import Array
from ui.charts import theme, tiles

Part = dict[str, Any]  # a trace or a layout


def still(**more: Any) -> Part:
    """An axis without zoom and grid lines."""
    return {"fixedrange": True, "showgrid": False, "zeroline": False, **more}


ON_IMAGES = theme.DARK.series["train"]  # a frame that is seen on black images, in both themes


def outline(x: float, y: float, colour: str) -> Part:
    """A frame around the cell of one unit at (x, y)."""
    corners = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
    return {"type": "rect", **corners, "line": {"color": colour, "width": 3}, "layer": "above"}


def wall_parts(
    wall: tiles.Wall, numbers: Array, texts: Sequence[str], chosen: int | None = None, frame: str = ON_IMAGES
) -> tuple[Part, Part]:
    """One picture under a transparent heatmap whose z is each tile's number, so that hover and click know the tile.

    The tile whose number is `chosen` is framed in the colour `frame`.
    """
    cells: list[Any] = [int(number) for number in numbers] + [None] * (wall.rows * wall.columns - wall.n)
    words = [*texts, *([""] * (len(cells) - wall.n))]
    split = range(0, len(cells), wall.columns)
    heatmap = {
        "type": "heatmap",
        "z": [cells[start : start + wall.columns] for start in split],
        "text": [words[start : start + wall.columns] for start in split],
        "colorscale": [[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": "%{text}<extra></extra>",
    }
    picture = {
        "source": wall.uri,
        "xref": "x",
        "yref": "y",
        "x": -0.5,
        "y": -0.5,
        "sizex": wall.columns,
        "sizey": wall.rows,
        "sizing": "stretch",
        "layer": "below",
    }
    place = cells.index(chosen) if chosen is not None and chosen in cells else None
    layout = {
        "images": [picture],
        "shapes": [] if place is None else [outline(place % wall.columns, place // wall.columns, frame)],
        "xaxis": still(visible=False, range=[-0.5, wall.columns - 0.5], constrain="domain", constraintoward="left"),
        "yaxis": still(
            visible=False,
            range=[wall.rows - 0.5, -0.5],
            scaleanchor="x",
            scaleratio=wall.tile_aspect,
            constrain="domain",
            constraintoward="top",
        ),
        "margin": {"l": 2, "r": 2, "t": 2, "b": 2},
    }
    return heatmap, layout


def enlarged(values: Array, colours: Part, value_format: str, title: str, dark: bool) -> tuple[Part, Part]:
    """One picture (side, side) large in a thin frame; `value_format` says a pixel's value on hover."""
    heatmap = {
        "type": "heatmap",
        "z": values,
        **colours,
        "showscale": False,
        "hovertemplate": f"row %{{y}}, column %{{x}}: {value_format}<extra></extra>",
    }
    rule = theme.palette(dark).faint
    frame = {"visible": True, "showticklabels": False, "mirror": True, "showline": True, "linecolor": rule, "ticks": ""}
    last = len(values) - 0.5
    layout = {
        "title": {"text": title},
        "xaxis": still(**frame, constrain="domain", constraintoward="left", range=[-0.5, last]),
        "yaxis": still(**frame, scaleanchor="x", constrain="domain", constraintoward="top", range=[last, -0.5]),
        "margin": {"l": 2, "r": 2, "t": 34, "b": 2},
    }
    return heatmap, layout


def signed_bar(limit: float, ends: Sequence[str], dark: bool) -> Part:
    """A colour bar above the plot at the right, from -limit to +limit; its trace draws nothing else."""
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "markers",
        "hoverinfo": "skip",
        "showlegend": False,
        "marker": {
            "color": [0],
            "cmin": -limit or -1.0,
            "cmax": limit or 1.0,
            "colorscale": theme.signed_scale(dark),
            "showscale": True,
            "colorbar": {
                "orientation": "h",
                "thickness": 8,
                "lenmode": "pixels",
                "len": 190,
                **{"x": 1, "xref": "container", "xanchor": "right", "xpad": 24},
                **{"y": 1, "yref": "container", "yanchor": "top", "ypad": 4},
                "outlinewidth": 0,
                "tickvals": [-limit or -1.0, 0, limit or 1.0],
                "ticktext": list(ends),
                "ticklabelposition": "outside bottom",
            },
        },
    }
