"""Memory: threads share a few heaps, so that what one leaves free the next one uses."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from tests import ROOT

N_HEAPS = """
import ctypes, sys, threading
from nn_core.machine.memory import share_heaps

if sys.argv[1] == "shared":
    share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
together = threading.Barrier(12)

def take():
    together.wait()
    libc.malloc(10_000)
    together.wait()

threads = [threading.Thread(target=take) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.fdopen.restype, libc.malloc_info.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
out = libc.fdopen(1, b"w")
libc.malloc_info(0, out)
libc.fflush.argtypes = [ctypes.c_void_p]
libc.fflush(out)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="of glibc")
def test_threads_share_a_few_heaps_from_the_time_when_they_are_told_to():
    def heaps(how: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", N_HEAPS, how], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.count("<heap nr=")

    assert heaps("shared") <= 2 < heaps("of their own")
