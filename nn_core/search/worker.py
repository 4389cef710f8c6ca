"""A worker: a process that takes trial after trial of a search, trains it, and reports once an epoch.

Any number of workers, on any machines that reach the database, share a search; none of them is the first.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from nn_core.config.errors import ConfigError
from nn_core.data import Dataset, load_dataset
from nn_core.machine.second_core import SECOND_CORE
from nn_core.machine.threads import use_blas_threads
from nn_core.search.counts import count_done, superseded
from nn_core.search.database_errors import SearchError, SearchGone, database_sentence, is_destroyed
from nn_core.search.default import DEFAULT, train_default
from nn_core.search.objectives import NotReached
from nn_core.search.spec import SearchSpec, make_pruner, make_sampler
from nn_core.search.storage import networks_left
from nn_core.search.study import check_data, code_version, load_study
from nn_core.search.trial_run import LOOK_SECONDS, TrialRun
from nn_core.search.trials import QUEUED

PATIENCE_SECONDS = 120.0  # that a database may not answer before a worker gives up
Say = Callable[[str], None]
Answer = TypeVar("Answer")


class Stopped(Exception):
    """The search was told to stop."""


def say(sentence: str) -> None:
    """One line on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def say_if_read(sentence: str) -> None:
    """One line on stderr; where nobody reads it any more, or the disk is full, a worker goes on without."""
    with suppress(OSError):
        say(sentence)


