"""Drawings written down as strokes: straight lines, curves through points, and arcs, in a box from (0, 0) to (1, 1)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nn_core.machine.memory import Array

Stroke = tuple[bool, Array]  # whether it is smooth, and its points (k, 2), x to the right and y down


def straight(*points: tuple[float, float]) -> Stroke:
    """Straight from point to point."""
    return False, np.array(points, float)


def smooth(*points: tuple[float, float]) -> Stroke:
    """Smoothly through the points."""
    return True, np.array(points, float)


def arc(x: float, y: float, width: float, height: float, start: float, stop: float) -> Stroke:
    """A part of an ellipse about (x, y) with these half axes, between two angles in degrees, clockwise from right."""
    angles = np.deg2rad(np.linspace(start, stop, 20))
    return True, np.stack([x + width * np.cos(angles), y + height * np.sin(angles)], axis=1)


def along(is_smooth: bool, points: Array, n: int = 8) -> Array:
    """Points close together along a stroke: straight lines, or a spline through its points (Catmull & Rom 1974)."""
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, n, endpoint=False)[:, None]
    parts = [b + (c - b) * t for b, c in pairwise(points)]
    if is_smooth:
        windows = zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True)
        parts = [
            (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3) / 2
            for a, b, c, d in windows
        ]
    return np.vstack([*parts, points[-1:]])


def evenly(line: Array, gap: float) -> Array:
    """The same line as points (k, 2) that are `gap` apart, or a little less."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    places = np.linspace(0, lengths[-1], max(2, 1 + int(np.ceil(lengths[-1] / gap))))
    return np.stack([np.interp(places, lengths, line[:, axis]) for axis in range(2)], axis=1)
