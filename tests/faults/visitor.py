"""A visitor of a real server without a browser: the same messages over the same socket, many of them in one process."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

KEY = re.compile(r"\$\$ID-[0-9a-f]+-(.+)")
LISTEN_SECONDS = 0.1


class Visitor:
    """One session: loads a page, presses buttons by their keys, and lets live panels draw themselves every second."""

    def __init__(self, port: int) -> None:
        self.errors: list[str] = []
        self.widgets: dict[str, str] = {}  # key -> id
        self.ends = 0  # of runs of the script or of a fragment
        self._ends_when_asked = 0  # for the whole page
        self._timers: dict[str, list[float]] = {}  # fragment -> [interval, when it is due]
        self._pages: dict[str, str] = {}  # name -> hash
        self._page = ""
        self._asked_for_fragment = False
        self._left = False
        self._socket = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            open_timeout=60,
            ping_interval=None,
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def load(self, page: str = "") -> None:
        """Go to a page, as a click on its link does."""
        self._page = self._pages.get(page, "")
        self._send()

    def press(self, key: str) -> None:
        """Press a button, where it is on the page."""
        if key in self.widgets:
            self._send(pressed=self.widgets[key])

    def wait(self, seconds: float = 60) -> None:
        """Until a run of the script has ended since the page was loaded or a button pressed."""
        deadline = time.monotonic() + seconds
        while self.ends == self._ends_when_asked and time.monotonic() < deadline and self._thread.is_alive():
            time.sleep(0.02)

    def leave(self) -> None:
        """Close the tab."""
        self._left = True
        self._socket.close()
        self._thread.join(10)

    def _send(self, pressed: str = "", fragment: str = "") -> None:
        message = BackMsg()
        message.rerun_script.page_script_hash = self._page
        if pressed:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = pressed, True
        if fragment:
            message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, True
        else:
            self._timers.clear()
            self._ends_when_asked = self.ends
        self._asked_for_fragment = bool(fragment)
        try:
            self._socket.send(message.SerializeToString())
        except ConnectionClosed:
            self._note_end()

    def _listen(self) -> None:
        while not self._left:
            try:
                message = ForwardMsg.FromString(self._socket.recv(timeout=LISTEN_SECONDS))
            except TimeoutError:
                message = None
            except ConnectionClosed:
                self._note_end()
                return
            if message is not None:
                self._take(message)
            for fragment, timer in list(self._timers.items()):
                if time.monotonic() >= timer[1]:
                    timer[1] = time.monotonic() + timer[0]
                    self._send(fragment=fragment)

    def _note_end(self) -> None:
        if not self._left:
            self.errors.append("the server has closed the connection")
            self._left = True

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "page_not_found":
            self.errors.append(f"there is no page {message.page_not_found.page_name!r}")
        elif kind == "new_session" and self._asked_for_fragment:
            self._asked_for_fragment = False
        elif kind == "new_session":  # of the whole page: it says anew what ticks
            self._timers.clear()
            self._page = message.new_session.page_script_hash
        elif kind == "auto_rerun":
            interval = message.auto_rerun.interval
            self._timers[message.auto_rerun.fragment_id] = [interval, time.monotonic() + interval]
        elif kind == "script_finished":
            self.ends += 1
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._take_element(message.delta.new_element)

    def _take_element(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        part: Any = getattr(element, kind) if kind else None
        if kind == "exception":
            self.errors.append(f"{part.type}: {part.message}")
        elif kind == "alert" and ("could not be drawn" in part.body or "Traceback" in part.body):
            self.errors.append(part.body)
        elif kind == "button" and (found := KEY.fullmatch(part.id)):
            self.widgets[found[1]] = part.id
