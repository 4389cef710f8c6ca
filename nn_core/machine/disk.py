"""Writing files so that a crash, a full disk or a second process leaves the old content or the new, never a part."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nn_core.machine.holder import Holder, read_note, remove_note, write_note

if TYPE_CHECKING:
    from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]  # the folder that holds nn_core, and `runs` unless told otherwise
TEMPORARY = r"\.(\d+)-(?:(\d+)-)?[0-9a-f]{8}\.tmp"  # the writer's process, when it began, a random part
MAX_NAME_BYTES = 255  # of every file system that is common
NOT_KEPT = ("/dev/", "/proc/")  # what is named below these is written to, not replaced
LOOK_SECONDS = 0.1  # for which a claim outlasts the looks of others at who holds a folder


def open_plain(path: str | Path) -> BinaryIO:
    """A plain file to read from; raises OSError, also for a pipe or the like, which could keep its reader waiting."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "It is no plain file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: str | Path, most: int) -> bytes:
    """What is in a plain file of at most so many bytes; raises OSError, for a larger one too."""
    with open_plain(path) as stream:
        size = os.fstat(stream.fileno()).st_size  # to ask for all that is allowed takes that much memory for a moment
        data = stream.read(min(most, size) + 1)
        while len(data) <= most and (more := stream.read(min(65_536, most + 1 - len(data)))):  # it grows meanwhile
            data += more
    if len(data) > most:
        raise OSError(errno.EFBIG, f"It has more than {most:,} bytes", str(path))
    return data


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one piece: a temporary file beside it, fsync, rename, fsync of the folder.

    Raises OSError; what was at `path` then stays as it was, and no temporary file is left.
    """
    pid = os.getpid()
    temporary = path.parent / f".{pid}-{_began(pid)}-{os.urandom(4).hex()}.tmp"
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


def write_out(path: Path, data: bytes) -> None:
    """Write `data` where a user has asked for it: in one piece, as `write_file` does, to a file or where a link leads.

    Pipes and devices are written to and stay what they are; a folder is refused. Raises OSError.
    """
    if is_kept(path):
        write_file(Path(os.path.realpath(path)), data)
    else:
        path.write_bytes(data)


def is_kept(path: Path) -> bool:
    """Whether what a user calls so is a file, there already or to be made; False for a pipe or a device.

    Raises OSError where it is a folder, has too long a name, or lies in no folder.
    """
    if len(name := os.fsencode(path.name)) > MAX_NAME_BYTES:
        raise OSError(errno.ENAMETOOLONG, f"a name may have at most {MAX_NAME_BYTES} bytes, got {len(name):,}")
    try:
        mode = os.stat(path).st_mode  # of what a link leads to
    except FileNotFoundError:
        os.stat(path.parent)
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    return stat.S_ISREG(mode) and not os.path.abspath(path).startswith(NOT_KEPT)


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
    return error.strerror or str(error) or type(error).__name__


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
    """Remove the temporary files of processes that are gone; those of a running one are left to it.

    No clock is asked: they differ between machines, and one that is set would make a new file an old one.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for found in filter(None, (re.fullmatch(TEMPORARY, name) for name in names)):
        path = os.path.join(folder, found[0])
        with suppress(OSError):
            if not _is_alive(int(found[1]), found[2] or ""):
                os.unlink(path)


def _began(pid: int) -> str:
    """When a process was begun, in ticks since the machine was; "0" where the system does not tell."""
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
        return str(int(told.rpartition(b")")[2].split()[19]))  # behind the name, which may hold anything
    except (OSError, ValueError, IndexError):
        return "0"


def _is_alive(pid: int, began: str = "") -> bool:
    """Whether there is a process of this number; where it is known when that was begun, whether it is the same one."""
    if began not in ("", "0", now := _began(pid)) and now != "0":
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


class Lock:
    """An exclusive claim on a folder by its file `.lock`; the system takes it back when the process ends, however.

    A lock that nobody refers to any more is given back too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: FileLock | None = None

    def __repr__(self) -> str:
        return f"<Lock of {self._folder}, {'held' if self._lock is not None else 'not held'}>"

    def claim(self) -> bool:
        """Whether this lock has the folder now; it hardly waits. Raises OSError when that cannot be found out."""
        if self._lock is None and self._take(LOOK_SECONDS):
            write_note(self._folder)
        return self._lock is not None

    def holder(self) -> Holder | None:
        """Who else holds the folder now; None where nobody does, whatever note a killed process has left."""
        found = read_note(self._folder) if self._lock is None else None
        if found is None:
            return None
        look = Lock(self._folder)  # one of its own: another thread may claim this one meanwhile
        try:
            is_free = look._take(0)
        except OSError:  # it may not be asked, so the note is believed
            return found
        look.release()
        return None if is_free or self._lock is not None else found

    def _take(self, seconds: float) -> bool:
        try:
            from filelock import FileLock, Timeout
        except ImportError:
            raise OSError(errno.ENOSYS, "the package filelock is not installed") from None
        os.stat(self._folder)  # a folder that is not there would be made
        lock = FileLock(self._folder / ".lock", timeout=seconds, poll_interval=0.01, mode=0o644, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return False
        self._lock = lock
        return True

    def release(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            remove_note(self._folder)
            self._lock.release()
            self._lock = None
