"""What tests of searches share: waiting for what workers do, and killing them in mid-trial."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(found: Callable[[], object], seconds: float = 60) -> None:
    """Wait until `found` gives something true."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
