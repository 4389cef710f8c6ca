"""Real Chromium against real Streamlit servers on 127.0.0.1.

Without a Chromium these tests skip and say so; under CI=true that is a failure.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from tests import ROOT
from tests.browser.waiting import PATIENCE

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWPORT = {"width": 1366, "height": 768}
expect.set_options(timeout=1000 * PATIENCE)

# ---------------------------------------------------------------------------------------------- the browser


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A headless Chromium for all browser tests; gone behind them, so that no other test meets its event loop."""
    executable = find_chromium()
    if executable is None:
        reason = f"no Chromium found (looked for {', '.join(CHROMIUM_NAMES)})"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{reason}, and CI=true demands one")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


# ---------------------------------------------------------------------------------------------- servers


class Server:
    """`streamlit run <script>` in a process group of its own, on a free port of 127.0.0.1, run from the checkout."""

    def __init__(self, script: str | Path, log_path: Path, env: dict[str, str]) -> None:
        self.script, self.log_path = Path(script), log_path
        self.env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"} | env
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """All that the server has printed, over its restarts too."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self.process is not None, "the server is not running"
        return self.process.pid

    def start(self, timeout: float = 30) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(self.script), "--server.headless", "true"]
        command += [
            "--server.address",
            "127.0.0.1",
            "--server.port",
            str(self.port),
            "--server.fileWatcherType",
            "none",
        ]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + timeout
        while not _is_healthy(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"the server did not come up; it printed:\n{self.log}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a power cut would; the port stays reserved for `restart`."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as Ctrl+C does; kill it when that takes more than 5 s."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """Kill it if it runs, and start it again on the same port."""
        self.kill()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        try:
            os.killpg(process.pid, how)
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        except ProcessLookupError:
            process.wait()


# Below the ports that the system gives to connections: none takes a server's port while it is restarted. At random, so
# that two processes with tests do not ask for the same.
PORTS = range(10_000, 30_000)


def _free_port() -> int:
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


SERVERS: list[Server] = []


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """A function that starts a server: `server("dashboard.py", NAME="value" for its environment) -> Server`."""

    def start(script: str | Path, **env: str) -> Server:
        new = Server(script, tmp_path_factory.mktemp("server") / "log.txt", env)
        SERVERS.append(new)
        new.start()
        return new

    yield start
    for each in SERVERS:
        each.stop()
    SERVERS.clear()


@pytest.fixture(scope="package")
def app(server: Callable[..., Server]) -> Server:
    """The dashboard, one server for all browser tests."""
    return server("dashboard.py")


# ---------------------------------------------------------------------------------------------- pages

# Tells Python as soon as Streamlit shows a traceback, even if it is gone again at the end of the test.
WATCH_FOR_TRACEBACKS = """
new MutationObserver(() => {
    for (const shown of document.querySelectorAll('.stException:not([data-seen])')) {
        shown.dataset.seen = 'yes';
        window.reportTraceback(shown.innerText);
    }
}).observe(document, {childList: true, subtree: true});
"""


COMPONENTS = tuple(path.stem for path in (ROOT / "ui" / "components").glob("*.js"))

# The tour of the first visit is over in the tests that are not about it.
TOUR_IS_OVER = "try { localStorage.setItem('glassnet-tour', 'seen') } catch {}"


class Desk:
    """A browser context, and where what goes wrong on its pages is reported: the list of the test that uses it."""

    def __init__(self, chromium: Browser, first_visit: bool = False, **options: Any) -> None:
        self.problems: list[str] = []
        self.context = chromium.new_context(**{"viewport": VIEWPORT, **options})
        self.context.set_default_timeout(1000 * PATIENCE)
        self.context.on("weberror", lambda error: self.problems.append(f"uncaught in the page: {error.error}"))
        self.context.on("console", self._of_ours)
        self.context.expose_function("reportTraceback", lambda text: self.problems.append(f"a traceback: {text}"))
        self.context.add_init_script(WATCH_FOR_TRACEBACKS)
        if not first_visit:
            self.context.add_init_script(TOUR_IS_OVER)

    def _of_ours(self, message: ConsoleMessage) -> None:
        """What a component of ours has caught and written to the console, such as a chart that could not be drawn."""
        if message.type == "error" and message.text.startswith(COMPONENTS):
            self.problems.append(f"caught in the page: {message.text}")

    def clear(self) -> None:
        """Close its pages, once what they have reported has arrived."""
        for page in self.context.pages:
            page.evaluate("1")
            page.close()


@pytest.fixture(scope="package")
def shared_desk(chromium: Browser) -> Desk:
    """One context for all tests that ask for nothing special: it has read and compiled Streamlit's scripts already.

    Streamlit keeps nothing of a session in the browser: a new page is a new session.
    """
    return Desk(chromium)


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """What went wrong on the test's pages; it must be empty in the end (a test that provokes an error clears it)."""
    found: list[str] = []
    yield found
    assert not found, "the page had errors:\n" + "\n".join(found)


@pytest.fixture
def open_page(chromium: Browser, shared_desk: Desk, problems: list[str]) -> Iterator[Callable[..., Page]]:
    """A function that opens a page: `open_page(color_scheme="dark", viewport={...}, first_visit=True, ...) -> Page`.

    Uncaught script errors and Streamlit tracebacks on it, and on the tabs it opens, fail the test.
    """
    desks: list[Desk] = [shared_desk]
    shared_desk.problems = problems

    def open_one(**options: Any) -> Page:
        desk = shared_desk
        if options:
            desk = Desk(chromium, **options)
            desk.problems = problems
            desks.append(desk)
        return desk.context.new_page()

    yield open_one
    for desk in desks:
        desk.clear()
    for desk in desks[1:]:
        desk.context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """An empty page of 1366x768."""
    return open_page()


# ---------------------------------------------------------------------------------------------- what a failure shows


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the servers' logs and a screenshot beside a failure."""
    report = yield
    if report.failed:
        for each in SERVERS:
            report.sections.append((f"log of {each.script.name} on {each.url}", each.log[-6000:]))
        shown = getattr(item, "funcargs", {}).get("page")
        if call.when == "call" and shown is not None and hasattr(item.config, "cache"):
            path = item.config.cache.mkdir("screenshots") / f"{re.sub(r'[^a-zA-Z0-9_-]+', '-', item.name)}.png"
            try:
                shown.screenshot(path=path)
                report.sections.append(("screenshot", f"{path} of {shown.url}"))
            except Error as error:
                report.sections.append(("screenshot", f"none: {error}"))
    return report
