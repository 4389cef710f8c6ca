"""Runs on disk: one folder a run under one folder for all, listed, opened, named, starred, deleted and brought back.

What lies in a run's folder is told in run_folder.py; run_writer.py writes it while a run trains.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from nn_core.config.environment import RUNS
from nn_core.config.errors import shorten
from nn_core.data.kept import runs_folder
from nn_core.machine.disk import reason, sync_folder
from nn_core.machine.holder import NOTE
from nn_core.store.opened_run import Loaded, OpenedRun, StoreError
from nn_core.store.run_folder import RunFolder, sweep_run, version_of
from nn_core.store.summary import MAX_NAME, MAX_NOTE, MAX_TAG, MAX_TAGS, RUN_ID, TRAINING, StoredRun
from nn_core.training.film import Frame
from nn_core.training.history import Series
from nn_core.training.state import Checkpoint, Parent

__all__ = [
    "MAX_NAME",
    "MAX_NOTE",
    "MAX_TAG",
    "MAX_TAGS",
    "RUN_ID",
    "Loaded",
    "Parent",
    "RunStore",
    "StoreError",
    "StoredRun",
    "runs_folder",
]

log = logging.getLogger(__name__)

VARIABLE = RUNS.name
TRASH = ".trash"
STILLBORN_SECONDS = 600.0  # after which a folder without a checkpoint is none that is being begun


class RunStore:
    """The runs in a folder, which is made when something is first written. Every id from outside is checked here."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or runs_folder()).absolute()
        self._listed: dict[str, tuple[Any, StoredRun | StoreError]] = {}  # id -> (versions of its files, what they say)
        self._is_swept = False

    def __repr__(self) -> str:
        return f"<RunStore {self.folder}>"

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
        return [name for name in self._names_to_list(trash) if self.run_folder(name, trash).holds_a_run()]

    def _names_to_list(self, trash: bool = False) -> list[str]:
        """Of what lies there, the names that a list may show."""
        return self._names(trash)

    def _names(self, trash: bool = False) -> list[str]:
        """What lies there that is called as a run is."""
        try:
            names = os.listdir(self.folder / TRASH if trash else self.folder)
        except OSError:
            return []
        return sorted(filter(RUN_ID.fullmatch, names))

    def sweep(self) -> None:
        """Remove what processes that were killed have left: temporary files, and folders without a first checkpoint.

        Whoever writes here asks for it; it is done once. A list alone need not wait for it.
        """
        if self._is_swept:
            return
        self._is_swept = True
        for name in self._names():
            sweep_run(f"{self.folder}/{name}")
            if not os.path.exists(f"{self.folder}/{name}/summary.json"):
                self._remove_stillborn(self.run_folder(name))

    def _remove_stillborn(self, folder: RunFolder) -> None:
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

    # -- reading

    def runs(self) -> list[StoredRun]:
        """All runs, the newest first; those that cannot be read are in `unreadable()`."""
        return self.survey()[0]

    def unreadable(self) -> dict[str, str]:
        """The ids of the runs that cannot be read, with a sentence why for each."""
        return self.survey()[1]

    def survey(self) -> tuple[list[StoredRun], dict[str, str]]:
        """What `runs` and what `unreadable` return, of one look."""
        found, unreadable = [], {}
        for run_id in self._names_to_list():
            try:
                run = self._shown(run_id)
            except StoreError as error:
                unreadable[run_id] = str(error)
                continue
            if run is not None:
                found.append(run)
        return sorted(found, key=lambda run: run.created, reverse=True), unreadable

    def problems(self) -> list[str]:
        """A sentence for each run that cannot be read, and where there is no folder at all."""
        no_folder = self._no_folder()
        return [no_folder] if no_folder else list(self.unreadable().values())

    def get(self, run_id: str) -> StoredRun:
        """What a list shows of one run; raises StoreError when there is none or its summary cannot be read."""
        self._found(run_id)
        run = self._shown(run_id)
        if run is None:
            raise StoreError(f"There is no run {run_id} in {self.folder}.")  # it was deleted just now
        return run

    def _shown(self, run_id: str) -> StoredRun | None:
        """As `get`, None where there is none. What has not changed since it was read last is not read again."""
        version = version_of(f"{self.folder}/{run_id}")
        known = self._listed.get(run_id)
        if known is None or known[0] != version:
            found = self._read(run_id, is_there=version[0] is not None)
            if found is None:
                return None
            known = self._listed[run_id] = (version, found)
        if isinstance(known[1], StoreError):
            raise known[1]
        return self._as_it_is(known[1])

    def _read(self, run_id: str, is_there: bool) -> StoredRun | StoreError | None:
        """What the files of a run say now; whatever is in them, it is no more than an error of this one run."""
        folder = self.run_folder(run_id)
        try:
            return OpenedRun(folder).run if is_there or folder.holds_a_run() else None
        except StoreError as error:
            return error
        except OSError as error:
            return StoreError(f"Run {run_id} cannot be read: {reason(error).lower()}.")
        except Exception as error:
            log.exception("run %s cannot be read", run_id)
            return StoreError(f"Run {run_id} cannot be read: {type(error).__name__}.")

    def _as_it_is(self, run: StoredRun) -> StoredRun:
        """A run that another program trains, and one whose program was killed while it trained, with that status."""
        held = os.path.exists(f"{self.folder}/{run.id}/{NOTE}")  # for most runs this is all there is to ask
        holder = self.run_folder(run.id).lock.holder() if held else None
        if holder is not None:
            return run if holder.is_this_process else replace(run, status="elsewhere")
        return replace(run, status="interrupted") if run.status in TRAINING else run

    def open(self, run_id: str) -> OpenedRun:
        """All that is kept of a run; raises StoreError when there is none."""
        return OpenedRun(self._found(run_id))

    def load(self, run_id: str, step: int | None = None) -> Loaded:
        """The newest checkpoint that can be read (of that step, where one is given); raises StoreError."""
        return self.open(run_id).load(step)

    def checkpoint(self, run_id: str, step: int | None = None) -> Checkpoint:
        """As `load`, the checkpoint alone."""
        return self.load(run_id, step).checkpoint

    def series(self, run_id: str) -> dict[str, Series]:
        """The curves; raises StoreError."""
        return self.open(run_id).series()

    def film(self, run_id: str) -> tuple[Frame, ...]:
        """Its frames, ascending in step; those of its checkpoints are exact. Raises StoreError."""
        return self.open(run_id).film().frames()

    # -- changing

    def rename(self, run_id: str, name: str) -> None:
        """Give a run a name of the user's own, or "" to take it back; raises StoreError."""
        self._label(run_id, name=_checked("name", name, MAX_NAME))

    def star(self, run_id: str, starred: bool) -> None:
        """Put a star on a run, or take it off; raises StoreError."""
        self._label(run_id, starred=bool(starred))

    def note(self, run_id: str, note: str) -> None:
        """Keep a note with a run; raises StoreError."""
        self._label(run_id, note=_checked("note", note, MAX_NOTE))

    def tag(self, run_id: str, tags: Iterable[str]) -> None:
        """Give a run these tags and no others; raises StoreError."""
        kept = [text for text in dict.fromkeys(_checked("tag", tag, MAX_TAG) for tag in tags) if text]
        if len(kept) > MAX_TAGS:
            raise StoreError(f"A run may have at most {MAX_TAGS} tags, got {len(kept)}.")
        self._label(run_id, tags=kept)

    def keep_test(self, run_id: str, step: int, accuracy: float) -> None:
        """Keep what a run reached on the test images at a step; raises StoreError."""
        self._label(run_id, test=[step, accuracy])

    def _label(self, run_id: str, **changes: Any) -> None:
        folder = self._found(run_id)
        try:
            label = folder.read_json("label.json")
        except (OSError, ValueError):
            label = {}
        try:
            folder.write_json("label.json", {**label, **changes})
        except OSError as error:
            raise StoreError(f"Run {run_id} could not be changed: {reason(error).lower()}.") from None

    def delete(self, run_id: str) -> None:
        """Move a run into the trash, from where `restore` brings it back; raises StoreError."""
        folder = self._found(run_id)
        target = self.run_folder(run_id, trash=True).path
        try:
            if not folder.lock.claim():
                by = folder.trained_by() or f"Run {run_id} is being saved."
                raise StoreError(f"{by} Pause it there first.")
            try:
                target.parent.mkdir(exist_ok=True)
                if target.exists():
                    shutil.rmtree(target)
                os.rename(folder.path, target)
                sync_folder(self.folder)
            finally:
                folder.lock.release()
        except OSError as error:
            raise StoreError(f"Run {run_id} could not be deleted: {reason(error).lower()}.") from None

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
            raise StoreError(f"Run {run_id} could not be brought back: {reason(error).lower()}.") from None

    def purge(self, run_id: str | None = None) -> None:
        """Remove one run that is in the trash for good, or all of them."""
        for each in self.ids(trash=True) if run_id is None else [run_id]:
            shutil.rmtree(self.run_folder(each, trash=True).path, ignore_errors=True)


def _checked(what: str, text: str, most: int) -> str:
    """The text on one line, without what cannot be printed; raises StoreError where it is too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > most:
        raise StoreError(f"A run's {what} may have at most {most} characters, got {len(line)}.")
    return line


def new_id() -> str:
    """An id for a run: eight hexadecimal digits."""
    return secrets.token_hex(4)
