"""Work in two parts, of which a second thread does one if it comes to it in time.

What is computed depends on how the work was cut, never on who did which part: results are bitwise the same on one core
and on two, on an idle machine and on a busy one. NumPy lets other threads run during an operation on more than some
hundred numbers, so two threads do use two cores. Handing a part over and waiting for it takes 30 to 50 us.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

import numpy as np

from nn_core.machine.threads import n_cores

Work = Callable[[], None]


class _Part:
    """A piece of work that is done once: by the second thread, or by the one that handed it over, whoever is first."""

    __slots__ = ("done", "error", "taken", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.taken, self.done = threading.Lock(), threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None


class SecondCore:
    """One helping thread for the whole process; whoever finds it busy does both parts alone."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._parts: SimpleQueue[_Part] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._alone = n_cores() < 2

    def work_alone(self) -> None:
        """From now on, whoever hands work over does it all: the other cores have work of their own."""
        self._alone = True

    def run(self, first: Work, second: Work) -> None:
        """Do both; they must not touch the same arrays. An exception of either is raised here, once both have ended."""
        if self._alone or not self._busy.acquire(blocking=False):
            first()
            second()
            return
        try:
            if self._thread is None:
                self._thread = threading.Thread(target=self._help, name="second core", daemon=True)
                self._thread.start()
            part = _Part(second)
            self._parts.put(part)
            try:
                first()
            finally:
                untouched = part.taken.acquire(blocking=False)
                if not untouched:
                    part.done.acquire()
            if untouched:
                second()
            if part.error is not None:
                raise part.error
        finally:
            self._busy.release()

    def _help(self) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # as in the thread that hands work over
            while True:
                part = self._parts.get()
                if part.taken.acquire(blocking=False):
                    try:
                        part.work()
                    except BaseException as error:
                        part.error = error
                    part.done.release()
                del part  # it holds on to a network


SECOND_CORE = SecondCore()


def _forget_the_thread() -> None:
    """A forked process has no helping thread yet."""
    SECOND_CORE.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_the_thread)
