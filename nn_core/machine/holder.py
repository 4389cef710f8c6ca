"""Who holds a folder: a note beside its lock, so that whoever is refused can be told who works there and since when.

The lock alone decides. A note that a killed process has left says nothing: its lock is free.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

NOTE = ".holder.json"


@dataclass(frozen=True)
class Holder:
    """A process that holds a folder, as its note says; the note may be anybody's, so nothing in it is trusted."""

    pid: int  # 0 where the note does not say
    host: str
    program: str  # how it was started, without its options: they may hold a password
    since: float  # seconds since 1970

    def __str__(self) -> str:
        if not self.pid:
            return "it does not say which one"
        program = f", {self.program}" if self.program else ""
        return f"process {self.pid} on {self.host}{program}, since {_clock(self.since)}"

    @property
    def is_this_process(self) -> bool:
        """Whether it is the process that asks."""
        return (self.pid, self.host) == (os.getpid(), platform.node())


def write_note(folder: Path) -> None:
    """Note that this process holds the folder; where that cannot be written, nobody is told who it is."""
    me = Holder(os.getpid(), platform.node(), _this_program(), time.time())
    with suppress(OSError):
        (folder / NOTE).write_text(json.dumps(asdict(me)))


def remove_note(folder: Path) -> None:
    """The folder is being given back."""
    with suppress(OSError):
        (folder / NOTE).unlink(missing_ok=True)


def read_note(folder: Path) -> Holder | None:
    """Who noted last that they hold the folder; None where nobody has."""
    path = f"{folder}/{NOTE}"
    if not os.path.isfile(path):
        return None
    with suppress(OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        with open(path, "rb") as stream:
            note = json.loads(stream.read(2_000))
        pid = int(note["pid"])
        if 0 < pid < 2**32:
            return Holder(pid, _line(note["host"]), _line(note["program"]), float(note["since"]))
    return Holder(0, "", "", 0.0)


def _this_program() -> str:
    started = Path(sys.argv[0] if sys.argv else "")
    name = started.parent.name if started.name == "__main__.py" else started.name
    words = takewhile(lambda word: not word.startswith("-"), sys.argv[1:3])
    return " ".join(["python" if name in ("", "-c") else name, *words])[:60]


def _line(value: Any) -> str:
    return "".join(c if c.isprintable() else " " for c in str(value))[:80]


def _clock(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "an unknown time"
