"""How many threads the matrix products use.

On small batches a second BLAS thread gains little on an idle machine, and on a busy one the threads wait for each
other: 784-32-10 at batch 128 was measured at 9,800 images/s with two threads beside other programs, at 94,000 with one.
"""

from __future__ import annotations


def set_blas_threads(n: int) -> bool:
    """Let the BLAS that NumPy uses run on `n` threads from now on, in this whole process.

    Needs threadpoolctl; returns False, and changes nothing, where it is not installed (the variable
    OPENBLAS_NUM_THREADS, set before NumPy is imported, does the same).
    """
    try:
        import threadpoolctl
    except ImportError:
        return False
    threadpoolctl.threadpool_limits(limits=n, user_api="blas")
    return True
