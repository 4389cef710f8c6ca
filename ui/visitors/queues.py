"""Places that are few: training ones, and workers of searches. First come first served, no visitor more than a few."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nn_core.runs import Scheduler

Process = subprocess.Popen[bytes]
Place = tuple[str, str]  # the name of a search, and the URL of its storage
POLL_SECONDS = 0.5


def numbers(line: Sequence[str], most: int, most_each: int) -> list[int]:
    """For each in a line, by whose it is: 0 where it has one of the places, else its number among those that wait.

    Where a visitor has as many places as one may have, those behind move up; nobody who has a place loses it by that.
    What is nobody's ("") is not counted by visitor.
    """
    taken, by, waiting, found = 0, Counter[str](), 0, []
    for owner in line:
        if taken < most and (not owner or by[owner] < most_each):
            taken += 1
            by[owner] += 1
            found.append(0)
        else:
            waiting += 1
            found.append(waiting)
    return found


class FairScheduler(Scheduler):
    """Trains at most `limit` runs, and of one visitor at most `each`; `owner_of` a run gives the visitor's id."""

    def __init__(self, limit: int, each: int, owner_of: Callable[[str], str]) -> None:
        super().__init__(limit)
        self.each = each
        self._owner_of = owner_of

    def _number(self, place: str) -> int:
        line = list(self._line)
        return numbers([self._owner_of(each) for each in line], self.limit, self.each)[line.index(place)]

    @property
    def rule(self) -> str:
        """How many train at once, as a sentence."""
        return f"{super().rule.removesuffix('.')}, {self.each} of each visitor."


@dataclass(eq=False)
class _Worker:
    place: Place
    owner: str
    process: Process | None = None

    @property
    def is_over(self) -> bool:
        return self.process is not None and self.process.poll() is not None


@dataclass
class Workers:
    """The worker processes that this server has started, and those that wait for a place.

    `start` makes one of a search: (name, number of processes, storage=URL) -> processes. `owner` is "" where visitors
    are not told apart.
    """

    start: Callable[..., list[Process]]
    most: int
    most_each: int
    report: Callable[[Place, Exception], None] = lambda place, error: None
    _line: list[_Worker] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _timer: threading.Timer | None = None

    def ask(self, place: Place, n: int, owner: str = "") -> None:
        """Start n workers of a search, now or when there is room; raises what starting the first ones raises."""
        with self._lock:
            self._line += [_Worker(place, owner) for _ in range(n)]
            try:
                self._move_up()
            except Exception:
                self.cancel(place)
                raise

    def cancel(self, place: Place) -> None:
        """Those of a search that still wait are not started."""
        with self._lock:
            self._line = [each for each in self._line if each.process is not None or each.place != place]

    def at_work(self, place: Place) -> int:
        """How many of a search run."""
        with self._lock:
            self._forget_those_that_ended()
            return sum(each.place == place and each.process is not None for each in self._line)

    def waiting(self, place: Place) -> list[int]:
        """The numbers in the queue of those of a search that wait."""
        with self._lock:
            found = zip(self._line, self._numbers(), strict=True)
            return [number for each, number in found if each.place == place and each.process is None]

    def standing(self) -> tuple[int, int]:
        """How many work and how many wait, of all searches."""
        with self._lock:
            self._forget_those_that_ended()
            at_work = sum(each.process is not None for each in self._line)
            return at_work, len(self._line) - at_work

    def _numbers(self) -> list[int]:
        self._line.sort(key=lambda each: each.process is None)  # those at work first, else as they came
        return numbers([each.owner for each in self._line], self.most, self.most_each)

    def _forget_those_that_ended(self) -> None:
        self._line = [each for each in self._line if not each.is_over]

    def _move_up(self) -> None:
        """Start those for which there is room; look again in a while where some wait."""
        self._forget_those_that_ended()
        free: dict[Place, list[_Worker]] = {}
        for each, number in zip(list(self._line), self._numbers(), strict=True):
            if number == 0 and each.process is None:
                free.setdefault(each.place, []).append(each)
        for place, workers in free.items():
            started = self.start(place[0], len(workers), storage=place[1])
            for each, process in zip(workers, started, strict=False):
                each.process = process
            self._line = [each for each in self._line if each not in workers or each.process is not None]
        if any(each.process is None for each in self._line) and self._timer is None:
            self._timer = threading.Timer(POLL_SECONDS, self._again)
            self._timer.daemon = True
            self._timer.start()

    def _again(self) -> None:
        with self._lock:
            self._timer = None
            try:
                self._move_up()
            except Exception as error:
                for place in {each.place for each in self._line if each.process is None}:
                    self.cancel(place)
                    self.report(place, error)
