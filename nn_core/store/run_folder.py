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
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.foreign import parse_object
from nn_core.machine.disk import Lock, append_lines, read_plain, sweep, write_file
from nn_core.machine.memory import Array
from nn_core.store.curve_lines import LINE_BYTES, MAX_BYTES, lines_of, read_curves
from nn_core.store.files import ArchiveError, pack_checkpoint, pack_frame, read_frame
from nn_core.training.film import Frame
from nn_core.training.history import History, Series
from nn_core.training.state import Checkpoint

CHECKPOINT = re.compile(r"(\d{6,12})-(\d{1,18})(-best)?\.safetensors")
FRAME = re.compile(r"(\d{1,18})\.safetensors")
MAX_JSON_BYTES = 8_000_000  # of each small file; a run with 10,000 changes has 0.6 MB


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

    def trained_by(self) -> str:
        """A sentence on the other program that trains this run now, "" where none does."""
        holder = self.lock.holder()
        if holder is None or holder.is_this_process:
            return ""
        return f"Run {self.path.name} is being trained by another program ({holder})."

    def holds_a_run(self) -> bool:
        """Whether a run was ever saved here: a first save that was cut off leaves a folder without a checkpoint."""
        try:
            return os.path.exists(os.path.join(self.path, "summary.json")) or bool(self.checkpoint_files())
        except OSError:
            return os.path.isdir(self.path)  # it may be a run: whoever opens it is told why it cannot be read

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
            with suppress(OSError):  # another writer's temporary file, or a link that leads nowhere
                total += entry.stat().st_size
        return total

    def _folders(self) -> list[Path]:
        return [folder for folder in (self.path, self._checkpoints, self._frames) if folder.is_dir()]

    # -- small files

    def read_json(self, name: str) -> dict[str, Any]:
        """The object in config.json, summary.json or label.json; raises OSError, and ValueError when it is none."""
        return parse_object(read_plain(f"{self.path}/{name}", MAX_JSON_BYTES), name)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Replace it."""
        write_file(self.path / name, json.dumps(value, indent=1).encode())

    # -- curves

    def history(self) -> History:
        """All points that stand. Raises OSError."""
        return self.curves()[0]

    def curves(self) -> tuple[History, bool]:
        """The same, and whether the file holds no others (curve_lines.py). Raises OSError."""
        return read_curves(self._curves)

    @property
    def _curves(self) -> Path:
        return self.path / "metrics.jsonl"

    def append_points(self, standing: Mapping[str, int] | None, points: Mapping[str, Array]) -> None:
        """Add rows (n, 5) to the series; before that, where `standing` is given, cut each to so many points."""
        lines = [] if standing is None else [json.dumps({"keep": dict(standing)})]
        append_lines(self._curves, lines + lines_of(points))

    def has_room_for(self, n_points: int) -> bool:
        """Whether so many points more leave the file within its size."""
        size = self._curves.stat().st_size if self._curves.exists() else 0
        return size + n_points * LINE_BYTES <= MAX_BYTES

    def write_points(self, points: Mapping[str, Array]) -> None:
        """Replace the whole file by these rows."""
        write_file(self._curves, "".join(f"{line}\n" for line in lines_of(points)).encode())

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
        with suppress(OSError):
            names = [FRAME.fullmatch(entry.name) for entry in os.scandir(self._frames)]
            return sorted(int(match[1]) for match in names if match)
        return []

    def read_frames(self, steps: list[int]) -> list[Frame]:
        """The readable frames of these steps; a damaged one is passed over."""
        frames = []
        for step in steps:
            with suppress(ArchiveError, OSError):
                frame = read_frame(self._frames / f"{step}.safetensors")
                frames += [frame] if frame.step == step else []
        return frames

    def write_frame(self, frame: Frame) -> None:
        """Raises ArchiveError."""
        write_file(self._frames / f"{frame.step}.safetensors", pack_frame(frame))

    def remove_frame(self, step: int) -> None:
        """If it is there."""
        (self._frames / f"{step}.safetensors").unlink(missing_ok=True)


def sweep_run(folder: str) -> None:
    """Remove what writers that were killed have left behind in a run's folder."""
    for each in (folder, f"{folder}/checkpoints", f"{folder}/frames"):
        sweep(each)


Version = tuple[int, int] | None  # when a file was written, and which one it is; None: not there


def version_of(folder: str) -> tuple[Version, Version, Version]:
    """Of what a list of runs shows: summary.json and label.json, and the checkpoints where there is no summary."""
    summary = _version(f"{folder}/summary.json")
    return summary, _version(f"{folder}/label.json"), None if summary else _version(f"{folder}/checkpoints")


def _version(path: str) -> Version:
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
