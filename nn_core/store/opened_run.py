"""What the files of one stored run say, each file read once: its summary, curves, checkpoints and film."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nn_core.config.errors import ConfigError
from nn_core.config.foreign import because, table
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.machine.disk import reason
from nn_core.machine.facts import WORDS, machine_facts
from nn_core.nn.network import shapes_of
from nn_core.store.files import ArchiveError, read_checkpoint
from nn_core.store.run_folder import CheckpointFile, RunFolder
from nn_core.store.summary import StoredRun, parent_from_json, parent_to_json, stored_run, summary_of
from nn_core.training.film import Film, Frame, exact_frame, first_frame
from nn_core.training.history import History, Series
from nn_core.training.state import Checkpoint

LISTINGS = 20  # looks at a folder whose checkpoints are being replaced


class StoreError(Exception):
    """What cannot be read or done; one sentence for the user."""


@dataclass(frozen=True)
class Loaded:
    """A checkpoint, the file that it was in, and a sentence for each newer file that could not be read."""

    checkpoint: Checkpoint
    file: CheckpointFile
    skipped: tuple[str, ...]


class OpenedRun:
    """What the files of one run say. Each is read once, when what is in it is first asked for.

    Another program may save the run meanwhile. It writes the curves before the checkpoint that counts their points, so
    here the checkpoints are listed before the curves are read.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self.id = folder.path.name
        self._read: dict[Path, Checkpoint] = {}

    def __repr__(self) -> str:
        return f"<OpenedRun {self._folder.path}>"

    @cached_property
    def about(self) -> dict[str, Any]:
        """config.json: how the run began. Empty where it cannot be read; without parts that are no tables."""
        about = self._json_or_nothing("config.json")
        tables = {name: table(about, name) for name in ("config", "data", "machine", "parent") if about.get(name)}
        return {**about, **tables}

    def _json_or_nothing(self, name: str) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            if os.path.exists(f"{self._folder.path}/{name}"):  # most runs have no label
                return self._folder.read_json(name)
        return {}

    @cached_property
    def run(self) -> StoredRun:
        """What a list shows of it: summary.json, told from the newest checkpoint where that is damaged.

        Raises StoreError.
        """
        try:
            summary = self._folder.read_json("summary.json")
        except (OSError, ValueError):
            summary = self._summary_of_newest()
        try:
            return stored_run(self.id, summary, self._json_or_nothing("label.json"))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"Run {self.id} cannot be read: its summary is damaged ({because(error)}).") from None

    def _summary_of_newest(self) -> dict[str, Any]:
        checkpoint = self.newest.checkpoint
        try:
            parent = parent_from_json(self.about.get("parent"))
        except (KeyError, TypeError, ValueError):
            parent = None
        summary = summary_of(checkpoint, "paused", self._folder.size(), parent)
        return {**self.about, **summary, "parent": parent_to_json(parent)}

    # -- curves

    @cached_property
    def curves(self) -> tuple[History, bool]:
        """The curves, and whether their file holds no other points. Raises OSError."""
        _ = self.files  # listed before
        return self._folder.curves()

    @property
    def history(self) -> History:
        """The curves; empty where there are none. Raises OSError."""
        return self.curves[0]

    def series(self) -> dict[str, Series]:
        """The same as series by name; raises StoreError."""
        try:
            return self.history.series()
        except OSError as error:
            raise StoreError(f"The curves of run {self.id} cannot be read: {reason(error).lower()}.") from None

    # -- checkpoints

    @cached_property
    def files(self) -> list[CheckpointFile]:
        """Its checkpoints as they lie there, readable or not, newest first; raises StoreError."""
        try:
            return self._folder.checkpoint_files()
        except OSError as error:
            raise StoreError(f"The checkpoints of run {self.id} cannot be read: {reason(error).lower()}.") from None

    def _list_anew(self) -> None:
        for name in ("files", "curves"):
            self.__dict__.pop(name, None)

    def read(self, file: CheckpointFile) -> Checkpoint:
        """One of its checkpoints. Raises ArchiveError and OSError."""
        if file.path not in self._read:
            self._read[file.path] = read_checkpoint(file.path, lambda: self.history)
        return self._read[file.path]

    @cached_property
    def newest(self) -> Loaded:
        """The newest checkpoint that can be read; raises StoreError."""
        return self.load()

    def load(self, step: int | None = None) -> Loaded:
        """The newest checkpoint that can be read, of that step where one is given; raises StoreError."""
        for _ in range(LISTINGS):
            skipped: list[str] = []
            try:
                for file in [file for file in self.files if step in (None, file.step)]:
                    try:
                        return Loaded(self.read(file), file, tuple(skipped))
                    except FileNotFoundError:
                        raise
                    except (ArchiveError, OSError) as error:
                        why = reason(error).lower() if isinstance(error, OSError) else str(error)
                        which = f"The checkpoint of step {file.step:,} of run {self.id}"
                        skipped.append(f"{which} was skipped ({file.path.name}): {why}.")
                break
            except FileNotFoundError:
                self._list_anew()  # whoever trains it has replaced it by a newer one
        at = "" if step is None else f" at step {step:,}"
        raise StoreError(" ".join([f"Run {self.id} has no checkpoint{at} that can be read.", *skipped]))

    def problem(self) -> str:
        """A sentence where its newest checkpoints, or all of them, cannot be read, else ""."""
        try:
            return " ".join(self.newest.skipped)
        except StoreError as error:
            return str(error)

    def settings_at(self, step: int) -> RunConfig:
        """Those under which update number `step` + 1 was made; raises StoreError."""
        try:
            return self.newest.checkpoint.config_at(step)
        except StoreError:
            return self.run.settings_at(step)

    # -- frames

    @cached_property
    def frame_steps(self) -> list[int]:
        """The steps of its frames on disk, readable or not, ascending."""
        return self._folder.frame_steps()

    @cached_property
    def frames(self) -> list[Frame]:
        """Its readable frames that hold the weights of its network, ascending in step; raises StoreError."""
        try:
            config = self.newest.checkpoint.config
        except StoreError:
            config = self.run.config
        wanted = shapes_of(config)
        return [frame for frame in self._folder.read_frames(self.frame_steps) if frame.fits(wanted)]

    def film(self) -> Film:
        """The film, to go on with where the newest checkpoint stands; the newest and the best network are exact.

        Raises StoreError.
        """
        film = Film((*self._lost_beginning(), *self.frames))
        marked: dict[str, int] = {}  # name -> step, the newest first
        for file in self.files:
            name = "best" if file.is_best else "latest"
            if name not in marked:
                with suppress(ArchiveError, OSError):
                    frame = exact_frame(self.read(file))
                    film.mark(name, frame)
                    marked[name] = frame.step
        film.drop_after(next(iter(marked.values()), sys.maxsize))  # what was lost, or undone by a run that diverged
        return film

    def _lost_beginning(self) -> list[Frame]:
        """The frame of step 0 where it never reached the disk (a kill in the first save): settings and seed give it."""
        if (self.frames and self.frames[0].step == 0) or "config" not in self.about or self.about.get("parent"):
            return []
        losses = self.series().get("val/loss")
        if losses is None or losses.step[0] != 0:
            return []  # it was brought in from a file, at a later step
        try:
            return [first_frame(RunConfig.from_dict(self.about["config"]))]
        except ConfigError:
            return []

    # -- whether it goes on here

    @property
    def blas_threads(self) -> int | None:
        """How many threads the matrix products had when the run began; None where that is not known."""
        threads = (self.about.get("machine") or {}).get("blas_threads")
        return threads if isinstance(threads, int) and 1 <= threads <= 64 else None

    def machine_has_changed(self) -> str:
        """A sentence where a run that goes on here and now may round otherwise than where it began, else ""."""
        then, now = self.about.get("machine") or {}, machine_facts()
        changes = [
            f"{word} {then[key]!s:.20} then, {now[key]} now"
            for key, word in WORDS.items()
            if then.get(key) is not None and now[key] is not None and then[key] != now[key]
        ]
        return f"It does not go on bit for bit ({'; '.join(changes)})." if changes else ""

    def check_data(self, data: Dataset) -> None:
        """Raise StoreError when the run was trained on other images than these."""
        was = (self.about.get("data") or {}).get("identity", data.identity)
        if was != data.identity:
            raise StoreError(
                f"Run {self.id} cannot go on: the data set {data.name} holds other images than those it was trained on."
            )
