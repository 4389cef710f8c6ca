"""All runs of a process: made, branched, found by id, brought back from the disk, put away when memory gets short."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig
from nn_core.data import DataError, Dataset, load_dataset
from nn_core.nn.network import count_params
from nn_core.runs.branching import Origin, begin_branch, live_origin, stored_origin
from nn_core.runs.past import Past
from nn_core.runs.run import Run
from nn_core.runs.scheduler import Scheduler
from nn_core.runs.snapshot import Status
from nn_core.store.reopen import Reopened, reopen
from nn_core.store.run_store import RunStore, StoreError, new_id
from nn_core.store.run_writer import RunWriter
from nn_core.training.state import Parent

log = logging.getLogger(__name__)

RUN_BYTES = 40  # that a run holds for each weight
UNASKED_SECONDS = 60.0  # after which a run that rests on the disk need not be in memory, where no page shows it


class RunRegistry:
    """All runs of this process by id, and through the store those of earlier ones.

    At most `max_runs` are kept in memory, and of those that do not train as many as have `max_idle_params` weights and
    biases in all (a run holds about forty bytes for each, and its film); the oldest are closed first. With a store,
    `get` brings a closed run back from the disk, and after a restart those of earlier processes.
    """

    def __init__(
        self,
        store: RunStore | None = None,
        *,
        max_training: int = 2,
        max_runs: int = 24,
        max_idle_params: int = 2_000_000,
        lease_seconds: float = 60.0,
        is_connected: Callable[[str], bool] = lambda session: True,
        load: Callable[[str], Dataset] = load_dataset,
        scheduler: Scheduler | None = None,
        permit: Callable[[str, bool], bool] = lambda run_id, trains: True,
    ) -> None:
        self.store = store
        self._load = load
        self._runs: dict[str, Run] = {}
        self._problems: dict[str, str] = {}  # why a stored run could not be brought back
        self._remarks: dict[str, str] = {}  # what to know of a stored run that was brought back
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._scheduler = scheduler or Scheduler(max_training)
        self._permit = permit
        self._max_runs = max_runs
        self._max_idle_params = max_idle_params
        self._lease_seconds = lease_seconds
        self._is_connected = is_connected
        self._asked: dict[str, float] = {}  # run id -> time.monotonic() when `get` last gave it
        self.closed = threading.Event()
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"<RunRegistry of {len(self._runs)} runs in memory>"

    # -- making

    def create(self, config: RunConfig, data: Dataset) -> Run:
        """A new run, not yet training; raises ConfigError when the data cannot serve the settings.

        It is written down from its first step on: one that never trains leaves nothing behind.
        """
        run_id = self._new_id()
        return self._add(self._run(config, data, run_id=run_id, writer=self._writer(run_id, data)))

    def branch(self, run_id: str, step: int, config: RunConfig, data: Dataset) -> Run:
        """A new run of `config` that begins with another run's network as it was at `step`, not yet training.

        Curves and edits up to there come along. Raises ConfigError where the network could not keep its weights, and
        StoreError where there is no such run, or neither a frame nor a checkpoint of that step.
        """
        run = self.get(run_id)
        past, parent = begin_branch(self._origin(run_id, run, data), step, config, data)
        new = self._new_id()
        branch = self._add(
            self._run(config, data, run_id=new, writer=self._writer(new, data, parent), parent=parent, past=past)
        )
        branch.keep()
        return branch

    def _origin(self, run_id: str, run: Run | None, data: Dataset) -> Origin:
        if run is not None:
            return live_origin(run, self.store)
        problem = self.problem(run_id)
        if self.store is None or run_id not in self.store:
            raise StoreError(problem or f"There is no run {shorten(run_id)} to branch from.")
        opened = self.store.open(run_id)
        if not opened.problem():
            raise StoreError(problem)  # its checkpoints can be read, and it could not be opened for another reason
        return stored_origin(opened, data)

    def create_team(self, configs: Sequence[RunConfig], data: Sequence[Dataset]) -> list[Run]:
        """New runs that train in turns and count as one among those that may train at once; raises as `create` does."""
        runs = [self.create(config, each) for config, each in zip(configs, data, strict=True)]
        self._scheduler.team_up([run.id for run in runs])
        return runs

    def _new_id(self) -> str:
        """The id of a run that is about to be begun here."""
        return new_id()

    def _run(self, config: RunConfig, data: Dataset, **more: Any) -> Run:
        return Run(
            config,
            data,
            scheduler=self._scheduler,
            lease_seconds=self._lease_seconds,
            is_connected=self._is_connected,
            permit=self._permit,
            **more,
        )

    def _writer(self, run_id: str, data: Dataset, parent: Parent | None = None) -> RunWriter | None:
        return None if self.store is None else RunWriter(self.store, run_id, data, parent=parent)

    def _add(self, run: Run) -> Run:
        with self._lock:
            excess = self._excess()
            for other in excess:
                del self._runs[other.id]
            self._runs[run.id] = run
        for other in excess:
            other.close()
        return run

    def _excess(self) -> list[Run]:
        """The idle runs, oldest first, that must go before one more comes; the newest idle one always stays.

        One that could not be saved stays too.
        """
        shots = {run: run.snapshot for run in self._runs.values()}
        idle = [run for run, shot in shots.items() if not shot.is_training and not shot.not_saved]
        too_many = max(0, len(self._runs) + 1 - self._max_runs)
        sizes = [count_params(run.settings) + sum(f.nbytes for f in shots[run].film) // RUN_BYTES for run in idle]
        while too_many < len(idle) - 1 and sum(sizes[too_many:]) > self._max_idle_params:
            too_many += 1
        return idle[:too_many]

    # -- finding

    def get(self, run_id: str) -> Run | None:
        """The run with this id, brought back from the store if need be: as it was saved last, paused, resumable.

        None when there is no such run, or it cannot be brought back: then `problem` says why.
        """
        run = self._runs.get(run_id)
        self._asked[run_id] = time.monotonic()
        if self.store is None or (run is not None and not run.is_outdated()):
            return run
        with self._opening:
            again = self._runs.get(run_id)
            if again is not None and again is not run:
                return again
            if run_id not in self.store:
                return run
            try:
                opened = self._open(run_id, self.store, run)
            except (StoreError, DataError, ConfigError, OSError, MemoryError, ValueError) as error:
                self._problems[run_id] = str(error) or f"Run {run_id} could not be opened: {type(error).__name__}."
                return run
            except Exception as error:  # a file that makes no sense in a way that no check knows
                log.exception("run %s could not be opened", run_id)
                self._problems[run_id] = f"Run {run_id} could not be opened: {type(error).__name__}."
                return run
            self._problems.pop(run_id, None)
            with self._lock:
                self._runs.pop(run_id, None)
            if run is not None:
                run.close()
            return self._add(opened)

    def problem(self, run_id: str) -> str:
        """Why `get` could not bring a stored run back, "" when it could or there is none."""
        return self._problems.get(run_id, "")

    def remark(self, run_id: str) -> str:
        """What to know of a run that was brought back (a checkpoint skipped, another machine), mostly ""."""
        return self._remarks.get(run_id, "")

    def _open(self, run_id: str, store: RunStore, before: Run | None = None) -> Run:
        """A stored run as it was saved last; `before` is the same run in memory, which another program has outdated."""
        found = reopen(store, run_id, self._load)
        status, message = _status_of(found)
        warnings = found.warnings
        if before is not None and before.snapshot.not_saved:
            gone = f"What was trained here up to step {before.snapshot.step:,} could not be saved, and is gone:"
            warnings = (f"{gone} another program has trained the run on since.", *warnings)
        self._remarks[run_id] = " ".join(warnings)
        message = " ".join([message, *warnings]).strip()
        past = Past(found.checkpoint, found.film, found.best_accuracy, status, message, found.stored.created)
        more = {"run_id": run_id, "writer": found.writer, "parent": found.stored.parent, "past": past}
        return self._run(found.checkpoint.config, found.data, **more)

    def runs(self) -> list[Run]:
        """All runs in memory, oldest first."""
        return list(self._runs.values())

    def in_memory(self, run_id: str) -> Run | None:
        """A run that needs no reading from the disk, or None."""
        return self._runs.get(run_id)

    # -- ending

    def put_away(self, seconds: float = UNASKED_SECONDS) -> int:
        """Close the runs that rest as the disk holds them and that no page shows nor has asked for; how many.

        `get` brings each of them back.
        """
        if self.store is None:
            return 0
        now = time.monotonic()
        with self._lock:
            self._asked = {run_id: at for run_id, at in self._asked.items() if run_id in self._runs}
            idle = [run for run in self._runs.values() if now - self._asked.get(run.id, run.begun) > seconds]
            away = [run for run in idle if run.is_at_rest_on_disk() and not run.is_watched()]
            for run in away:
                del self._runs[run.id]
        for run in away:
            run.close()
        return len(away)

    def delete(self, run_id: str) -> None:
        """Stop a run and move it to the store's trash; raises StoreError."""
        with self._lock:
            run = self._runs.pop(run_id, None)
        if run is not None:
            run.close()
        if self.store is not None and (run is None or run_id in self.store):
            self.store.delete(run_id)

    def restore(self, run_id: str) -> None:
        """Undo `delete`; raises StoreError."""
        if self.store is not None:
            self.store.restore(run_id)

    def close(self) -> None:
        """End every run's thread; what trained is saved."""
        self.closed.set()
        for run in list(self._runs.values()):
            run.close()
        self._runs.clear()


def _status_of(found: Reopened) -> tuple[Status, str]:
    """What a run that comes back says of itself."""
    checkpoint, stored = found.checkpoint, found.stored
    if by := found.writer.trained_by():
        return "elsewhere", f"{by} It is shown as it was saved there last, at step {checkpoint.step:,}."
    if checkpoint.stopped:
        return ("finished" if checkpoint.stopped_early else "diverged"), checkpoint.stopped
    if stored.status == "finished" and stored.step == checkpoint.step:
        return "finished", ""
    if stored.status in ("training", "waiting"):
        return "paused", f"Brought back as it was saved at step {checkpoint.step:,}. Train goes on from there."
    return "paused", ""
