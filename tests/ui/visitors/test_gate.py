"""The gate of a shared server, asked as a web server would ask it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests import ROOT
from ui.visitors.gate import WHO, Gate, Uploads
from ui.visitors.limits import VARIABLES, read_environment
from ui.visitors.visitor import SECRET, visitor_of

HERE = "glass.example.org"
SECRET_OF_ANN = "a" * 43
PLAIN = {"GLASSNET_SHARED": "1", "GLASSNET_HOSTS": f"{HERE}, *.lab.example.org"}


class Inside:
    """What stands behind the gate: it notes what it was asked, reads the body and says 200."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.body = b""
        self.broke_off = False

    async def __call__(self, scope, receive, send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        while True:
            message = await receive()
            self.broke_off |= message["type"] == "http.disconnect"
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"ALLOWALL")]})
        await send({"type": "http.response.body", "body": b"in"})


def ask(
    path: str = "/",
    method: str = "GET",
    kind: str = "http",
    environment: dict[str, str] | None = None,
    body: tuple[bytes, ...] = (b"",),
    gate: Gate | None = None,
    **headers: str,
) -> tuple[Inside, int, dict[str, str]]:
    """What is behind the gate, the status (of a live connection 101 or 403), and the headers of the answer."""
    inside = Inside()
    if gate is None:
        gate = Gate(inside, read_environment(environment or PLAIN))
    else:
        gate._app = inside
    given = {"host": HERE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    pairs = [(name.encode(), value.encode()) for name, value in given.items() if value != "missing"]
    scope = {
        "type": kind,
        "path": path,
        "headers": pairs,
        "scheme": "http",
        **({"method": method} if kind == "http" else {}),
    }
    parts, sent = list(body), []

    async def receive():
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message):
        sent.append(message)

    asyncio.run(gate(scope, receive, send))
    first = sent[0]
    if kind == "websocket":
        return inside, 101 if first["type"] == "websocket.accept" else 403, {}
    return inside, first["status"], {name.decode(): value.decode() for name, value in first["headers"]}


@pytest.mark.parametrize(
    "host",
    [HERE, f"{HERE}:8501", "GLASS.example.org.", "one.lab.example.org", "localhost:8501", "127.0.0.1", "[::1]:9"],
)
def test_it_answers_to_its_names(host):
    assert ask(host=host)[1] == 200
    assert ask("/_stcore/stream", kind="websocket", host=host)[1] == 101


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "glass.example.org.evil.example",
        "lab.example.org.evil",
        "evilglass.example.org",
        "missing",
        "",
        "glass.example.org@evil.example",
        "evil.example/glass.example.org",
        "10.0.0.1",
        "glass.example.org:port",
    ],
)
def test_a_foreign_host_is_refused_on_pages_and_on_the_live_connection(host):
    inside, status, _ = ask(host=host)
    assert status == 403 and not inside.scopes
    assert ask("/_stcore/stream", kind="websocket", host=host)[1] == 403


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://glass.example.org:9999",
        "null",
        "https://glass.example.org.evil.example",
        "file://",
    ],
)
def test_another_page_opens_no_live_connection_and_sends_no_file(origin):
    assert ask("/_stcore/stream", kind="websocket", origin=origin, cookie=f"glassnet={SECRET_OF_ANN}")[1] == 403
    assert ask("/_stcore/upload_file/s/f", "PUT", origin=origin, cookie=f"glassnet={SECRET_OF_ANN}")[1] == 403


def test_its_own_pages_do_behind_tls_and_without():
    assert ask("/_stcore/stream", kind="websocket", origin=f"https://{HERE}")[1] == 101
    assert ask("/_stcore/stream", kind="websocket", origin=f"http://{HERE}:8501", host=f"{HERE}:8501")[1] == 101


def test_no_page_may_frame_it_unless_it_is_named():
    _, _, headers = ask()
    assert headers["x-frame-options"] == "DENY" and "frame-ancestors 'none'" in headers["content-security-policy"]
    named = {**PLAIN, "GLASSNET_FRAMES": "https://moodle.example.org"}
    _, _, headers = ask(environment=named)
    assert "frame-ancestors https://moodle.example.org" in headers["content-security-policy"]
    assert headers.get("x-frame-options") != "DENY"


