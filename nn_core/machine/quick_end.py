"""Ctrl-C while `python -m nn_core` is being imported ends it at once, without a traceback; imported first of all."""

from __future__ import annotations

import signal
import sys

is_command = sys.argv[:1] == ["-m"] and "nn_core" in sys.orig_argv  # the program is found, and not yet begun
if is_command and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def over() -> None:
    """All is imported: from now on the program says itself what Ctrl-C does."""
    if is_command and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
