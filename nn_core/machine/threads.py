"""How many threads the matrix products use: one, unless asked otherwise.

On small batches a second BLAS thread gains little on an idle machine, and on a busy one the threads wait for each
other: 784-32-10 at batch 128 was measured at 9,800 images/s with two threads beside other programs, at 94,000 with one.
Large networks use a second core in another way, see second_core.py: there the results do not depend on it.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from nn_core.config.environment import BLAS_THREADS

VARIABLE = BLAS_THREADS.name


def n_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_blas_threads(n: int) -> bool:
    """Let the BLAS that NumPy uses run on `n` threads from now on, in this whole process.

    Needs threadpoolctl; returns False, and changes nothing, where it is not installed (the variable
    OPENBLAS_NUM_THREADS, set before NumPy is imported, does the same). With the same number of threads, equal settings
    and seeds give bitwise equal weights; between one and two they differ by rounding, about 2e-7.
    """
    blas = _blas()
    if blas is None:
        return False
    blas.limit(limits=n)
    return True


def use_blas_threads(n: int) -> tuple[int | None, str]:
    """`set_blas_threads`; the threads in force then (None where nobody knows), and a sentence where it is not n."""
    if set_blas_threads(n):
        return n, ""
    started_with = BLAS_THREADS.read() if BLAS_THREADS.told() else None
    if started_with == n:
        return n, ""
    return started_with, (
        f"The threads of the matrix products are as they were at the start, not set to {n}: threadpoolctl is not "
        f"installed (pip install threadpoolctl; or set {VARIABLE}={n} before the start)."
    )


def blas_name() -> str:
    """Like "openblas 0.3.31 (SkylakeX)"; empty where threadpoolctl is not installed or finds none."""
    blas = _blas()
    for found in blas.info() if blas is not None else []:
        return f"{found['internal_api']} {found['version']} ({found.get('architecture', 'unknown')})"
    return ""


def blas_threads() -> int | None:
    """The threads of the matrix products now; None where threadpoolctl is not installed or finds no BLAS."""
    blas = _blas()
    return max((found["num_threads"] for found in blas.info()), default=None) if blas is not None else None


def planned_blas_threads(asked: int | None = None) -> int:
    """`asked` where a number was given, else that of OPENBLAS_NUM_THREADS, else one."""
    if asked is not None:
        return asked
    threads: int = BLAS_THREADS.read()
    return threads


@cache
def _blas() -> Any:
    """threadpoolctl's handle on the BLAS libraries that are loaded, or None where it is not installed."""
    try:
        import threadpoolctl
    except ImportError:
        return None
    return threadpoolctl.ThreadpoolController().select(user_api="blas")
