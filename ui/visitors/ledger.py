"""Whose each run and each search is: a line for each, in one file of the runs folder."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

from nn_core.config.foreign import parse_json

log = logging.getLogger(__name__)

FILE = ".owners.jsonl"


class Ledger:
    """Runs and searches by their owners. Other processes may write the file too: what they add is read when asked for.

    A run that never trained is claimed in memory alone, as it leaves nothing behind on the disk either.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._owners: dict[str, str] = {}
        self._unwritten: set[str] = set()
        self._read = 0  # bytes of the file
        self._lock = threading.RLock()

    def owner_of(self, thing: str) -> str:
        """The id of the visitor whose it is, "" where it is nobody's."""
        with self._lock:
            self._catch_up()
            return self._owners.get(thing, "")

    def of(self, visitor: str) -> list[str]:
        """All that is a visitor's."""
        with self._lock:
            self._catch_up()
            return [thing for thing, owner in self._owners.items() if owner == visitor] if visitor else []

    def things(self) -> set[str]:
        """All that is or was somebody's."""
        with self._lock:
            self._catch_up()
            return set(self._owners)

    def claim(self, thing: str, visitor: str, *, write: bool = True) -> None:
        """From now on it is this visitor's; `write` may also come later."""
        with self._lock:
            self._catch_up()
            self._owners[thing] = visitor
            self._unwritten.add(thing)
        if write:
            self.write(thing)

    def write(self, thing: str) -> None:
        """Put it down, where that has not been done. What cannot be written is this visitor's until the server ends."""
        with self._lock:
            if thing not in self._unwritten:
                return
            line = json.dumps({"thing": thing, "owner": self._owners[thing]}).encode() + b"\n"
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    os.write(handle, b"\n" + line if self._is_cut_off() else line)
                    os.fsync(handle)
                finally:
                    os.close(handle)
            except OSError as error:
                log.warning("whose %s is could not be written to %s: %s", thing, self._path, error)
                return
            self._unwritten.discard(thing)

    def _is_cut_off(self) -> bool:
        """Whether the file ends within a line, because a process or the power went while it was written."""
        try:
            with self._path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read() != b"\n"
        except OSError:
            return False

    def _catch_up(self) -> None:
        """Read the lines that are new in the file; what is no line of ours is passed over."""
        try:
            if self._path.stat().st_size == self._read:
                return
            with self._path.open("rb") as file:
                file.seek(self._read)
                lines = file.read()
        except OSError:
            return
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                entry = parse_json(line)
                thing, owner = entry["thing"], entry["owner"]
            except (ValueError, KeyError, TypeError):
                continue
            if isinstance(thing, str) and isinstance(owner, str) and thing not in self._unwritten:
                self._owners[thing] = owner
