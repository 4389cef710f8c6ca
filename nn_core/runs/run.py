"""Training in the background: a Run is a Trainer on a thread of its own.

The thread owns the trainer. Others put commands into a queue, which is drained between steps, and read `Run.snapshot`,
an immutable picture that the thread publishes with one assignment, at most ten times a second. No lock spans a step.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Literal

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.recording import Recording
from nn_core.instruments.registry import Recorded
from nn_core.runs.past import Past
from nn_core.runs.rate import Rate
from nn_core.runs.scheduler import Scheduler
from nn_core.runs.snapshot import Snapshot, Status
from nn_core.store.recorder import Recorder
from nn_core.store.run_store import new_id
from nn_core.store.run_writer import RunWriter
from nn_core.training.state import Checkpoint, Parent
from nn_core.training.trainer import Trainer

log = logging.getLogger(__name__)

Goal = Literal["budget", "epoch", "step"]  # train until the epochs are used up, for some whole epochs, for some steps

PUBLISH_SECONDS = 0.1
FRAME_SECONDS = 0.5  # the pace of a slowed run: so many steps, then the rest of the frame asleep
LEASE_CHECK_SECONDS = 1.0
IDLE_SECONDS = 20.0  # without a command, after which the thread of a run that does not train ends
SPEEDS: Mapping[str, int] = {"full": 0, "100": 100, "10": 10, "1": 1}  # steps a frame; 0 is as fast as it goes


class Run:
    """One network being trained. Thread-safe: commands go in from anywhere, `snapshot` comes out.

    `writer` writes it down from its first step on. `is_connected` tells whether a session that once attached is still
    there; a run without one for `lease_seconds` pauses itself (0: never). `permit` is asked before a command is taken,
    with the run's id and whether the command has it train; what it refuses is left undone. `instruments` are recorded.
    """

    snapshot: Snapshot

    def __init__(
        self,
        config: RunConfig,
        data: Dataset,
        *,
        scheduler: Scheduler | None = None,
        lease_seconds: float = 0,
        is_connected: Callable[[str], bool] = lambda session: True,
        permit: Callable[[str, bool], bool] = lambda run_id, trains: True,
        run_id: str | None = None,
        writer: RunWriter | None = None,
        parent: Parent | None = None,
        past: Past | None = None,
        instruments: Recorded = "vital",
    ) -> None:
        self.id = run_id or new_id()
        self.created = time.time() if past is None or past.created is None else past.created
        self.parent = parent
        self._trainer = Trainer(config, data) if past is None else Trainer.resume(past.checkpoint, data)
        self._started_as = self._trainer.initial_config
        self.settings = self._trainer.config  # with all live changes asked for, those still in the queue included
        self._scheduler = scheduler or Scheduler(1)
        self._lease_seconds = lease_seconds
        self._is_connected = is_connected
        self._permit = permit
        self._sessions: set[str] = set()
        self.begun = self._last_connected = time.monotonic()
        self._last_lease_check = 0.0
        self._commands: queue.SimpleQueue[tuple[Callable[[], None], threading.Event]] = queue.SimpleQueue()
        self._carried_out: list[threading.Event] = []  # commands whose effect the next snapshot shows
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._settings_lock = threading.Lock()
        self._closing = False
        self._status: Status = "ready" if past is None else past.status
        self._message = "" if past is None else past.message
        self._speed = "full"
        self._goal: Goal = "budget"
        self._until_step = 0  # where the goal "step" is reached
        self._until_epoch = 0.0  # where the goals "epoch" and "budget" are reached
        self._rate = Rate()
        self._is_kept = past is not None  # a run that never trained need not be on disk
        self._instruments = Recording(self._trainer, instruments, self._send)
        self._trainer.score()
        past_film, best = (None, -1.0) if past is None else (past.film, past.best_accuracy)
        self._recorder = Recorder(self._trainer, writer, past_film, parent, best)
        self._publish()

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.snapshot.status} at step {self.snapshot.step:,}>"

    # -- commands, from any thread; each returns an event that is set once the snapshot shows what the command did

    def play(self) -> threading.Event:
        """Train until the epochs are used up; when they are, as many more."""
        return self._ask(self._play, trains=True)

    def pause(self) -> threading.Event:
        """Stop between two steps."""
        return self._ask(self._pause)

    def step_once(self) -> threading.Event:
        """One update, then pause; asked for twice, two."""
        return self._ask(self._one_step, trains=True)

    def epoch_once(self) -> threading.Event:
        """On to the end of the running epoch, then pause; asked for again before that, of the next one."""
        return self._ask(self._one_epoch, trains=True)

    def change(self, name: str, value: Any) -> threading.Event:
        """Change a live setting; any other, or a value out of range, raises ConfigError here, to the caller."""
        if not self._permit(self.id, False):
            return _refused()
        with self._settings_lock:
            self.settings = self.settings.edited(name, value)
            return self._send(lambda: self._change(name, value))

    def measure(self, instruments: Collection[str]) -> threading.Event:
        """Measure these too: while the run trains for as long as this is asked again, and once where it rests."""
        return self._ask(lambda: self._instruments.ask(instruments, at_rest=not self._is_under_way))

    def set_speed(self, speed: str) -> threading.Event:
        """One of SPEEDS."""
        if speed not in SPEEDS:
            raise ValueError(f"speed must be one of {', '.join(SPEEDS)}, got {speed!r}")

        def set_it() -> None:
            self._speed = speed

        return self._ask(set_it)

    def keep(self) -> threading.Event:
        """Write the run down though it has not trained."""

        def keep_it() -> None:
            self._is_kept = True

        return self._send(keep_it)

    def checkpoint_at(self, step: int, timeout: float = 10.0) -> Checkpoint | None:
        """The complete state, if the run stands at this step and does not train; else None."""
        found: list[Checkpoint] = []

        def look() -> None:
            if not self._is_under_way and self._trainer.step_count == step:
                found.append(self._trainer.checkpoint())

        if self.snapshot.step == step and not self.snapshot.is_training:
            self._send(look).wait(timeout)
        return found[0] if found else None

    @property
    def is_asked(self) -> bool:
        """Whether a command was given whose effect the snapshot does not show yet (the disk may be slow)."""
        return bool(self._carried_out) or not self._commands.empty()

    def is_outdated(self) -> bool:
        """Whether the run rests here and another program has trained it on, or has begun to, or has ended."""
        writer, shot = self._recorder.writer, self.snapshot
        if writer is None or shot.is_training or self.is_asked:
            return False
        return writer.is_outdated() or bool(writer.trained_by()) != (shot.status == "elsewhere")

    def is_at_rest_on_disk(self) -> bool:
        """Whether nothing is lost when it is closed."""
        writer, shot = self._recorder.writer, self.snapshot
        rests = not shot.is_training and not shot.not_saved and not self.is_asked
        return rests and writer is not None and writer.holds(shot.step, len(shot.edits))

    def is_watched(self) -> bool:
        """Whether a session that is attached is connected."""
        return any(self._is_connected(session) for session in tuple(self._sessions))

    def attach(self, session: str) -> None:
        """A session looks at this run: as long as it is connected, the run goes on."""
        self._sessions.add(session)
        self._last_connected = time.monotonic()

    def close(self, timeout: float = 10.0) -> None:
        """End the thread and wait for it; the last snapshot stays readable."""
        with self._start_lock:
            self._closing = True  # from here on no command enters the queue
        thread = self._thread
        if thread is not None and thread.is_alive():
            self._commands.put((lambda: None, threading.Event()))  # wakes the thread
            if thread is not threading.current_thread():
                thread.join(timeout)
        while not self._commands.empty():
            self._commands.get()[1].set()  # nobody will carry it out, so nobody need wait for it

    def _ask(self, command: Callable[[], None], *, trains: bool = False) -> threading.Event:
        return self._send(command) if self._permit(self.id, trains) else _refused()

    def _send(self, command: Callable[[], None]) -> threading.Event:
        done = threading.Event()
        with self._start_lock:
            if self._closing:
                done.set()
                return done
            self._commands.put((command, done))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"run-{self.id}", daemon=True)
                self._thread.start()
        return done

    # -- the thread

    def _work(self) -> None:
        try:
            while not self._closing:
                try:
                    if not self._drain():
                        return  # idle for long; the next command starts another thread
                    if self._is_under_way:
                        self._frame()
                    self._keep()
                    self._publish()
                except Exception as error:
                    self._fail(error)
        finally:
            if self._closing:
                self._scheduler.leave(self.id)
                if self._is_under_way:
                    self._status = "paused"
                self._keep()
                self.snapshot = replace(self.snapshot, status=self._status, samples_per_second=0.0)

    @property
    def _is_under_way(self) -> bool:
        return self._status in {"training", "waiting"}

    def _fail(self, error: Exception) -> None:
        """The last good snapshot stays, with the error as a sentence; the thread lives on, and Train tries again."""
        log.error("run %s stopped", self.id, exc_info=error)
        self._scheduler.leave(self.id)
        if self._recorder.writer is not None:
            self._recorder.writer.release()
        self._status = "failed"
        self._message = (
            f"Training stopped on an internal error ({type(error).__name__}: {' '.join(str(error).split())})."
        )
        self.snapshot = replace(self.snapshot, status="failed", message=self._message, samples_per_second=0.0)
        self._tell_carried_out()

    def _drain(self) -> bool:
        """Carry out what waits in the queue; when not training, sleep until something does, False after a while."""
        block = not self._is_under_way
        while block or not self._commands.empty():
            try:
                command, done = self._commands.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._start_lock:
                    if self._recorder.problem:
                        return True  # something is not on disk yet
                    if self._commands.empty():
                        self._thread = None
                        return False
                continue
            self._carried_out.append(done)
            command()
            block = False
        return True

    def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the next command."""
        until = time.monotonic() + seconds
        while self._commands.empty() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))

    def _frame(self) -> None:
        """Train for one publishing interval, or the few steps of a slowed frame."""
        number = self._scheduler.take(self.id)
        if number:
            self._status = "waiting"
            self._message = f"Number {number} in the queue: {self._scheduler.rule}"
            self._check_lease()
            self._sleep(PUBLISH_SECONDS)
            return
        self._status, self._message = "training", ""
        steps = SPEEDS[self._speed]
        with self._scheduler.turn(self.id):
            started = time.monotonic()
            made = self._make_steps(steps)
        if not self._is_under_way:
            return
        self._rate.measure(self._trainer.seconds, self._trainer.images_seen)
        self._check_lease()
        if steps and made >= steps and self._status == "training":
            self._publish()
            self._sleep(FRAME_SECONDS - (time.monotonic() - started))

    def _make_steps(self, most: int) -> int:
        """Train for one publishing interval, `most` steps (0: any number), or until a command comes or all is done."""
        until, made = time.monotonic() + PUBLISH_SECONDS, 0
        while self._commands.empty():
            if not self._trainer.step() or self._trainer.stopped:
                self._halt(self._end, self._trainer.stopped)
                break
            made += 1
            self._recorder.note()
            self._instruments.note()
            if self._goal_is_reached() or (most and made >= most) or time.monotonic() >= until:
                break
        return made

    def _play(self) -> None:
        budget = self._started_as.epochs
        self._goal = "budget"
        self._until_epoch = budget * (self._trainer.epoch // budget + 1)  # used up: as many epochs more
        self._begin()

    def _one_step(self) -> None:
        pending = self._is_under_way and self._goal == "step"
        self._until_step = 1 + (self._until_step if pending else self._trainer.step_count)
        self._goal = "step"
        self._begin()

    def _one_epoch(self) -> None:
        pending = self._is_under_way and self._goal == "epoch"
        self._until_epoch = 1 + (self._until_epoch if pending else self._trainer.epoch // 1)
        self._goal = "epoch"
        self._begin()

    def _pause(self) -> None:
        if self._is_under_way:
            self._halt("paused")

    def _begin(self) -> None:
        self._is_kept = True
        if self._trainer.stopped:
            self._halt(self._end, self._trainer.stopped)
            return
        if not self._may_go_on():
            return
        self._status, self._message = "training", ""
        self._last_connected = time.monotonic()
        self._rate.begin(self._trainer.seconds, self._trainer.images_seen)

    def _change(self, name: str, value: Any) -> None:
        if self._is_under_way or self._may_go_on():
            self._trainer.change(name, value)
        else:
            self.settings = self._trainer.config

    def _may_go_on(self) -> bool:
        """Claim the run; where another program trains it, the status and a sentence say so."""
        refusal = self._recorder.claim()
        if refusal:
            self._status, self._message = "elsewhere", refusal
        return not refusal

    def _goal_is_reached(self) -> bool:
        """Halt and say so when what was asked for is done."""
        epoch, budget = self._trainer.epoch, self._started_as.epochs
        if self._goal == "step":
            if self._trainer.step_count < self._until_step:
                return False
            self._halt("paused")
        elif epoch < self._until_epoch:
            return False
        elif epoch % budget:
            self._halt("paused")
        else:
            self._halt("finished", f"Finished after {epoch:g} epochs. Press Train for {budget} more.")
        return True

    @property
    def _end(self) -> Status:
        """The status of a run whose training cannot go on."""
        return "finished" if self._trainer.stopped_early else "diverged"

    def _halt(self, status: Status, message: str = "") -> None:
        """Stop making steps; the scores are brought up to the last step."""
        self._trainer.score()
        self._instruments.rests()
        self._recorder.went_back()
        self._status, self._message = status, message
        self._scheduler.leave(self.id)

    def _keep(self) -> None:
        """Write the run down where that is due."""
        if self._is_kept and self._status not in ("failed", "elsewhere"):
            self._recorder.keep(self._status)

    def _check_lease(self) -> None:
        now = time.monotonic()
        if not self._lease_seconds or now - self._last_lease_check < LEASE_CHECK_SECONDS:
            return
        self._last_lease_check = now
        if self.is_watched():
            self._last_connected = now
        elif now - self._last_connected > self._lease_seconds:
            self._halt(
                "paused", f"Paused: no page was open for {self._lease_seconds:g} seconds. Train goes on from here."
            )

    def _publish(self) -> None:
        trainer = self._trainer
        weights = trainer.model.weights()
        if not self._is_under_way:
            self._recorder.rests(weights)
        self.snapshot = Snapshot(
            run_id=self.id,
            started_as=self._started_as,
            config=trainer.config,
            status=self._status,
            message=self._message,
            speed=self._speed,
            step=trainer.step_count,
            epoch=trainer.epoch,
            images_seen=trainer.images_seen,
            seconds=trainer.seconds,
            samples_per_second=self._rate.per_second if self._status == "training" else 0.0,
            weights=weights,
            series=trainer.history.series(),
            edits=tuple(trainer.edits),
            scores=trainer.scores,
            film=self._recorder.film.frames(),
            parent=self.parent,
            not_saved=self._recorder.problem,
            switched_off=self._instruments.off,
            events=self._instruments.events,
            is_measured=self._instruments.is_busy and not self._is_under_way,
            kept=trainer.instruments,
            n_scored=trainer.n_scored,
        )
        self._tell_carried_out()

    def _tell_carried_out(self) -> None:
        while self._carried_out:
            self._carried_out.pop().set()


def _refused() -> threading.Event:
    """What a command that was not taken returns: there is nothing to wait for."""
    done = threading.Event()
    done.set()
    return done
