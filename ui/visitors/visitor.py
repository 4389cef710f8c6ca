"""Who asks: a visitor is known by a secret in a cookie, of which the server keeps no more than a digest."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SECRET = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 random bits in base 64
PLAIN, BEHIND_TLS = "glassnet", "__Host-glassnet"  # what the cookie is called; no other host can set the second one
PAUSE = 1.0  # seconds that an attempt at the owner's key takes, one after the other


@dataclass(frozen=True)
class Visitor:
    """Whoever asks; `id` is "" for somebody without a cookie, to whom nothing belongs."""

    id: str
    is_owner: bool = False


NOBODY = Visitor("")


def cookie_of(cookies: Mapping[str, str], tls: bool) -> str:
    """The secret among the cookies of a request, "" where there is none that could be one of ours."""
    secret = cookies.get(BEHIND_TLS if tls else PLAIN, "")
    return secret if SECRET.fullmatch(secret) else ""


def visitor_of(secret: str) -> str:
    """The visitor's id, which tells nobody the secret."""
    return hashlib.sha256(f"glassnet visitor {secret}".encode()).hexdigest()[:32]


class Owners:
    """The visitors that have shown the owner's key to this process."""

    def __init__(self, key: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._key, self._sleep = key, sleep
        self._known: set[str] = set()
        self._attempt = threading.Lock()

    @property
    def has_key(self) -> bool:
        """Whether there is a key at all."""
        return bool(self._key)

    def __contains__(self, visitor: str) -> bool:
        return visitor in self._known

    def show(self, visitor: str, key: str) -> bool:
        """Whether the key is right, and the visitor one of the owners from now on. An attempt takes a second."""
        with self._attempt:
            self._sleep(PAUSE)
        right = bool(visitor and self._key) and hmac.compare_digest(key.strip().encode(), self._key.encode())
        if right:
            self._known.add(visitor)
        return right

    def leave(self, visitor: str) -> None:
        """A visitor is one like any other again."""
        self._known.discard(visitor)