class Worker:
    """One process's part in a search; raises SearchError where it cannot join."""

    def __init__(
        self, name: str, storage: str = "", number: int = 0, patience: float = PATIENCE_SECONDS, tell: Say = say_if_read
    ) -> None:
        self.name, self.storage, self.number, self.patience, self.tell = name, storage, number, patience, tell
        self._lost = ""  # why this worker has given the database up
        _, sentence = use_blas_threads(1)
        if sentence:
            tell(sentence)
        SECOND_CORE.work_alone()  # the other cores have workers of their own
        self.id = f"{socket.gethostname()}:{os.getpid()}"
        self._open()
        self.data = self._data()

    def _open(self) -> None:
        self.study, self.info, self.kept = load_study(self.name, self.storage)
        self.spec: SearchSpec = self.info.spec
        self.study.sampler = make_sampler(self.spec, self.number, len(self.study.get_trials(deepcopy=False)))
        self.study.pruner = make_pruner(self.spec)

    def _data(self) -> Dataset:
        data = load_dataset(self.spec.base.dataset)
        check_data(self.info, data)
        if self.info.code != code_version():
            self.tell(
                f"This worker runs code {code_version()}, the search was begun by {self.info.code}: results may differ."
            )
        return data

    def work(self) -> None:
        """Train trials until the search is done or told to stop.

        Where the database does not answer it waits for `patience` seconds; then it raises SearchError. Ctrl-C goes on
        as KeyboardInterrupt, when the trial that was being trained is in the queue again.
        """
        self.tell(f"Worker {self.id} has joined the search {self.name}.")
        try:
            self._train_default()
            while self._patiently(self._next):
                pass
            self.tell("All trials of the search have ended, and so does this worker.")
        except Stopped:
            self.tell("This worker was told to end; the search can go on.")
        except KeyboardInterrupt:
            raise KeyboardInterrupt("This worker was told to end; the search can go on.") from None

    def __repr__(self) -> str:
        return f"Worker({self.id}, of the search {self.name})"

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """What the database answers; while it does not, ask again, until the patience is at its end."""
        quiet_since: float | None = None
        while True:
            try:
                self.kept.check_file()
                answer = ask()
            except Exception as error:
                if isinstance(error, SearchGone) or is_destroyed(error):
                    raise self._gone(error) from None
                sentence = self._lost or database_sentence(error, self.name, self.storage)
                if sentence is None:
                    raise
                now = time.monotonic()
                if quiet_since is None:
                    quiet_since = now
                    self.tell(f"{_capital(sentence)}; trying again for {self.patience:.0f} s.")
                if self._lost or now - quiet_since > self.patience:
                    self._lost = sentence
                    raise SearchError(f"{sentence}; what was finished is kept, and the search can go on") from None
                time.sleep(1.0)
            else:
                if quiet_since is not None:
                    self.tell("The database answers again.")
                return answer

    def _gone(self, error: Exception) -> SearchGone:
        """What is said where the search's file was deleted or destroyed."""
        if isinstance(error, SearchGone):
            return error
        return SearchGone(f"{database_sentence(error, self.name, self.storage)}; {networks_left(self.name)}")

    def _next(self) -> bool:
        """Train one trial, or wait for those of others; False when there is nothing left to do."""
        import optuna

        self._obey()
        self.kept.give_up_lost_trials(self.study)
        trials = self.study.get_trials(deepcopy=False)
        finished, running = count_done(trials), sum(t.state == optuna.trial.TrialState.RUNNING for t in trials)
        if finished >= self.spec.n_trials:
            return False
        if finished + running >= self.spec.n_trials:
            time.sleep(LOOK_SECONDS)  # the last ones are being trained; should their worker be lost, they come back
            return True
        try:
            self.study.optimize(self._train, n_trials=1, catch=(ConfigError, MemoryError))
        except (optuna.exceptions.UpdateFinishedTrialError, ValueError) as error:
            if isinstance(error, ValueError) and "Cannot tell" not in str(error):  # Optuna has no class for this one
                raise
            self.tell("A trial of this worker was given up by the others, who had no sign of life from it.")
        return True

    def _obey(self) -> None:
        """Wait while the search is paused; raise Stopped when it was told to stop."""
        while True:
            command = self._patiently(lambda: self.study.user_attrs).get("control", "run")
            if command == "run":
                return
            if command == "stop":
                raise Stopped
            time.sleep(LOOK_SECONDS)

    def _train_default(self) -> None:
        """Where the search wants it, the first worker trains the settings that it began with."""
        if self.number or self._patiently(lambda: self.study.user_attrs).get(DEFAULT) != {}:
            return
        try:
            scores = train_default(self.spec, self.data, self.name, self._obey)
        except (ConfigError, MemoryError):
            return
        self._patiently(partial(self.study.set_user_attr, DEFAULT, scores))

    # -- one trial

    def _train(self, trial: Any) -> Any:
        """What Optuna optimizes: train with the settings that a trial draws; gives its value, or its two values."""
        import optuna

        trial.set_user_attr("worker", self.id)
        if self._is_one_too_many(trial):
            trial.set_user_attr("superseded", True)
            raise optuna.TrialPruned
        try:
            config = self.spec.config_of(trial)
            trial.set_user_attr("config", json.dumps(config.to_dict()))
            run = TrialRun(config, self.data, self.name)
        except (ConfigError, MemoryError) as error:
            trial.set_user_attr("reason", str(error) or "There is not enough memory for it.")
            raise
        try:
            self._through_its_epochs(trial, run)
        except (Stopped, KeyboardInterrupt):
            self._queue_again(trial)
            raise
        finally:
            self._note(trial, epochs=run.trainer.epoch, curves=run.curves())
        run.keep("finished")
        self._note(trial, run=run.id)
        try:
            values = [each.value(run) for each in self.spec.judged_by]
        except NotReached as error:
            self._note(trial, reason=str(error))
            raise optuna.TrialPruned from None
        return values if len(values) > 1 else values[0]

    def _through_its_epochs(self, trial: Any, run: TrialRun) -> None:
        """Train epoch by epoch; raises TrialPruned and Stopped."""
        import optuna

        report = self.spec.judged_by[0].report
        assert report is not None  # the spec has checked that it can stand first
        reported: dict[str, float] = {}
        for epoch in range(1, self.spec.base.epochs + 1):
            run.one_epoch(self._obey)
            if run.trainer.stopped and not run.trainer.stopped_early:
                self._note(trial, diverged=True, reason=run.trainer.stopped)
                raise optuna.TrialPruned
            value = report(run)
            if len(self.spec.objectives) > 1:  # Optuna prunes by one objective only
                reported[str(epoch)] = value
                self._note(trial, reported=dict(reported))
            else:
                self._patiently(partial(trial.report, value, epoch))
            if run.trainer.stopped_early:
                return
            if len(self.spec.objectives) > 1:
                continue
            if epoch < self.spec.base.epochs and self._patiently(trial.should_prune):
                run.keep("paused")
                self._note(trial, run=run.id, reason=f"It was behind the others after epoch {epoch}.")
                raise optuna.TrialPruned

    def _note(self, trial: Any, **facts: Any) -> None:
        """Keep these facts with a trial."""
        for name, value in facts.items():
            self._patiently(partial(trial.set_user_attr, name, value))

    def _is_one_too_many(self, trial: Any) -> bool:
        """Whether two workers have asked for the last trial at once, and this is the later one."""
        trials = self.study.get_trials(deepcopy=False)
        before = [each for each in trials if each.number < trial.number]
        return len(before) - len(superseded(trials)) >= self.spec.n_trials

    def _queue_again(self, trial: Any) -> None:
        """The search was stopped in the middle of this trial: queue another one with the same settings."""
        trial.set_user_attr("superseded", True)
        self.study.enqueue_trial(trial.params, user_attrs={QUEUED: trial.params})


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
