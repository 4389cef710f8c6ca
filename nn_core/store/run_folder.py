"""One run's folder on disk: what lies where in it, and reading and writing each part.

    config.json            settings at the start, data set, parent, machine: written once
    summary.json           what a list of runs shows; written last, after what it tells of
    label.json             the user's own name, star, note and tags; the accuracy on the test images, once scored
    metrics.jsonl          the curves: one point a line, or a line that says how many points of each series stand
    checkpoints/           <serial>-<step>.safetensors and <serial>-<step>-best.safetensors; a higher serial is newer
    frames/                <step>.safetensors

A file is replaced in one piece (see disk.py), metrics.jsonl grows by whole lines, so that a reader, another process or
a crash meets a readable folder at any moment.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.machine.disk import Lock, append_lines, sweep, sync_folder, write_file
from nn_core.machine.memory import Array
from nn_core.store.files import ArchiveError, pack_checkpoint, pack_frame, read_frame
from nn_core.training.film import Frame
from nn_core.training.history import History, Series
from nn_core.training.state import Checkpoint

CHECKPOINT = re.compile(r"(\d{6,12})-(\d{1,18})(-best)?\.safetensors")
FRAME = re.compile(r"(\d{1,18})\.safetensors")
POINT = itemgetter("step", "epoch", "images", "seconds", "value")


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint on disk, as its name tells of it."""

    serial: int
    step: int
    is_best: bool
    path: Path


