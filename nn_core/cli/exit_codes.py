"""What the number means with which a command ends: one table for all of them, printed by `--help`."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import MappingProxyType

DONE, FAILED, REFUSED, DIVERGED = 0, 1, 2, 3
BY_SIGNAL = 128  # and the signal's number, as a shell counts
HANG_UP, INTERRUPTED, BROKEN_PIPE, TERMINATED = (BY_SIGNAL + number for number in (1, 2, 13, 15))

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        DONE: "done",
        FAILED: "the output cannot be written; check-backprop: the gradients differ",
        REFUSED: "an option, a setting, a file or the data is at fault; one sentence on stderr says which",
        DIVERGED: "the training diverged; the run is saved as it was before",
        HANG_UP: "the terminal was closed",
        INTERRUPTED: "ended by Ctrl-C; what was begun is saved, and a sentence says how it goes on",
        BROKEN_PIPE: "whoever read the output has seen enough, as with `| head`",
        TERMINATED: "ended by SIGTERM, as by Ctrl-C",
    }
)


def of_signal(number: int) -> int:
    """The exit code of a program that this signal has ended: 130 after Ctrl-C."""
    return BY_SIGNAL + (number or int(signal.SIGINT))


def table() -> str:
    """The lines that `--help` ends with."""
    return "\n".join(["exit codes:", *(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())])
