"""A comparison as it goes on: turns dealt in order, rows that fill, curves that grow; ended at once when told to."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.frameworks.framework import FRAMEWORKS, Framework, installed_mb
from nn_core.frameworks.process import Worker, WorkerError
from nn_core.frameworks.tasks import Quoted, Task, identical_tasks
from nn_core.training.history import Series

Status = Literal["waiting", "starting", "training", "done", "not installed", "cannot", "failed", "cancelled"]
MARKS = (0.97, 0.98, 0.99)  # validation accuracies to which the time is told
TRIAL_SECONDS = 0.5  # for each way to run a network


@dataclass(frozen=True)
class Row:
    """One framework's training of one task. Seconds are those of training alone; None: not known (yet)."""

    task: str
    framework: str
    label: str
    status: Status = "waiting"
    said: str = ""  # a sentence where it could not be measured
    left_out: tuple[str, ...] = ()  # settings that it has no equal of
    versions: str = ""
    tried: tuple[str, ...] = ()  # ways to run it with their speed
    way: str = ""  # the quickest, which was used
    curve: tuple[tuple[float, float, float], ...] = ()  # (epochs, seconds, validation accuracy)
    train_accuracy: float | None = None
    val_accuracy: float | None = None
    test_accuracy: float | None = None
    seconds: float | None = None
    samples_per_second: float | None = None  # the median over the turns
    slowest: float | None = None  # of the turns, in samples a second
    quickest: float | None = None
    first_epoch_seconds: float | None = None
    first_step_seconds: float | None = None  # with all that is compiled then
    n_weights: int | None = None
    peak_memory_mb: float | None = None
    import_seconds: float | None = None
    installed_mb: float | None = None
    quoted: Quoted | None = None

    @property
    def name(self) -> str:
        """Like "PyTorch: 784-32-10, lr 0.1"."""
        return f"{self.label}: {self.task}"

    def seconds_to(self, accuracy: float) -> float | None:
        """Seconds of training until the validation accuracy was first seen at or above this."""
        return next((seconds for _, seconds, seen in self.curve if seen >= accuracy), None)

    def series(self, config: RunConfig) -> dict[str, Series]:
        """Its curve as that of a run of these settings; empty before its first turn."""
        an_epoch = -(-config.n_train // config.effective_batch(config.n_train))
        points = [(n * an_epoch, n, n * config.n_train, seconds, accuracy) for n, seconds, accuracy in self.curve]
        return {"val/accuracy": Series("val/accuracy", np.array(points))} if points else {}

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, with the time to each mark."""
        to = {f"seconds_to_{round(100 * mark)}": self.seconds_to(mark) for mark in MARKS}
        return {"name": self.name, **asdict(self), **to}


@dataclass(frozen=True)
class Same:
    """From the same weights on the same batches: how far a framework's losses lie from ours."""

    framework: str
    label: str
    network: str
    optimizer: str
    steps: int
    max_relative_loss_difference: float | None
    losses: tuple[tuple[float, float], ...] = ()  # (ours, theirs) of each batch
    said: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, without the curves."""
        values = asdict(self)
        del values["losses"]
        return values


@dataclass(frozen=True)
class Shown:
    """What stands now."""

    rows: tuple[Row, ...]
    same: tuple[Same, ...]
    doing: str  # a few words, "" when it has ended
    share: float  # of all turns, in [0, 1]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return not self.doing


class Comparison:
    """Trains the tasks, each by its frameworks in turns of some epochs; then, if asked for, what must be identical.

    `run` does it in the calling thread, `start` in one of its own. `cancel` ends every process at once.
    """

    def __init__(self, tasks: Sequence[Task], *, identical: bool = True, all_ways: bool = True) -> None:
        self._tasks, self._identical, self._all_ways = tasks, identical, all_ways
        self._rows = {
            (at, name): _row(task, FRAMEWORKS[name]) for at, task in enumerate(tasks) for name in task.frameworks
        }
        self._same: list[Same] = []
        self._workers: list[Worker] = []
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._turns_made = 0
        self._doing = "waiting"
        self._thread: threading.Thread | None = None
        self.on_change: Callable[[Shown], None] = lambda shown: None

    def __repr__(self) -> str:
        return f"<Comparison of {len(self._rows)} rows, {self._doing or 'over'}>"

    # -- from outside

    @property
    def tasks(self) -> Sequence[Task]:
        """What is compared."""
        return self._tasks

    @property
    def shown(self) -> Shown:
        """What stands now."""
        n_turns = sum(_turns(self._tasks[at]) for at, name in self._rows if self._goes(at, name))
        n_turns += len(identical_tasks()) * self._identical
        share = min(1.0, self._turns_made / n_turns) if n_turns else 1.0
        return Shown(tuple(self._rows.values()), tuple(self._same), self._doing, share)

    def start(self) -> None:
        """Run in a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="comparison", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End it and every process that it has started."""
        self._cancelled.set()
        with self._lock:
            for worker in self._workers:
                worker.end()

    def wait(self, seconds: float) -> bool:
        """Wait for the thread; whether it has ended."""
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    # -- the work

    def run(self) -> None:
        """All of it."""
        try:
            for at, task in enumerate(self._tasks):
                self._train(at, task)
            if self._identical:
                self._compare_identical()
        finally:
            self._end_all()
            for key, row in self._rows.items():
                if row.status in ("waiting", "starting", "training"):
                    self._rows[key] = replace(row, status="cancelled")
            self._say("")

    def _say(self, doing: str) -> None:
        self._doing = doing
        self.on_change(self.shown)

    def _set(self, key: tuple[int, str], **values: Any) -> None:
        self._rows[key] = replace(self._rows[key], **values)
        self.on_change(self.shown)

    def _goes(self, at: int, name: str) -> bool:
        return self._rows[at, name].status in ("waiting", "starting", "training", "done")

    def _worker(self, name: str) -> Worker:
        with self._lock:
            if self._cancelled.is_set():
                raise WorkerError("it was cancelled")
            worker = Worker(name)
            self._workers.append(worker)
        return worker

    def _end_all(self) -> None:
        with self._lock:
            for worker in self._workers:
                worker.end()
            self._workers.clear()

    def _failed(self, key: tuple[int, str], error: WorkerError) -> None:
        if self._cancelled.is_set():
            self._set(key, status="cancelled")
        else:
            self._set(key, status="failed", said=f"{self._rows[key].label} could not go on: {error}.")

    def _train(self, at: int, task: Task) -> None:
        workers: dict[str, Worker] = {}
        for name in task.frameworks:
            if self._goes(at, name) and not self._cancelled.is_set():
                self._begin(at, task, name, workers)
        for turn in range(_turns(task)):
            for name in list(workers):
                if not self._cancelled.is_set():
                    self._say(f"{FRAMEWORKS[name].label} trains {task.title}")
                    self._turn(at, task, name, turn, workers)
        for name, worker in workers.items():
            if not self._cancelled.is_set():
                self._finish((at, name), worker)
        self._end_all()

    def _begin(self, at: int, task: Task, name: str, workers: dict[str, Worker]) -> None:
        key, framework = (at, name), FRAMEWORKS[name]
        self._say(f"starting {framework.label}")
        self._set(key, status="starting")
        try:
            worker = self._worker(name)
            hello = worker.answer()
            versions = ", ".join(f"{package} {version}" for package, version in hello["versions"].items())
            self._set(key, import_seconds=hello["import_seconds"], versions=versions)
            worker.ask("begin", config=task.config.to_dict())
            self._say(f"finding the quickest way to run {framework.label}")
            found = worker.ask("try", seconds=TRIAL_SECONDS, all=self._all_ways)
        except WorkerError as error:
            self._failed(key, error)
            return
        workers[name] = worker
        self._set(
            key,
            status="training",
            tried=tuple(map(_tried, found["tried"])),
            way=_way(found["variant"]),
            first_step_seconds=found["first_step_seconds"],
            installed_mb=installed_mb(framework.distributions),
        )

    def _turn(self, at: int, task: Task, name: str, turn: int, workers: dict[str, Worker]) -> None:
        key = (at, name)
        row, done = self._rows[key], turn * task.epochs_a_turn
        epochs = min(task.epochs_a_turn, task.config.epochs - done)
        try:
            seconds = workers[name].ask("train", epochs=epochs)["seconds"]
            accuracy = workers[name].ask("score", splits=["val"])["val_accuracy"]
        except WorkerError as error:
            self._failed(key, error)
            workers.pop(name).end()
            return
        self._turns_made += 1
        total = (row.seconds or 0.0) + seconds
        curve = (*row.curve, (float(done + epochs), total, accuracy))
        first = seconds / epochs if turn == 0 else row.first_epoch_seconds
        self._set(
            key,
            seconds=total,
            curve=curve,
            val_accuracy=accuracy,
            first_epoch_seconds=first,
            **_speeds(curve, task.config),
        )

    def _finish(self, key: tuple[int, str], worker: Worker) -> None:
        try:
            found = worker.ask("score", splits=["train", "val", "test"])
        except WorkerError as error:
            self._failed(key, error)
            return
        self._set(key, status="done", **found)

    # -- identical

    def _compare_identical(self) -> None:
        chosen = {name for _, name in self._rows} - {"glassnet"}
        others = [one for one in FRAMEWORKS.values() if one.name in chosen and one.follows and one.is_installed]
        for title, config, n in identical_tasks() if others else []:
            self._say(f"the same {title} from the same weights, {config.optimizer}")
            ours: list[float] = []
            for one in (FRAMEWORKS["glassnet"], *others):
                same = Same(one.name, one.label, title, config.optimizer, n, None)
                try:
                    losses = self._losses(one.name, config, n)
                except WorkerError as error:
                    if self._cancelled.is_set():
                        return
                    self._same.append(replace(same, said=f"{one.label} could not go on: {error}."))
                    if not ours:
                        break  # there is nothing to compare with
                    continue
                if ours:
                    self._same.append(_compared(same, ours, losses))
                ours = ours or losses
            self._turns_made += 1
            self.on_change(self.shown)

    def _losses(self, name: str, config: RunConfig, n: int) -> list[float]:
        worker = self._worker(name)
        try:
            worker.answer()
            worker.ask("begin", config=config.to_dict(), ours=True)
            losses: list[float] = worker.ask("follow", batches=n)["losses"]
            return losses
        finally:
            worker.end()


def _row(task: Task, framework: Framework) -> Row:
    row = Row(task.title, framework.name, framework.label, quoted=task.quoted.get(framework.name))
    if not framework.is_installed:
        said = f"{framework.label} is not installed. Install it with: {framework.install}"
        return replace(row, status="not installed", said=said)
    if refused := framework.refuses(task.config):
        return replace(row, status="cannot", said=refused)
    return replace(row, left_out=tuple(framework.leaves_out(task.config)))


def _turns(task: Task) -> int:
    return -(-task.config.epochs // task.epochs_a_turn)


def _speeds(curve: Iterable[tuple[float, float, float]], config: RunConfig) -> dict[str, float]:
    """Samples a second over the turns: median, least and most; the first turn is left out where there are more."""
    points = np.array([(0.0, 0.0), *((epochs, seconds) for epochs, seconds, _ in curve)])
    epochs, seconds = np.diff(points, axis=0).T
    speeds = (config.n_train * epochs / seconds).tolist()
    speeds = speeds[1:] or speeds
    return {"samples_per_second": statistics.median(speeds), "slowest": min(speeds), "quickest": max(speeds)}


def _compared(same: Same, ours: list[float], theirs: list[float]) -> Same:
    """With the losses of both, and the largest difference."""
    pairs = tuple(zip(ours, theirs, strict=True))
    furthest = max(abs(b - a) / abs(a) for a, b in pairs)
    return replace(same, max_relative_loss_difference=furthest, losses=pairs)


def _way(variant: dict[str, Any]) -> str:
    """Like "2 threads, fused", "as it comes"."""
    words: dict[str, Callable[[Any], str]] = {
        "threads": lambda n: f"{n} thread{'s' * (n != 1)}",
        "optimizer": lambda form: f"{form} optimizer",
        "layout": lambda name: "channels last",
        "compile": lambda on: "compiled",
        "jit_compile": lambda on: "compiled by XLA",
        "steps_per_execution": lambda n: f"{n} steps a call",
    }
    return ", ".join(words[name](value) for name, value in variant.items()) or "as it comes"


def _tried(one: dict[str, Any]) -> str:
    way = _way(one["variant"])
    return f"{way}: {one['problem']}" if "problem" in one else f"{way}: {one['samples_per_second']:,.0f} images/s"
