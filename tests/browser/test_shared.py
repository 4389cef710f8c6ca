"""Two visitors of a shared server, each with a browser of their own; and pages of others that want in."""

from __future__ import annotations

import http.client
import os
import re
import signal
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from nn_core.store.run_store import RunStore
from tests.browser.conftest import Server
from tests.browser.waiting import number_after, open_app, wait_idle, wait_number, wait_until

SEND = """([address, bytes]) => new Promise((done, failed) => {
    const socket = new WebSocket(address, ["streamlit"]);
    socket.onopen = () => { socket.send(new Uint8Array(bytes)); setTimeout(() => { socket.close(); done(); }, 200); };
    socket.onerror = failed;
})"""


@pytest.fixture(scope="module")
def shared_server(server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder: Path = tmp_path_factory.mktemp("shared")
    places = {"GLASSNET_MAX_TRAINING": "3", "GLASSNET_VISITOR_TRAINING": "2"}  # a test need not wait for the one before
    return server("shared.py", GLASSNET_RUNS=str(folder), GLASSNET_HOSTS="glass.example.org", **places)


def refusals(page: Page) -> int:
    return page.get_by_text("This run is another visitor's: it can be looked at, not changed.").count()


@pytest.mark.slow
def test_another_visitor_sees_a_run_by_its_link_and_changes_nothing_but_a_branch_of_it(
    open_page: Callable[..., Page], shared_server: Server
) -> None:
    ann, bob = open_page(), open_page(color_scheme="dark")
    open_app(ann, shared_server.url)
    ann.get_by_role("button", name="Train", exact=True).first.click()
    wait_until(ann, lambda: "run=" in ann.url)
    run_id = urllib.parse.parse_qs(urllib.parse.urlsplit(ann.url).query)["run"][0]
    open_app(bob, f"{shared_server.url}/?run={run_id}")
    expect(bob.get_by_text("Another visitor's run: look at it, or branch from it.")).to_be_visible()
    assert bob.locator(".stSidebar").get_by_role("button", name="Pause").count() == 0
    bob.locator(".st-key-step button").first.click()
    wait_until(bob, lambda: refusals(bob) == 1)
    clear = list(BackMsg(clear_cache=True).SerializeToString())
    bob.evaluate(SEND, [f"{shared_server.url.replace('http', 'ws')}/_stcore/stream", clear])
    stood = number_after(ann, "step")
    wait_number(ann, "step", lambda step: step > stood)
    bob.locator(".st-key-train button").first.click()
    wait_until(bob, lambda: f"run={run_id}" not in bob.url and "run=" in bob.url)
    expect(bob.get_by_text(re.compile("Branched from .* at step")).first).to_be_visible()
    ann.reload()
    wait_idle(ann)
    assert f"run={run_id}" in ann.url
    expect(ann.locator(".stSidebar").get_by_role("button", name=re.compile("Pause|Train")).first).to_be_visible()
    assert ann.get_by_text("Another visitor's run").count() == 0, "F5 finds the same visitor"


def test_no_page_of_another_frames_it_and_no_other_name_is_answered(
    open_page: Callable[..., Page], shared_server: Server
) -> None:
    page = open_page()
    page.set_content(f'<iframe src="{shared_server.url}"></iframe>')
    wait_until(page, lambda: page.frames[-1].url, lambda url: url.startswith("chrome-error:"))
    for name, status in (("evil.example", 403), ("glass.example.org", 200), (f"localhost:{shared_server.port}", 200)):
        connection = http.client.HTTPConnection("127.0.0.1", shared_server.port, timeout=10)
        connection.request("GET", "/", headers={"Host": name})
        assert connection.getresponse().status == status, name
        connection.close()


@pytest.mark.slow
def test_a_shared_server_that_is_told_to_end_saves_what_trains(page: Page, shared_server: Server) -> None:
    open_app(page, f"{shared_server.url}/?seed=7")
    page.get_by_role("button", name="Train", exact=True).first.click()
    shown = wait_number(page.locator(".stSidebar"), "step", lambda step: step > 0)
    assert shared_server.process is not None
    os.kill(shared_server.pid, signal.SIGTERM)
    shared_server.process.wait(20)
    saved = next(run for run in RunStore(Path(shared_server.env["GLASSNET_RUNS"])).runs() if run.config.seed == 7)
    assert saved.status == "paused" and saved.step >= shown


def live_connection(port: int, host: str) -> int:
    """The status with which a server answers who asks for its live connection by this name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers = {**upgrade, "Sec-WebSocket-Key": "a" * 22 + "==", "Host": host}
    connection.request("GET", "/_stcore/stream", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_one_persons_server_is_reached_by_the_names_of_its_own_machine_alone(app: Server) -> None:
    names = {"evil.example": 403, "192.0.2.1": 403, "localhost": 101, f"127.0.0.1:{app.port}": 101}
    assert {name: live_connection(app.port, name) for name in names} == names
