"""How far the resident memory of this process grows, at its peak."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_growth(work: Callable[[], object]) -> float | None:
    """Megabytes (1e6 bytes) between the resident memory before `work` and its peak meanwhile; None except on Linux."""
    try:
        RESET.write_text("5")  # the peak begins anew (proc(5))
        before = _status("VmRSS")
    except OSError:
        before = None
    work()
    return None if before is None else (_status("VmHWM") - before) / 1e6


def _status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
