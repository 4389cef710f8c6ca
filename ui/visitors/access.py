"""What is whose on a shared server, and whether the visitor who asks may look at it, change it, or take more."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nn_core.config import ConfigError
from ui.visitors.ledger import Ledger
from ui.visitors.limits import Limits
from ui.visitors.visitor import NOBODY, Visitor

ANOTHERS = "This {} is another visitor's: it can be looked at, not changed."
BRANCH = "Branch from it to go on with one of your own."
SEARCH = "search:"  # before the name of a search, among what belongs to somebody
SEARCH_FILES = tuple(f"searches/{{}}{ending}" for ending in ("", ".db", ".db-wal", ".db-shm", ".log"))
GUESSES = 60  # unknown runs that may be asked for within a minute, by all visitors together
MEASURE_SECONDS = 20.0  # for which a measured size on the disk is believed


class NoRoom(ConfigError):
    """A visitor, or all of them, have as much as they may have; one sentence."""


@dataclass
class Guesses:
    """A run's id is what a link to it holds: who tries one after another is slowed down to where it is no use."""

    most: int = GUESSES
    clock: Callable[[], float] = time.monotonic
    _missed: deque[float] = field(default_factory=deque)
    _known: set[tuple[str, str]] = field(default_factory=set)

    def may_look(self, visitor: str, run_id: str) -> bool:
        """Whether a run that is not the visitor's own may be looked up now."""
        while self._missed and self._missed[0] < self.clock() - 60:
            self._missed.popleft()
        return (visitor, run_id) in self._known or len(self._missed) < self.most

    def note(self, visitor: str, run_id: str, found: bool) -> None:
        """What came of it."""
        if not found:
            self._missed.append(self.clock())
        elif len(self._known) < 100_000:
            self._known.add((visitor, run_id))


class Access:
    """Who asks, what is theirs, and how much of it there is.

    `who` tells the visitor for whom the calling thread works, `say` tells that visitor a sentence.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        who: Callable[[], Visitor] = lambda: NOBODY,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.folder, self.limits, self.who, self.say = folder, limits, who, say
        self.ledger = Ledger(folder)
        self.guesses = Guesses()
        self._sizes: dict[str, tuple[float, int]] = {}  # path -> when it was measured, bytes
        self._measuring = threading.Lock()

    # -- whose

    def is_mine(self, thing: str) -> bool:
        """Whether it is the visitor's own."""
        asker = self.who()
        return bool(asker.id) and self.ledger.owner_of(thing) == asker.id

    def may_change(self, thing: str) -> bool:
        """Whether the visitor may change it: what is their own, and an owner all."""
        return self.is_mine(thing) or (self.who().is_owner and bool(self.who().id))

    def claim(self, thing: str, *, write: bool = True) -> None:
        """It is this visitor's from now on."""
        self.ledger.claim(thing, self.who().id, write=write)

    # -- how much

    def check_room(self, run_ids: Callable[[], Iterable[str]]) -> None:
        """Raise NoRoom where the visitor, or all together, may have no further run; `run_ids` are all on the disk."""
        asker, limits = self.who(), self.limits
        if not asker.id:
            raise NoRoom("This server tells visitors apart by a cookie, and your browser sent none.")
        on_disk = set(run_ids())
        own = on_disk & set(self.ledger.of(asker.id))
        if len(on_disk) >= limits.runs:
            raise NoRoom(f"This server keeps {limits.runs:,} runs at most, and it has them. Its owner can make room.")
        if len(own) >= limits.runs_each and not asker.is_owner:
            raise NoRoom(
                f"A visitor may have {limits.runs_each:,} runs, the trash included, and you have {len(own):,}: delete "
                "some under Runs, and remove them for good from the trash."
            )
        self.check_disk()

    def check_disk(self) -> None:
        """Raise NoRoom where the visitor's runs and searches, or those of all, take as much as they may."""
        asker, limits = self.who(), self.limits
        if self.size_of_all() >= limits.disk * 1_000_000:
            raise NoRoom(f"The runs of this server take up its {limits.disk:,} MB. Its owner can make room.")
        used = self.size_of_own()
        if used >= limits.disk_each * 1_000_000 and not asker.is_owner:
            raise NoRoom(
                f"Your runs and searches take {used / 1e6:,.0f} MB, and a visitor may have {limits.disk_each:,} MB: "
                "delete some under Runs, and remove them for good from the trash."
            )

    def size_of_own(self) -> int:
        """Bytes of the visitor's runs, trash and searches."""
        total = 0
        for thing in self.ledger.of(self.who().id):
            name = thing.removeprefix(SEARCH)
            places = SEARCH_FILES if name != thing else ("{}", ".trash/{}")
            total += sum(self._size(self.folder / place.format(name)) for place in places)
        return total

    def size_of_all(self) -> int:
        """Bytes in the runs folder."""
        return self._size(self.folder)

    def measure_again(self) -> None:
        """Something was removed: what was measured is not believed any more."""
        self._sizes.clear()

    def _size(self, path: Path) -> int:
        with self._measuring:
            known = self._sizes.get(str(path))
            if known is None or time.monotonic() - known[0] > MEASURE_SECONDS:
                if len(self._sizes) > 10_000:
                    self._sizes.clear()
                self._sizes[str(path)] = known = (time.monotonic(), _bytes_below(path))
            return known[1]


def _bytes_below(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    total, folders = 0, [path]
    while folders:
        here = folders.pop()
        try:
            for entry in os.scandir(here):
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except NotADirectoryError:
            with suppress(OSError):
                total += here.stat().st_size
        except OSError:
            continue
    return total
