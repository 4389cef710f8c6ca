"""A worker's process as its owner sees it: started, asked, and ended with all that it has started."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import Any

from nn_core.config.foreign import parse_object
from nn_core.machine.disk import ROOT

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SILENCE_SECONDS = 600.0  # for which one answer may take; then the process counts as hanging
WORDS = 200  # characters of a process' last words


class WorkerError(Exception):
    """A worker that refused, crashed, hung or was ended; one sentence, without the framework's name."""


class Worker:
    """One framework's process. Used by one thread; `end` may come from any."""

    def __init__(self, name: str) -> None:
        env = {key: value for key, value in os.environ.items() if key not in THREAD_VARIABLES}
        env |= {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nn_core.frameworks.worker", name],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,  # so that what it starts ends with it
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True, name=f"listens to {name}").start()

    def __repr__(self) -> str:
        return f"<Worker {self._process.pid}>"

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with suppress(OSError, ValueError), self._process.stdout as answers:
            for line in answers:
                self._lines.put(line)
        self._lines.put(b"")

    def answer(self, timeout: float = SILENCE_SECONDS) -> dict[str, Any]:
        """Its next line; raises WorkerError."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.end()
            raise WorkerError(f"it did not answer for {timeout:g} s and was ended") from None
        if not line:
            self._lines.put(b"")
            raise WorkerError(self._how_it_ended())
        try:
            found = parse_object(line, "its answer")
        except ValueError:
            raise WorkerError("it answered something that is no answer") from None
        if "problem" in found:
            raise WorkerError(str(found["problem"]))
        return found

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Send one order and wait for what comes of it; raises WorkerError."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it is gone: what it left says more
            self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
            self._process.stdin.flush()
        return self.answer()

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        with suppress(OSError, ValueError):
            self._said.seek(0, os.SEEK_END)
            self._said.seek(max(0, self._said.tell() - 4_000))
            words = self._said.read().decode(errors="replace").strip().splitlines()
            if code > 0 and words:
                return f"its process ended with code {code}: {words[-1][:WORDS]}"
        return f"its process was killed ({signal.Signals(-code).name})" if code < 0 else f"its process ended ({code})"

    def end(self) -> None:
        """End it and all that it has started, at once."""
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._said):
            with suppress(OSError, AttributeError):
                stream.close()  # type: ignore[union-attr]
