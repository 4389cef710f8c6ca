"""The curves of a run on disk, metrics.jsonl: a point a line, or a line that says how many points of each series stand.

    {"name": "val/loss", "step": 12, "epoch": 0.03, "images": 1536, "seconds": 0.2, "value": 2.1}
    {"keep": {"val/loss": 1}}

The file is read as a stream, whatever is in it: a line that makes no sense (torn by a crash, say) is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.foreign import MOST, parse_json
from nn_core.machine.disk import open_plain
from nn_core.machine.memory import Array
from nn_core.training.history import History, points_each, thinned

MAX_BYTES = 16_000_000  # of the file: a run that would need more writes it anew
LINE_BYTES = 160  # of a point at most, about
MAX_SERIES = 128  # a network of nine layers with all instruments has about a hundred
MAX_NAME = 60  # characters
MAX_LINE = 10_000  # bytes
BLOCK = 1 << 20  # bytes that are read at once
POINT = itemgetter("step", "epoch", "images", "seconds", "value")


class _Rows:
    """The points of one series while its lines are read: those that stand, and which lines of the series they were."""

    def __init__(self) -> None:
        self.points = np.empty((0, 5))
        self.places = np.empty(0, np.int64)
        self.n_lines = 0  # that stand, thinned ones included
        self.is_whole = True

    def extend(self, points: list[tuple[float, ...]], name: str) -> None:
        """Add those that make sense: counted finitely, each at a later step than all before it."""
        rows = np.array(points)
        good = np.isfinite(rows[:, :4]).all(axis=1) & (rows[:, :4] >= 0).all(axis=1) & (rows[:, :4] <= MOST).all(axis=1)
        if name.endswith("/accuracy"):
            good &= (rows[:, 4] >= 0) & (rows[:, 4] <= 1)
        rows = rows[good]
        last = self.points[-1, 0] if len(self.points) else -1.0
        before = np.maximum.accumulate(np.concatenate([[last], rows[:, 0]]))[:-1]
        rows = rows[rows[:, 0] > before]
        self.points = np.concatenate([self.points, rows])
        self.places = np.concatenate([self.places, self.n_lines + np.arange(len(rows))])
        self.n_lines += len(rows)
        most = points_each(1)
        if len(self.points) > 4 * most:
            kept = thinned(self.points, most)
            self.points, self.places, self.is_whole = self.points[kept], self.places[kept], False

    def keep(self, n_lines: int) -> None:
        """Only the first so many stand."""
        stand = int(np.searchsorted(self.places, n_lines))
        self.points, self.places = self.points[:stand], self.places[:stand]
        self.n_lines = max(0, min(self.n_lines, n_lines))


def read_curves(path: Path) -> tuple[History, bool]:
    """All points that stand, and whether the file holds no others: a series of too many is thinned. Raises OSError."""
    series: dict[str, _Rows] = {}
    waiting: dict[str, list[tuple[float, ...]]] = {}

    def settle() -> None:
        for name, points in waiting.items():
            if name in series or len(series) < MAX_SERIES:
                series.setdefault(name, _Rows()).extend(points, name)
        waiting.clear()

    for lines in _blocks(path):
        for line in _objects(lines):
            if isinstance(line.get("keep"), dict):
                settle()
                for name, rows in series.items():
                    standing = line["keep"].get(name, 0)
                    if type(standing) is int:
                        rows.keep(standing)
                continue
            with suppress(KeyError, TypeError, ValueError, OverflowError):
                name, point = line["name"], tuple(map(float, POINT(line)))
                if isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable():
                    waiting.setdefault(name, []).append(point)
        settle()
    history = History()
    for name, rows in series.items():
        if len(rows.points):
            history.extend(name, rows.points)
    is_whole = all(rows.is_whole and len(rows.points) == len(history.so_far(name)) for name, rows in series.items())
    return history, is_whole


def _blocks(path: Path) -> Iterator[list[bytes]]:
    """The lines of the file, some thousands at a time; none where there is no file."""
    try:
        stream = open_plain(path)
    except FileNotFoundError:
        return
    with stream:
        rest = b""
        while block := stream.read(BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            rest = rest[:MAX_LINE]  # of a longer one nothing could be made
            yield lines
        yield [rest]


def _objects(lines: list[bytes]) -> list[dict[str, Any]]:
    """The objects in some lines; all in one go where that can be read, which takes a third of the time."""
    lines = [line for line in lines if line.strip()]
    try:
        values = parse_json(b"[" + b",".join(lines) + b"]")
    except ValueError:
        values = []
    if len(values) != len(lines):  # one is torn
        values = []
        for line in lines:
            with suppress(ValueError):
                values.append(parse_json(line))
    return [value for value in values if isinstance(value, dict)]


def lines_of(points: Mapping[str, Array]) -> list[str]:
    """A line for each of the rows (n, 5) of these series."""
    lines = []
    for name, rows in points.items():
        for step, epoch, images, seconds, value in rows.tolist():
            line = {"name": name, "step": int(step), "epoch": epoch, "images": int(images)}
            lines.append(json.dumps({**line, "seconds": seconds, "value": value}))
    return lines
