"""Saves one run while it trains. A disk that fails never stops the training: the writer says so and tries again."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nn_core.data import Dataset
from nn_core.machine.disk import reason
from nn_core.machine.facts import machine_facts
from nn_core.store.files import ArchiveError
from nn_core.store.opened_run import OpenedRun
from nn_core.store.run_folder import CheckpointFile, RunFolder, new_points
from nn_core.store.run_store import RunStore, StoreError
from nn_core.store.summary import TRAINING, parent_to_json, summary_of
from nn_core.training.film import Frame
from nn_core.training.history import Series
from nn_core.training.state import Checkpoint, Parent

log = logging.getLogger(__name__)

SAVE_SECONDS = 10.0  # between two checkpoints of a run that trains, and between two tries where one failed


class RunWriter:
    """Saves one run into its folder; used by the run's own thread alone.

    `problem` is a sentence on what is not being saved, "" when all is well. The folder is locked while the run trains,
    so that of two programs that train the same run only one writes. `opened` is a run that is on disk already and goes
    on where its newest readable checkpoint stands: nothing of it need be written until it has trained.
    """

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        data: Dataset,
        *,
        parent: Parent | None = None,
        created: float | None = None,
        opened: OpenedRun | None = None,
    ) -> None:
        self.problem = ""
        self.parent = parent
        store.sweep()
        self._folder: RunFolder = store.run_folder(run_id)
        self._created = time.time() if created is None else created
        self._data = {"name": data.name, "identity": data.identity}
        self._tried = float("-inf")  # on time.monotonic()
        self._saved: tuple[Any, ...] | None = None  # (step, number of edits, status) as on disk
        self._serial = 0  # of the newest checkpoint that it has tried to write
        self._known = 0  # of the newest checkpoint on disk, when it last wrote or read one
        self._newest: Path | None = None  # its file
        self._step: int | None = None  # and its step
        self._best: CheckpointFile | None = None
        self._written_best: Checkpoint | None = None
        self._on_disk: Mapping[str, Series] | None = {}  # the curves there; None: others than those in memory
        self._frames: dict[int, Frame | None] = {}  # there; None for one that is no part of the film
        if opened is not None:
            self._go_on(opened)

    def __repr__(self) -> str:
        return f"<RunWriter into {self._folder.path}>"

    def _go_on(self, opened: OpenedRun) -> None:
        checkpoint, files = opened.newest.checkpoint, opened.files
        step = self._step = checkpoint.step
        self._saved = (step, len(checkpoint.edits), opened.run.status)
        self._newest = opened.newest.file.path
        self._serial = self._known = files[0].serial  # of a newer one that cannot be read, perhaps
        self._best = next((file for file in files if file.is_best and file.step <= step), None)
        self._on_disk = opened.history.series() if opened.curves[1] else None
        self._frames = {**dict.fromkeys(opened.frame_steps), **{f.step: f for f in opened.frames if f.step <= step}}

    def claim(self) -> str:
        """Take the folder, before training begins; "" then, else a sentence on why this program may not train the run.

        A run that is not on disk yet is nobody else's. What the disk refuses is said when the run is saved.
        """
        if self._newest is None:
            return ""
        try:
            if not self._folder.lock.claim():
                return self.trained_by() or f"Run {self._folder.path.name} is held by this program already."
        except OSError:
            return ""
        if not self.is_outdated():
            return ""
        self.release()
        return f"Run {self._folder.path.name} has just been trained on by another program; open it again."

    def trained_by(self) -> str:
        """A sentence on the other program that trains the run now, "" where none does."""
        return self._folder.trained_by() if self._newest is not None else ""

    def needs(self, step: int, n_edits: int, status: str) -> bool:
        """Whether a run that stands so has something that is not on disk, and a try is due.

        A run that trains is written every SAVE_SECONDS, another at once; after a failure both wait as long.
        """
        if self._saved == (step, n_edits, status):
            return False
        waits = status in TRAINING or self.problem
        return not waits or time.monotonic() - self._tried >= SAVE_SECONDS

    def holds(self, step: int, n_edits: int) -> bool:
        """Whether a run that stands so is on disk as it is."""
        return self._saved is not None and self._saved[:2] == (step, n_edits)

    def is_outdated(self) -> bool:
        """Whether another program has trained the run on since this one read or wrote it."""
        try:
            files = self._folder.checkpoint_files()
        except OSError:
            return False
        return bool(files) and files[0].serial > self._known

    def save(
        self, checkpoint: Checkpoint, frames: tuple[Frame, ...], status: str, best: Checkpoint | None = None
    ) -> bool:
        """Write the run down as it stands; `best` is a new best checkpoint, if there is one. False when it failed."""
        self._tried = time.monotonic()
        try:
            self._save(checkpoint, frames, status, best)
        except (OSError, ArchiveError, StoreError, MemoryError) as error:
            self._note(error)
            return False
        except Exception as error:
            log.exception("run %s could not be saved", self._folder.path.name)
            self._note(error)
            return False
        finally:
            if status not in TRAINING:
                self.release()
        self.problem = ""
        self._written_best = None
        self._saved = (checkpoint.step, len(checkpoint.edits), status)
        return True

    def release(self) -> None:
        """Let another program write the folder."""
        self._folder.lock.release()

    def _note(self, error: Exception) -> None:
        why = reason(error) if isinstance(error, OSError) else str(error)
        since = "at all" if self._step is None else f"since step {self._step:,}"
        before = self.problem
        self.problem = (
            f"This run is not being saved {since}: {self._folder.path} could not be written ({why}). "
            f"Training goes on in memory; saving is tried again every {SAVE_SECONDS:g} seconds."
        )
        if self.problem != before:
            log.warning("%s", self.problem)

    def _save(self, checkpoint: Checkpoint, frames: tuple[Frame, ...], status: str, best: Checkpoint | None) -> None:
        folder = self._folder
        if self._newest is not None and not folder.path.is_dir():
            raise StoreError("it was deleted")
        folder.make()
        if not folder.lock.claim() or self.is_outdated():
            raise StoreError("another program trains it")
        if self._newest is None:
            folder.write_json("config.json", self._about(checkpoint))
        self._save_curves(checkpoint.history.series())  # before the checkpoint, which counts their points
        self._remove_frames(frames, checkpoint.step)
        if self._best is not None and self._best.step > checkpoint.step:
            self._best = None  # a diverged run has gone back behind it
        best_serial, before = self._next_serial(), self._newest  # the newest checkpoint has the highest serial
        self._newest = self._write(checkpoint, self._next_serial()).path
        self._step = checkpoint.step
        self._remove_checkpoints(before)
        self._save_frames(frames)  # on a full disk rather these are missing than the checkpoint
        if best is not None and best is not self._written_best:  # a try that failed later on has written it
            self._best = self._write(best, best_serial, is_best=True)
            self._written_best = best
            self._remove_checkpoints(before)
        summary = summary_of(checkpoint, status, folder.size(), self.parent)
        about = {"created": self._created, "parent": parent_to_json(self.parent), "data": self._data}
        folder.write_json("summary.json", {"version": 1, **about, **summary})

    def _write(self, checkpoint: Checkpoint, serial: int, is_best: bool = False) -> CheckpointFile:
        file = self._folder.write_checkpoint(checkpoint, serial, is_best=is_best)
        self._known = max(self._known, serial)
        return file

    def _next_serial(self) -> int:
        """Never the same twice, not even after a try that failed half-way."""
        self._serial += 1
        return self._serial

    def _about(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {
            "version": 1,
            "id": self._folder.path.name,
            "created": self._created,
            "config": checkpoint.config.to_dict(),
            "data": self._data,
            "parent": parent_to_json(self.parent),
            "machine": machine_facts(),
        }

    def _save_curves(self, series: Mapping[str, Series]) -> None:
        before, self._on_disk = self._on_disk, None  # until it is written
        standing, added = new_points(before or {}, series)
        if before is None or not self._folder.has_room_for(sum(map(len, added.values()))):
            self._folder.write_points({name: one.points for name, one in series.items()})
        else:
            cut = any(standing[name] < len(old) for name, old in before.items())
            self._folder.append_points(standing if cut else None, added)
        self._on_disk = series

    def _remove_checkpoints(self, before: Path | None) -> None:
        """All but the newest, the one before it and the best."""
        best = self._best.path if self._best else None
        self._folder.remove_checkpoints({path for path in (before, self._newest, best) if path is not None})

    def _remove_frames(self, frames: tuple[Frame, ...], step: int) -> None:
        """Those on disk that are none of these; before the checkpoint, which must not find frames that are not its own.

        A checkpoint that could not be read has left frames beyond the one that goes on: they stay as all that is left
        of those steps, until the run has made these again.
        """
        wanted = {frame.step: frame for frame in frames}
        for at, frame in list(self._frames.items()):
            is_beyond = frame is None and at > step
            if not is_beyond and (frame is None or wanted.get(at) is not frame):
                self._folder.remove_frame(at)
                del self._frames[at]

    def _save_frames(self, frames: tuple[Frame, ...]) -> None:
        for frame in frames:
            if self._frames.get(frame.step) is not frame:
                self._folder.write_frame(frame)
                self._frames[frame.step] = frame
