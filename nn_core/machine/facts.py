"""What of this computer, besides settings and data, decides the last bits of a trained network."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

WORDS = {"numpy": "NumPy", "machine": "processor", "blas_threads": "BLAS threads"}  # facts that change the rounding


def machine_facts() -> dict[str, Any]:
    """The versions, the processor, and the threads of the matrix products now (None where threadpoolctl is missing)."""
    try:
        import threadpoolctl
    except ImportError:
        threads = None
    else:
        found = threadpoolctl.ThreadpoolController().select(user_api="blas").info()
        threads = max((library["num_threads"] for library in found), default=None)
    return {
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "blas_threads": threads,
    }
