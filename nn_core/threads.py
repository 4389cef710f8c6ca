"""How many threads the matrix products use.

On small batches a second BLAS thread gains little on an idle machine, and on a busy one the threads wait for each
other: 784-32-10 at batch 128 was measured at 9,800 images/s with two threads beside other programs, at 94,000 with one.
On large ones it pays only where the second core is free: a short probe of the products themselves decides.
"""

from __future__ import annotations

import os
import time
from functools import cache
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from nn_core.config import RunConfig

VARIABLE = "OPENBLAS_NUM_THREADS"
SMALL = 128 * 128  # units of the widest hidden layer times images of a batch: below it, one thread without a probe
CLEARLY = 1.15  # times faster that two threads must be
PROBE_SECONDS = 0.08  # what the probe may take
PROBE_ROUNDS = 2  # and the rounds it takes at least
PROBE_ROWS = 512  # images of a larger batch that the probe multiplies


def n_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_blas_threads(n: int) -> bool:
    """Let the BLAS that NumPy uses run on `n` threads from now on, in this whole process.

    Needs threadpoolctl; returns False, and changes nothing, where it is not installed (the variable
    OPENBLAS_NUM_THREADS, set before NumPy is imported, does the same).
    """
    blas = _blas()
    if blas is None:
        return False
    blas.limit(limits=n)
    return True


def blas_name() -> str:
    """Like "openblas 0.3.31 (SkylakeX)"; empty where threadpoolctl is not installed or finds none."""
    blas = _blas()
    for found in blas.info() if blas is not None else []:
        return f"{found['internal_api']} {found['version']} ({found.get('architecture', 'unknown')})"
    return ""


def choose_blas_threads(config: RunConfig) -> int:
    """One thread or two for the training of `config`: two only if they make its matrix products clearly faster here.

    Small work gets one without asking; for larger networks the products of a step are tried with both, in turns, in
    less than 0.1 s. The answer belongs to the run: with the same number of threads, equal settings and seeds give
    bitwise equal weights, between one and two they differ by rounding (about 2e-7). Who wants to repeat a run bit for
    bit gives the number (`--threads`) that its result names.
    """
    rows = min(config.effective_batch(config.n_train), PROBE_ROWS)
    if max(config.hidden, default=0) * rows < SMALL or n_cores() < 2 or _blas() is None:
        return 1
    seconds = _probe((784, *config.hidden, 10), rows)
    return 2 if seconds[1] >= CLEARLY * seconds[2] else 1


def planned_blas_threads(config: RunConfig, asked: int | None = None) -> int:
    """`asked` where a number was given, else that of OPENBLAS_NUM_THREADS, else `choose_blas_threads`."""
    if asked is not None:
        return asked
    text = os.environ.get(VARIABLE, "")
    return int(text) if text.isdecimal() and int(text) else choose_blas_threads(config)


def _probe(sizes: tuple[int, ...], rows: int) -> dict[int, float]:
    """Number of threads -> seconds (median) of a step's large products, layers of `sizes` units on `rows` images."""
    blas = _blas()
    products = []
    for n_in, n_out in pairwise(sizes[:-1]):
        x, W, dz = (np.full(shape, 0.5, np.float32) for shape in ((rows, n_in), (n_in, n_out), (rows, n_out)))
        products += [(x, W, np.empty_like(dz)), (x.T, dz, np.empty_like(W))]
    spent: dict[int, list[float]] = {1: [], 2: []}
    until = time.perf_counter() + PROBE_SECONDS
    while len(spent[2]) < PROBE_ROUNDS or time.perf_counter() < until:
        for threads, times in spent.items():
            with blas.limit(limits=threads):
                _multiply(products[:1])  # wakes the second thread
                started = time.perf_counter()
                _multiply(products)
                times.append(time.perf_counter() - started)
    return {threads: median(times) for threads, times in spent.items()}


def _multiply(products: list[tuple[Any, Any, Any]]) -> None:
    for left, right, out in products:
        np.dot(left, right, out=out)


@cache
def _blas() -> Any:
    """threadpoolctl's handle on the BLAS libraries that are loaded, or None where it is not installed."""
    try:
        import threadpoolctl
    except ImportError:
        return None
    return threadpoolctl.ThreadpoolController().select(user_api="blas")
