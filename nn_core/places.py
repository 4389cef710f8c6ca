"""How many runs of a process train at once."""

from __future__ import annotations

import threading


class Places:
    """How many runs may train at once; the others wait their turn, first come first served."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._line: list[str] = []  # run ids; the first `limit` of them train

    def take(self, run_id: str) -> int:
        """Join the line; 0 when the run may train, else its number among those that wait."""
        with self._lock:
            if run_id not in self._line:
                self._line.append(run_id)
            return max(0, self._line.index(run_id) + 1 - self.limit)

    def leave(self, run_id: str) -> None:
        """Give the place back."""
        with self._lock:
            if run_id in self._line:
                self._line.remove(run_id)