def test_a_new_browser_gets_a_secret_that_scripts_cannot_read_and_keeps_it():
    _, _, headers = ask(x_forwarded_proto="https")
    name, _, rest = headers["set-cookie"].partition("=")
    secret, *options = rest.split("; ")
    assert name == "__Host-glassnet" and SECRET.fullmatch(secret)
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(options)
    assert "set-cookie" not in ask(x_forwarded_proto="https", cookie=f"__Host-glassnet={secret}")[2]
    assert ask()[2]["set-cookie"] != ask()[2]["set-cookie"]
    assert "set-cookie" not in ask("/_stcore/health")[2], "a program that only looks whether it lives is no visitor"


def test_the_pages_learn_the_visitor_from_the_gate_alone():
    def told(**headers: Any) -> list[str]:
        inside, _, _ = ask("/_stcore/stream", kind="websocket", **headers)
        return [value.decode() for name, value in inside.scopes[0]["headers"] if name.decode() == WHO]

    assert told(cookie=f"other=1; glassnet={SECRET_OF_ANN}") == [visitor_of(SECRET_OF_ANN)]
    assert told(x_glassnet_visitor=visitor_of(SECRET_OF_ANN)) == [""]
    assert told(cookie="glassnet=guest") == [""]
    assert told(cookie=f"glassnet={SECRET_OF_ANN}", x_forwarded_proto="https") == [""], "another host may have set it"
    assert SECRET_OF_ANN not in visitor_of(SECRET_OF_ANN)


def test_what_is_uploaded_in_an_hour_is_bounded_for_a_visitor_and_for_all():
    now = [0.0]
    uploads = Uploads(each=100, in_all=250, clock=lambda: now[0])
    assert uploads.take("ann", 60) and not uploads.take("ann", 60) and uploads.take("ann", 40)
    assert uploads.take("bob", 100) and not uploads.take("cleo", 60) and uploads.take("cleo", 50)
    now[0] = 3_601.0
    assert uploads.take("ann", 100)


def test_an_upload_that_is_announced_too_small_breaks_off():
    gate = Gate(Inside(), read_environment({**PLAIN, "GLASSNET_VISITOR_UPLOAD": "1"}))
    ann = f"glassnet={SECRET_OF_ANN}"
    path = "/_stcore/upload_file/s/f"
    assert ask(path, "PUT", body=(b"x" * 600_000,), gate=gate, cookie=ann, content_length="600000")[1] == 200
    inside, _, _ = ask(path, "PUT", body=(b"x" * 300_000, b"x" * 300_000), gate=gate, cookie=ann, content_length="10")
    assert inside.broke_off and len(inside.body) == 300_000
    assert ask(path, "PUT", gate=gate, cookie=ann, content_length="600000")[1] == 429
    assert ask(path, "PUT", gate=gate, content_length="5")[1] == 403, "without a cookie"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "GLASSNET_VISITOR_RUNS",
            "x",
            "GLASSNET_VISITOR_RUNS must be a whole number in [1, 1,000,000], got 'x'; 100 is used.",
        ),
        ("GLASSNET_VISITOR_TRAINING", "0", "must be a whole number in [1, 64], got '0'"),
        ("GLASSNET_HOSTS", "http://a/b", "GLASSNET_HOSTS wants a host's name"),
        ("GLASSNET_FRAMES", "*", "GLASSNET_FRAMES wants an origin"),
        ("GLASSNET_OWNER_KEY", "short", "must have at least 16 characters, got 5; it opens nothing."),
        ("GLASSNET_SHARED", "yes", "the server counts as shared"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_decided_the_safer_way(name, value, says):
    found = read_environment({"GLASSNET_SHARED": "1", name: value})
    assert len(found.problems) == 1 and says in found.problems[0]
    assert found.is_on and found.owner_key == "" and not found.frames and found.hosts == read_environment({}).hosts


def test_every_limit_stands_in_the_table_with_its_default():
    table = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    for variable in VARIABLES.values():
        default = (
            "the number of cores, 2 or more" if variable.name == "GLASSNET_MAX_WORKERS" else f"{variable.default:,}"
        )
        assert f"| `{variable.name}` | {default} | {variable.help}" in table, variable.name
