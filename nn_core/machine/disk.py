"""Writing files so that a crash, a full disk or a second process leaves the old content or the new, never a part."""

from __future__ import annotations

import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]  # the folder that holds nn_core, and `runs` unless told otherwise
TEMPORARY = re.compile(r"\.(\d+)-[0-9a-f]{8}\.tmp")  # the writer's process, and a random part
ABANDONED_SECONDS = 3600.0  # after which a temporary file is an orphan, whoever wrote it


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one piece: a temporary file beside it, fsync, rename, fsync of the folder.

    Raises OSError; what was at `path` then stays as it was, and no temporary file is left.
    """
    temporary = path.parent / f".{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def append_lines(path: Path, lines: list[str]) -> None:
    """Append whole lines and fsync; a torn line that a crash left behind is closed first.

    Raises OSError; the file is then cut back to where it ended, as far as the disk allows.
    """
    if not lines:
        return
    is_new = not path.exists()
    with open(path, "ab+") as stream:
        end = stream.seek(0, os.SEEK_END)
        torn = False
        if end:
            stream.seek(end - 1)
            torn = stream.read(1) != b"\n"
        try:
            stream.write(("\n" * torn + "".join(f"{line}\n" for line in lines)).encode())
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:
            with suppress(OSError):
                os.truncate(path, end)
            raise
    if is_new:
        sync_folder(path.parent)


def reason(error: OSError) -> str:
    """Why it failed, like "No space left on device"."""
    return error.strerror or type(error).__name__


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder last; where a folder cannot be opened (Windows), nothing."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: str | Path) -> None:
    """Remove the temporary files of processes that are gone; those of a running one are left to it."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for found in filter(None, map(TEMPORARY.fullmatch, names)):
        path = os.path.join(folder, found[0])
        with suppress(OSError):
            if not _is_alive(int(found[1])) or os.stat(path).st_mtime < time.time() - ABANDONED_SECONDS:
                os.unlink(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


class Lock:
    """An exclusive claim on a folder by its file `.lock`; the system takes it back when the process ends, however.

    Where the system has no flock (Windows), every claim is granted.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        self._handle: int | None = None

    def claim(self) -> bool:
        """Whether this lock has the folder now. Raises OSError when the file cannot be made."""
        if self._handle is not None:
            return True
        flock = _flock()
        if flock is None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            flock.flock(handle, flock.LOCK_EX | flock.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        """Give the folder back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _flock() -> Any:
    try:
        import fcntl
    except ImportError:
        return None
    return fcntl
