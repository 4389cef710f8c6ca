"""What of this computer, besides settings and data, decides the last bits of a trained network."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.machine.threads import blas_threads, n_cores

WORDS = {"numpy": "NumPy", "machine": "processor", "blas_threads": "BLAS threads"}  # facts that change the rounding


def machine_facts() -> dict[str, Any]:
    """The versions, the processor, and the threads of the matrix products now (None where threadpoolctl is missing)."""
    return {
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "blas_threads": blas_threads(),
    }


def computer() -> str:
    """Like "Intel Xeon Processor, 2 cores, Linux"."""
    name = platform.processor()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name or platform.machine()}, {n_cores()} cores, {platform.system()}"
