"""Runs on disk: one folder a run under one folder for all, listed, opened, named, starred, deleted and brought back.

What lies in a run's folder is told in run_folder.py; writer.py writes it while a run trains.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.machine.disk import ROOT, sync_folder
from nn_core.store.files import ArchiveError, edits_from_json
from nn_core.store.run_folder import CheckpointFile, RunFolder
from nn_core.store.summary import parent_from_json, parent_to_json, summary_of
from nn_core.training.film import Film, Frame, exact_frame, first_frame
from nn_core.training.history import History, Series
from nn_core.training.state import Checkpoint, Edit, Parent, config_at

__all__ = ["Loaded", "Parent", "RunStore", "StoreError", "StoredRun", "runs_folder"]

VARIABLE = "GLASSNET_RUNS"
RUN_ID = re.compile(r"[0-9a-f]{8}")
MAX_NAME = 80  # characters of a user's own name
TRASH = ".trash"
LISTINGS = 20  # looks at a folder whose checkpoints are being replaced
STILLBORN_SECONDS = 600.0  # after which a folder without a checkpoint is none that is being begun


class StoreError(Exception):
    """What cannot be read or done; one sentence for the user."""


@dataclass(frozen=True)
class StoredRun:
    """What a list of runs shows of one."""

    id: str
    name: str  # the user's own, or ""
    config: RunConfig  # at the start
    edits: tuple[Edit, ...]
    parent: Parent | None
    created: float  # seconds since 1970
    changed: float
    status: str
    step: int
    epoch: float
    seconds: float  # of training
    val_accuracy: float | None  # newest
    best_val_accuracy: float | None
    best_step: int | None
    starred: bool
    size: int  # bytes on disk

    @property
    def title(self) -> str:
        """The user's name, else what its settings are."""
        return self.name or self.config.title()


@dataclass(frozen=True)
class Loaded:
    """A checkpoint, the file that it was in, and a sentence for each newer file that could not be read."""

    checkpoint: Checkpoint
    file: CheckpointFile
    skipped: tuple[str, ...]


def runs_folder() -> Path:
    """GLASSNET_RUNS, or `runs` in the project's folder."""
    return Path(os.environ.get(VARIABLE) or ROOT / "runs")


def machine_facts() -> dict[str, Any]:
    """What, besides settings and data, decides the last bits of a result."""
    try:
        import threadpoolctl
    except ImportError:
        threads = None
    else:
        found = threadpoolctl.ThreadpoolController().select(user_api="blas").info()
        threads = max((library["num_threads"] for library in found), default=None)
    return {
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "blas_threads": threads,
    }


