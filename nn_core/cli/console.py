"""The terminal, pipe or file that a command prints to: any name can be printed, and its end is no disaster."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from nn_core.cli.exit_codes import of_signal

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
HANG_UP = getattr(signal, "SIGHUP", 0)


def print_any_name() -> None:
    """Let stdout and stderr write what their encoding lacks, a name in Chinese say, as \\u4e2d."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def note(text: str, end: str = "\n") -> None:
    """Print on stderr. Where that cannot be written (a full disk), what is noted is lost, and nothing else.

    Raises BrokenPipeError where the reader is gone: then the command should end.
    """
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        pass


def last_words(text: str) -> None:
    """Print on stderr if anybody reads it."""
    with suppress(OSError):
        note(text)


def hang_up() -> None:
    """Send what is still to be written, and cannot be, nowhere: else Python complains of it at the very end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _into_the_void(stream)


def _into_the_void(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


# ---------------------------------------------------------------------------------------------- being told to end


class Told:
    """Whether this program was told to end, and by which signal."""

    def __init__(self) -> None:
        self.signal = 0

    def __bool__(self) -> bool:
        return self.signal != 0

    @property
    def code(self) -> int:
        """The exit code of a program that this signal has ended: 130 after Ctrl-C."""
        return of_signal(self.signal)


@contextmanager
def when_told_to_end(act: Callable[[Told], None]) -> Iterator[Told]:
    """Call `act` at the first Ctrl-C, SIGTERM or closed terminal; a second one ends the program as ever.

    A closed terminal that is to be ignored (nohup) stays so. Outside the main thread nothing is caught.
    """
    told = Told()
    before: dict[int, Any] = {}

    def ask(number: int, _frame: Any) -> None:
        told.signal = number
        for one in before:
            signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
        act(told)

    if threading.current_thread() is threading.main_thread():
        before = {one: signal.getsignal(one) for one in ENDING}
        if before.get(HANG_UP) == signal.SIG_IGN:
            del before[HANG_UP]
    for one in before:
        signal.signal(one, ask)
    try:
        yield told
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def interrupt(_told: Told) -> None:
    """For `when_told_to_end`: every signal is like Ctrl-C."""
    raise KeyboardInterrupt