class RunFolder:
    """Reads and writes the files of one run; knows nothing of when. All methods may raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = Lock(path)

    def __repr__(self) -> str:
        return f"<RunFolder {self.path}>"

    def holds_a_run(self) -> bool:
        """Whether a run was ever saved here: a first save that was cut off leaves a folder without a checkpoint."""
        return os.path.exists(os.path.join(self.path, "summary.json")) or bool(self.checkpoint_files())

    def make(self) -> None:
        """Make the folders that are not there yet."""
        for folder in (self.path, self._checkpoints, self._frames):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def _checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def _frames(self) -> Path:
        return self.path / "frames"

    def size(self) -> int:
        """Bytes of all files."""
        total = 0
        for entry in (entry for folder in self._folders() for entry in os.scandir(folder)):
            with suppress(FileNotFoundError):  # another writer's temporary file
                total += entry.stat().st_size
        return total

    def _folders(self) -> list[Path]:
        return [folder for folder in (self.path, self._checkpoints, self._frames) if folder.is_dir()]

    # -- small files

    def read_json(self, name: str) -> dict[str, Any]:
        """The object in config.json, summary.json or label.json; raises ValueError when it is none."""
        with open(f"{self.path}/{name}", "rb", buffering=0) as stream:
            value = json.loads(stream.read())
        if not isinstance(value, dict):
            raise ValueError(f"{name} holds no JSON object")
        return value

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Replace it."""
        write_file(self.path / name, json.dumps(value, indent=1).encode())

    # -- curves

    def history(self) -> History:
        """All points that stand; a line that makes no sense (torn by a crash) is passed over."""
        rows: dict[str, list[tuple[float, ...]]] = {}
        for line in self._lines():
            if "keep" in line and isinstance(line["keep"], dict):
                for name, points in rows.items():
                    with suppress(TypeError, ValueError):
                        del points[int(line["keep"].get(name, 0)) :]
                continue
            try:
                name, point = str(line["name"]), tuple(map(float, POINT(line)))
            except (KeyError, TypeError, ValueError):
                continue
            points = rows.setdefault(name, [])
            if not points or point[0] > points[-1][0]:
                points.append(point)
        history = History()
        for name, points in rows.items():
            if points:
                history.extend(name, np.array(points))
        return history

    def _lines(self) -> list[dict[str, Any]]:
        """The objects in metrics.jsonl; all in one go where that can be read, which takes a third of the time."""
        try:
            lines = (self.path / "metrics.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return []
        try:
            values = json.loads(b"[" + b",".join(lines) + b"]")
        except ValueError:
            values = []
        if len(values) != len(lines):  # one is torn
            values = []
            for line in lines:
                with suppress(ValueError):
                    values.append(json.loads(line))
        return [value for value in values if isinstance(value, dict)]

    def append_points(self, standing: Mapping[str, int] | None, points: Mapping[str, Array]) -> None:
        """Add rows (n, 5) to the series; before that, where `standing` is given, cut each to so many points."""
        lines = [] if standing is None else [json.dumps({"keep": dict(standing)})]
        for name, rows in points.items():
            for row in rows.tolist():
                step, epoch, images, seconds, value = row
                line = {"name": name, "step": int(step), "epoch": epoch, "images": int(images)}
                lines.append(json.dumps({**line, "seconds": seconds, "value": value}))
        append_lines(self.path / "metrics.jsonl", lines)

    # -- checkpoints

    def checkpoint_files(self) -> list[CheckpointFile]:
        """What lies there, newest first."""
        found = []
        with suppress(FileNotFoundError, NotADirectoryError):
            for entry in os.scandir(self._checkpoints):
                if match := CHECKPOINT.fullmatch(entry.name):
                    found.append(CheckpointFile(int(match[1]), int(match[2]), bool(match[3]), Path(entry.path)))
        return sorted(found, key=lambda file: file.serial, reverse=True)

    def write_checkpoint(self, checkpoint: Checkpoint, serial: int, *, is_best: bool = False) -> CheckpointFile:
        """A new file under a new serial. Raises ArchiveError."""
        name = f"{serial:06d}-{checkpoint.step}{'-best' if is_best else ''}.safetensors"
        path = self._checkpoints / name
        write_file(path, pack_checkpoint(checkpoint))
        return CheckpointFile(serial, checkpoint.step, is_best, path)

    def remove_checkpoints(self, keep: set[Path]) -> None:
        """Remove all but these."""
        for file in self.checkpoint_files():
            if file.path not in keep:
                file.path.unlink(missing_ok=True)

    # -- frames

    def frame_steps(self) -> list[int]:
        """The steps of the frames on disk, ascending."""
        with suppress(FileNotFoundError):
            names = [FRAME.fullmatch(entry.name) for entry in os.scandir(self._frames)]
            return sorted(int(match[1]) for match in names if match)
        return []

    def read_frames(self, steps: list[int]) -> list[Frame]:
        """The readable frames of these steps; a damaged one is passed over."""
        frames = []
        for step in steps:
            with suppress(ArchiveError, FileNotFoundError):
                frames.append(read_frame(self._frames / f"{step}.safetensors"))
        return frames

    def write_frame(self, frame: Frame) -> None:
        """Raises ArchiveError."""
        write_file(self._frames / f"{frame.step}.safetensors", pack_frame(frame))

    def remove_frame(self, step: int) -> None:
        """If it is there."""
        (self._frames / f"{step}.safetensors").unlink(missing_ok=True)

    def sync(self) -> None:
        """Make removals last."""
        for folder in self._folders():
            sync_folder(folder)


def sweep_run(folder: str) -> None:
    """Remove what writers that were killed have left behind in a run's folder."""
    for each in (folder, f"{folder}/checkpoints", f"{folder}/frames"):
        sweep(each)


def version_of(folder: str) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """When summary.json and label.json in a run's folder were written, and which files they are; None: not there."""
    return _version(f"{folder}/summary.json"), _version(f"{folder}/label.json")


def _version(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def new_points(before: Mapping[str, Series], now: Mapping[str, Series]) -> tuple[dict[str, int], dict[str, Array]]:
    """How many points of each series stand as they were, and the rows that have come after them."""
    standing, added = {}, {}
    for name in {**before, **now}:
        old, new = (series[name].points if name in series else np.empty((0, 5)) for series in (before, now))
        n = min(len(old), len(new))
        # time only goes forward, so where the last row is the same, all before it are
        if n and old[n - 1].tobytes() != new[n - 1].tobytes():
            differing = (old[:n].view(np.int64) != new[:n].view(np.int64)).any(axis=1)
            n = int(differing.argmax())
        standing[name] = n
        if len(new) > n:
            added[name] = new[n:]
    return standing, added