class RunStore:
    """The runs in a folder, which is made when something is first written. Every id from outside is checked here."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or runs_folder()).absolute()
        self._problems: list[str] = []
        self._listed: dict[str, tuple[Any, StoredRun]] = {}  # id -> (versions of its files, what they say)
        self._sweep()

    # -- finding

    def run_folder(self, run_id: str, trash: bool = False) -> RunFolder:
        """Where a run lies or would lie; raises StoreError for what is no run's id."""
        if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
            raise StoreError(f"A run's id is eight hexadecimal digits, got {shorten(run_id)}.")
        return RunFolder(self.folder / TRASH / run_id if trash else self.folder / run_id)

    def __contains__(self, run_id: object) -> bool:
        return isinstance(run_id, str) and bool(RUN_ID.fullmatch(run_id)) and self.run_folder(run_id).holds_a_run()

    def ids(self, trash: bool = False) -> list[str]:
        """The ids of all runs in the folder, or in its trash."""
        try:
            names = os.listdir(self.folder / TRASH if trash else self.folder)
        except OSError:
            return []
        return sorted(name for name in names if RUN_ID.fullmatch(name) and self.run_folder(name, trash).holds_a_run())

    def _sweep(self) -> None:
        """Remove what processes that were killed have left: temporary files, and folders without a first checkpoint."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return
        for name in filter(RUN_ID.fullmatch, names):
            folder = self.run_folder(name)
            folder.sweep()
            with suppress(OSError):
                is_old = folder.path.stat().st_mtime < time.time() - STILLBORN_SECONDS
                if is_old and folder.path.is_dir() and not folder.holds_a_run() and folder.lock.claim():
                    shutil.rmtree(folder.path, ignore_errors=True)
                    folder.lock.release()

    def _found(self, run_id: str) -> RunFolder:
        folder = self.run_folder(run_id)
        if not folder.holds_a_run():
            back = f"`python -m nn_core runs restore {run_id}` brings it back"
            in_trash = f"; it is in the trash, and {back}" if run_id in self.ids(trash=True) else ""
            raise StoreError(self._no_folder() or f"There is no run {run_id} in {self.folder}{in_trash}.")
        return folder

    def _no_folder(self) -> str:
        """A sentence where something else lies in the place of the folder, else ""."""
        return f"{self.folder} is no folder." if self.folder.exists() and not self.folder.is_dir() else ""

    # -- listing

    def runs(self) -> list[StoredRun]:
        """All runs, the newest first; one that cannot be read is left out and named in `problems()`."""
        found, problems = [], [self._no_folder()] if self._no_folder() else []
        for run_id in self.ids():
            try:
                found.append(self.get(run_id))
            except StoreError as error:
                problems.append(str(error))
        self._problems = problems
        return sorted(found, key=lambda run: run.created, reverse=True)

    def problems(self) -> list[str]:
        """A sentence for each run that the last `runs()` could not read."""
        return list(self._problems)

    def get(self, run_id: str) -> StoredRun:
        """One run; raises StoreError when there is none or its summary cannot be read."""
        folder = self._found(run_id)
        version = tuple(_version(folder.path / name) for name in ("summary.json", "label.json"))
        known = self._listed.get(run_id)
        if known is not None and known[0] == version:
            return known[1]
        try:
            summary = folder.read_json("summary.json")
        except (OSError, ValueError):
            summary = self._summary_from_checkpoint(run_id, folder)
        try:
            label = folder.read_json("label.json")
        except (OSError, ValueError):
            label = {}
        try:
            run = _stored_run(run_id, summary, label)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"Run {run_id} cannot be read: its summary is damaged ({shorten(str(error))}).") from None
        self._listed[run_id] = (version, run)
        return run

    def _summary_from_checkpoint(self, run_id: str, folder: RunFolder) -> dict[str, Any]:
        """What summary.json would say, told from config.json and the newest readable checkpoint."""
        loaded = self.load(run_id)
        try:
            about = folder.read_json("config.json")
        except (OSError, ValueError):
            about = {}
        try:
            parent = parent_from_json(about.get("parent"))
        except (KeyError, TypeError, ValueError):
            parent = None
        summary = summary_of(loaded.checkpoint, "paused", folder.size(), parent)
        return {**about, **summary, "parent": parent_to_json(parent)}

    # -- reading a run

    def load(self, run_id: str, step: int | None = None) -> Loaded:
        """The newest checkpoint that can be read (of that step, where one is given); raises StoreError."""
        folder = self._found(run_id)
        for _ in range(LISTINGS):
            skipped: list[str] = []
            files = [file for file in folder.checkpoint_files() if step is None or file.step == step]
            try:
                for file in files:
                    try:
                        return Loaded(folder.read_checkpoint(file), file, tuple(skipped))
                    except FileNotFoundError:
                        raise
                    except (ArchiveError, OSError) as error:
                        which = f"The checkpoint of step {file.step:,} of run {run_id}"
                        skipped.append(f"{which} was skipped ({file.path.name}): {_why(error)}.")
                break
            except FileNotFoundError:
                continue  # whoever trains it has replaced it by a newer one
        at = "" if step is None else f" at step {step:,}"
        raise StoreError(" ".join([f"Run {run_id} has no checkpoint{at} that can be read.", *skipped]))

    def checkpoint(self, run_id: str, step: int | None = None) -> Checkpoint:
        """As `load`, the checkpoint alone."""
        return self.load(run_id, step).checkpoint

    def problem(self, run_id: str) -> str:
        """A sentence where its newest checkpoints, or all of them, cannot be read, else ""; raises as `get` does."""
        self._found(run_id)
        try:
            return " ".join(self.load(run_id).skipped)
        except StoreError as error:
            return str(error)

    def settings_at(self, run_id: str, step: int) -> RunConfig:
        """Those under which the update after this step was made; raises StoreError."""
        try:
            return self.checkpoint(run_id).config_at(step)
        except StoreError:
            run = self.get(run_id)
        own = run.parent.step if run.parent else -1  # up to there the changes are the parent's, and within `config`
        return config_at(run.config, (edit for edit in run.edits if edit.step > own), step)

    def checkpoint_steps(self, run_id: str) -> list[int]:
        """The steps at which there is a checkpoint, readable or not, ascending."""
        return sorted({file.step for file in self._found(run_id).checkpoint_files()})

    def series(self, run_id: str) -> dict[str, Series]:
        """The curves; empty where none could be read."""
        try:
            return self._found(run_id).history().series()
        except OSError as error:
            raise StoreError(f"The curves of run {run_id} cannot be read: {_why(error)}.") from None

    def film(self, run_id: str) -> tuple[Frame, ...]:
        """Its frames, ascending in step; those of its checkpoints are exact."""
        return self.open_film(run_id).frames()

    def open_film(self, run_id: str) -> Film:
        """The same as a film that goes on: it ends where the run stands that `load` gives."""
        folder = self._found(run_id)
        try:
            frames = folder.read_frames()
        except OSError as error:
            raise StoreError(f"The frames of run {run_id} cannot be read: {_why(error)}.") from None
        film = Film((*self._lost_beginning(run_id, frames), *frames))
        marked: dict[str, int] = {}  # name -> step, the newest first
        for file in folder.checkpoint_files():
            name = "best" if file.is_best else "latest"
            if name not in marked:
                try:
                    frame = exact_frame(folder.read_checkpoint(file, History()))
                    film.mark(name, frame)
                    marked[name] = frame.step
                except (ArchiveError, OSError):
                    continue
        film.drop_after(next(iter(marked.values()), sys.maxsize))  # what was lost, or undone by a run that diverged
        return film

    def _lost_beginning(self, run_id: str, frames: list[Frame]) -> list[Frame]:
        """The frame of step 0 where it never reached the disk (a kill in the first save): settings and seed give it."""
        about, losses = self._about(run_id), self._found(run_id).history()["val/loss"]
        begun_anew = "config" in about and about.get("parent") is None and losses.step[:1] == [0]
        if (frames and frames[0].step == 0) or not begun_anew:
            return []
        try:
            return [first_frame(RunConfig.from_dict(about["config"]))]
        except ConfigError:
            return []

    def _about(self, run_id: str) -> dict[str, Any]:
        """config.json, or nothing where it cannot be read."""
        try:
            return self._found(run_id).read_json("config.json")
        except (OSError, ValueError):
            return {}

    def blas_threads(self, run_id: str) -> int | None:
        """How many threads the matrix products had when the run began; None where that is not known."""
        threads = (self._about(run_id).get("machine") or {}).get("blas_threads")
        return threads if isinstance(threads, int) and 1 <= threads <= 64 else None

    def machine_has_changed(self, run_id: str) -> str:
        """A sentence where a run that goes on here and now may round otherwise than where it began, else ""."""
        then, now = self._about(run_id).get("machine") or {}, machine_facts()
        labels = {"numpy": "NumPy", "machine": "processor", "blas_threads": "BLAS threads"}
        changes = [
            f"{label} {then[key]!s:.20} then, {now[key]} now"
            for key, label in labels.items()
            if then.get(key) is not None and now[key] is not None and then[key] != now[key]
        ]
        return f"It does not go on bit for bit ({'; '.join(changes)})." if changes else ""

    def check_data(self, run_id: str, data: Dataset) -> None:
        """Raise StoreError when a run was trained on other images than these."""
        was = (self._about(run_id).get("data") or {}).get("identity", data.identity)
        if was != data.identity:
            raise StoreError(
                f"Run {run_id} cannot go on: the data set {data.name} holds other images than those it was trained on."
            )

    # -- changing

    def rename(self, run_id: str, name: str) -> None:
        """Give a run a name of the user's own, or "" to take it back; raises StoreError."""
        text = " ".join("".join(c if c.isprintable() else " " for c in name).split())
        if len(text) > MAX_NAME:
            raise StoreError(f"A run's name may have at most {MAX_NAME} characters, got {len(text)}.")
        self._label(run_id, name=text)

    def star(self, run_id: str, starred: bool) -> None:
        """Put a star on a run, or take it off; raises StoreError."""
        self._label(run_id, starred=bool(starred))

    def _label(self, run_id: str, **changes: Any) -> None:
        folder = self._found(run_id)
        try:
            label = folder.read_json("label.json")
        except (OSError, ValueError):
            label = {}
        try:
            folder.write_json("label.json", {**label, **changes})
        except OSError as error:
            raise StoreError(f"Run {run_id} could not be changed: {_why(error)}.") from None

    def delete(self, run_id: str) -> None:
        """Move a run into the trash, from where `restore` brings it back; raises StoreError."""
        folder = self._found(run_id)
        target = self.run_folder(run_id, trash=True).path
        try:
            if not folder.lock.claim():
                raise StoreError(f"Run {run_id} is being trained by another program; pause it there first.")
            try:
                target.parent.mkdir(exist_ok=True)
                if target.exists():
                    shutil.rmtree(target)
                os.rename(folder.path, target)
                sync_folder(self.folder)
            finally:
                folder.lock.release()
        except OSError as error:
            raise StoreError(f"Run {run_id} could not be deleted: {_why(error)}.") from None

    def restore(self, run_id: str) -> None:
        """Bring a run back from the trash; raises StoreError."""
        source, target = self.run_folder(run_id, trash=True).path, self.run_folder(run_id).path
        if not source.is_dir():
            raise StoreError(f"There is no run {run_id} in the trash of {self.folder}.")
        if target.exists():
            raise StoreError(f"Run {run_id} is not only in the trash but also in {self.folder}.")
        try:
            os.rename(source, target)
            sync_folder(self.folder)
        except OSError as error:
            raise StoreError(f"Run {run_id} could not be brought back: {_why(error)}.") from None

    def purge(self, run_id: str | None = None) -> None:
        """Remove one run that is in the trash for good, or all of them."""
        for each in self.ids(trash=True) if run_id is None else [run_id]:
            shutil.rmtree(self.run_folder(each, trash=True).path, ignore_errors=True)


def _stored_run(run_id: str, summary: Mapping[str, Any], label: Mapping[str, Any]) -> StoredRun:
    return StoredRun(
        id=run_id,
        name=str(label.get("name", "")),
        config=RunConfig.from_dict(summary["config"]),
        edits=edits_from_json(summary["edits"]),
        parent=parent_from_json(summary.get("parent")),
        created=float(summary.get("created", summary["changed"])),
        changed=float(summary["changed"]),
        status=str(summary["status"]),
        step=int(summary["step"]),
        epoch=float(summary["epoch"]),
        seconds=float(summary["seconds"]),
        val_accuracy=_number(summary["val_accuracy"]),
        best_val_accuracy=_number(summary["best_val_accuracy"]),
        best_step=None if summary["best_step"] is None else int(summary["best_step"]),
        starred=bool(label.get("starred", False)),
        size=int(summary["size"]),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return str(error)


def new_id() -> str:
    """An id for a run: eight hexadecimal digits."""
    return secrets.token_hex(4)
