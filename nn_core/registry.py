"""All runs of a process, and what a run of given settings would cost."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable

import numpy as np

from nn_core.checkpoint import Scores
from nn_core.config import RunConfig
from nn_core.data import Dataset
from nn_core.models import count_params
from nn_core.runner import Places, Run
from nn_core.trainer import Trainer


class RunRegistry:
    """All runs of this process by id.

    At most `max_runs` are kept, and of those that do not train as many as have `max_idle_params` weights and biases in
    all (a run holds about forty bytes for each); the oldest make room.
    """

    def __init__(
        self,
        *,
        max_training: int = 2,
        max_runs: int = 24,
        max_idle_params: int = 2_000_000,
        lease_seconds: float = 60.0,
        is_connected: Callable[[str], bool] = lambda session: True,
    ) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()
        self._places = Places(max_training)
        self._max_runs = max_runs
        self._max_idle_params = max_idle_params
        self._lease_seconds = lease_seconds
        self._is_connected = is_connected
        atexit.register(self.close)

    def create(self, config: RunConfig, data: Dataset) -> Run:
        """A new run, not yet training; raises ConfigError when the data cannot serve the settings."""
        run = Run(config, data, places=self._places, lease_seconds=self._lease_seconds, is_connected=self._is_connected)
        with self._lock:
            excess = self._excess()
            for other in excess:
                del self._runs[other.id]
            self._runs[run.id] = run
        for other in excess:
            other.close()
        return run

    def _excess(self) -> list[Run]:
        """The idle runs, oldest first, that must go before one more comes; the newest idle one always stays."""
        idle = [run for run in self._runs.values() if not run.snapshot.is_training]
        too_many = max(0, len(self._runs) + 1 - self._max_runs)
        sizes = [count_params(run.settings) for run in idle]
        while too_many < len(idle) - 1 and sum(sizes[too_many:]) > self._max_idle_params:
            too_many += 1
        return idle[:too_many]

    def get(self, run_id: str) -> Run | None:
        """The run with this id, or None when this process does not know it."""
        return self._runs.get(run_id)

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return list(self._runs.values())

    def close(self) -> None:
        """End every run's thread."""
        for run in self.runs():
            run.close()
        self._runs.clear()


def measure_epoch_seconds(config: RunConfig, data: Dataset, budget: float = 0.12) -> float:
    """Seconds that one epoch of these settings takes on this machine, from a few real steps on a throwaway network."""
    n_train = min(config.n_train, len(data.train_images))
    batch = min(config.effective_batch(n_train), 1024)
    trial = Trainer(config.replace(n_train=n_train, batch_size=batch, eval_every=1_000_000, early_stopping=0), data)
    trial.scores = _NO_SCORES  # the first step would otherwise score the fresh network
    trial.step()  # allocates
    times: list[float] = []
    until = time.perf_counter() + budget
    while time.perf_counter() < until or len(times) < 2:
        started = time.perf_counter()
        if not trial.step():
            break
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * n_train / batch if times else float("nan")


_NO_SCORES = Scores(0, 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros((10, 10), np.int64))
