"""What one server process makes once and keeps, whatever becomes of Streamlit's caches: any visitor may clear those."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Decorator: the first call makes the value, each further one gives it again; `clear` forgets it (for tests)."""

    def __init__(self, make: Callable[[], T]) -> None:
        self.__doc__ = make.__doc__
        self._make = make
        self._made: list[T] = []
        self._lock = threading.RLock()

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    def made(self) -> list[T]:
        """The value, where it has been made."""
        return list(self._made)

    def clear(self) -> None:
        """The next call makes another one."""
        with self._lock:
            self._made.clear()
