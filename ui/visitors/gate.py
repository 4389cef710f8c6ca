"""What every request to a shared server passes before Streamlit sees it (ASGI): names, origins, frames, the cookie.

- The host that is asked for must be one of GLASSNET_HOSTS (DNS rebinding); a page that opens the live connection, or
  changes anything, must come from this very server (cross-site requests).
- No other page may show this one in a frame, unless GLASSNET_FRAMES names it; nothing is loaded from elsewhere.
- A browser without one gets the secret that tells its visitor from others: 256 random bits in a cookie that no script
  can read.
- What a visitor uploads in an hour, and what all do, is bounded.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ui.visitors.limits import Shared
from ui.visitors.visitor import BEHIND_TLS, PLAIN, cookie_of, visitor_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

A_YEAR = 365 * 86_400
AN_HOUR = 3_600.0
SAFE = {"GET", "HEAD", "OPTIONS"}
UPLOAD = re.compile(r".*/_stcore/upload_file/.*")
PARTS = re.compile(r"/(_stcore|static|media|app/static|component|vendor)(/|$)")  # what a page is made of
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors {}"
)
WHO = "x-glassnet-visitor"  # the header by which the gate tells the pages who asks; nobody else can set it


@dataclass
class Uploads:
    """How many bytes were uploaded within the last hour, by each visitor and in all."""

    each: int  # bytes
    in_all: int
    clock: Callable[[], float] = time.monotonic
    _taken: dict[str, deque[tuple[float, int]]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, visitor: str, n: int) -> bool:
        """Count n bytes more; False, and they are not counted, where that is too much."""
        with self._lock:
            old = self.clock() - AN_HOUR
            for who, taken in list(self._taken.items()):
                while taken and taken[0][0] < old:
                    taken.popleft()
                if not taken:
                    del self._taken[who]
            sums = {who: sum(size for _, size in taken) for who, taken in self._taken.items()}
            if sums.get(visitor, 0) + n > self.each or sum(sums.values()) + n > self.in_all:
                return False
            self._taken[visitor].append((self.clock(), n))
            return True


class Gate:
    """The middleware; `shared` says which names and frames are allowed, and how much may be uploaded."""

    stands: ClassVar[bool] = False  # whether there is one in this process

    def __init__(self, app: App, shared: Shared) -> None:
        type(self).stands = True
        self._app, self._shared = app, shared
        limits = shared.limits
        self.uploads = Uploads(limits.upload_each * 1_000_000, limits.upload * 1_000_000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        if refusal:
            await _refuse(scope, send, 403, refusal)
            return
        secret = cookie_of(_cookies(headers), _is_tls(scope, headers))
        visitor = visitor_of(secret) if secret else ""
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != WHO.encode()]}
        scope["headers"].append((WHO.encode(), visitor.encode()))
        answer = self._with_headers(scope, send, new=not visitor, tls=_is_tls(scope, headers))
        if scope["type"] == "http" and scope["method"] not in SAFE and UPLOAD.fullmatch(scope["path"]):
            await self._upload(visitor, scope, headers, receive, answer)
        else:
            await self._app(scope, receive, answer)

    # -- who may ask

    def _refusal(self, scope: Scope, headers: dict[str, list[str]]) -> str:
        """Why a request is not answered, "" where it is."""
        hosts = headers.get("host", [])
        name = _host_and_port(hosts[0]) if len(hosts) == 1 else None
        if name is None or not is_named(name[0], self._shared.hosts):
            return "This server does not answer to that name: GLASSNET_HOSTS lists those that it does."
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE
        if changes and any(not _same(origin, name) for origin in headers.get("origin", [])):
            return "This server takes such requests from its own pages alone."
        return ""

    # -- what an answer says

    def _with_headers(self, scope: Scope, send: Send, *, new: bool, tls: bool) -> Send:
        """`send`, with what keeps other pages out, and a cookie for a new visitor."""
        ancestors = " ".join(self._shared.frames) or "'none'"
        extra = [
            (b"content-security-policy", POLICY.format(ancestors).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
        ]
        if not self._shared.frames:
            extra.append((b"x-frame-options", b"DENY"))
        if new and scope["type"] == "http" and scope["method"] == "GET" and not PARTS.match(scope["path"]):
            extra += [(b"set-cookie", self._cookie(tls)), (b"cache-control", b"no-store")]

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = {name for name, _ in extra} - {b"set-cookie"}
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
                message = {**message, "headers": [*kept, *extra]}
            await send(message)

        return answer

    def _cookie(self, tls: bool) -> bytes:
        name = BEHIND_TLS if tls else PLAIN
        framed = tls and bool(self._shared.frames)  # in another's page a browser sends none that is Lax
        site = "None; Partitioned" if framed else "Lax"
        options = f"Path=/; Max-Age={A_YEAR}; HttpOnly; SameSite={site}{'; Secure' if tls else ''}"
        return f"{name}={secrets.token_urlsafe(32)}; {options}".encode()

    # -- uploads

    async def _upload(
        self, visitor: str, scope: Scope, headers: dict[str, list[str]], receive: Receive, answer: Send
    ) -> None:
        """Let a file through as long as its visitor, and all together, have not uploaded too much."""
        announced = headers.get("content-length", ["0"])[0]
        size = int(announced) if re.fullmatch(r"[0-9]{1,12}", announced) else 0
        if not visitor:
            await _refuse(scope, answer, 403, "This server tells visitors apart by a cookie, and none came with this.")
        elif not self.uploads.take(visitor, size):
            await _refuse(scope, answer, 429, "Too much was uploaded within an hour. Try again later.")
        else:
            await self._app(scope, self._counted(visitor, size, receive), answer)

    def _counted(self, visitor: str, size: int, receive: Receive) -> Receive:
        """`receive`, which breaks off where more comes than was announced and may come."""
        left = size

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                if not self.uploads.take(visitor, -left):
                    return {"type": "http.disconnect"}
                left = 0
            return message

        return counted


# ---------------------------------------------------------------------------------------------- pieces of a request


def is_named(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a host, in lower case and without a port, is in the list; "*.example.org" means all names below it."""
    return any(host.endswith(name[1:]) if name.startswith("*.") else host == name for name in allowed)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope.get("headers", []):
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _cookies(headers: dict[str, list[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in "; ".join(headers.get("cookie", [])).split(";"):
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(pair.strip())
        except CookieError:
            continue
        found |= {name: morsel.value for name, morsel in jar.items()}
    return found


def _is_tls(scope: Scope, headers: dict[str, list[str]]) -> bool:
    return scope.get("scheme") in ("https", "wss") or headers.get("x-forwarded-proto") == ["https"]


def _host_and_port(text: str) -> tuple[str, int | None] | None:
    """("example.org", 8501), the port None where it is not said; None for what is no host."""
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.path or parts.query or parts.fragment or not parts.hostname:
        return None
    return parts.hostname.rstrip("."), port


def _same(origin: str, host: tuple[str, int | None]) -> bool:
    """Whether a page of this origin is one of this very server."""
    scheme, _, rest = origin.partition("://")
    usual = {"http": 80, "https": 443}.get(scheme)
    found = _host_and_port(rest)
    return found is not None and usual is not None and (found[0], found[1] or usual) == (host[0], host[1] or usual)


async def _refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": sentence})
        return
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
