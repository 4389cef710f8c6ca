"""A worker: a process that takes trial after trial of a search, trains it, and reports once an epoch.

Any number of workers, on any machines that reach the database, share a search; none of them is the first.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from nn_core.checkpoint import Scores
from nn_core.config import RunConfig
from nn_core.crew import CREW
from nn_core.data import Dataset, load_dataset
from nn_core.keeper import Keeper
from nn_core.knobs import ConfigError
from nn_core.network import count_params
from nn_core.recorder import Recorder
from nn_core.runner import new_id
from nn_core.search.spec import TARGET, SearchSpec, make_pruner, make_sampler
from nn_core.search.storage import SearchError, database_sentence, trials_folder
from nn_core.search.study import check_data, code_version, load_study
from nn_core.store import RunStore
from nn_core.threads import set_blas_threads
from nn_core.trainer import Trainer

LOOK_SECONDS = 0.5  # between two looks at whether the search is paused or stopped
PATIENCE_SECONDS = 120.0  # that a database may not answer before a worker gives up
MOST_POINTS = 100  # of each curve that are kept with a trial
CURVES = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")
Say = Callable[[str], None]
Answer = TypeVar("Answer")


class Stopped(Exception):
    """The search was told to stop."""


def say(sentence: str) -> None:
    """One line on stderr."""
    print(sentence, file=sys.stderr, flush=True)


class Worker:
    """One process's part in a search; raises SearchError where it cannot join."""

    def __init__(
        self, name: str, storage: str = "", number: int = 0, patience: float = PATIENCE_SECONDS, tell: Say = say
    ) -> None:
        self.name, self.storage, self.number, self.patience, self.tell = name, storage, number, patience, tell
        self._lost = ""  # why this worker has given the database up
        set_blas_threads(1)
        CREW.work_alone()  # the other cores have workers of their own
        self.id = f"{socket.gethostname()}:{os.getpid()}"
        self._open()
        self.data = self._data()

    def _open(self) -> None:
        self.study, self.info = load_study(self.name, self.storage)
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

        Where the database does not answer it waits for `patience` seconds; then it raises SearchError.
        """
        self.tell(f"Worker {self.id} has joined the search {self.name}.")
        with suppress(Stopped, KeyboardInterrupt):
            while self._patiently(self._next):
                pass
            self.tell("All trials of the search have ended, and so does this worker.")
            return
        self.tell("This worker was told to end; the search can go on.")

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """What the database answers, also where it does not do so for a while."""
        quiet_since: float | None = None
        while True:
            try:
                answer = ask()
            except Exception as error:
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

    def _next(self) -> bool:
        """Train one trial, or wait for those of others; False when there is nothing left to do."""
        import optuna

        self._obey()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optuna.storages.fail_stale_trials(self.study)
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
            if isinstance(error, ValueError) and "Cannot tell" not in str(error):
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

    # -- one trial

    def _train(self, trial: Any) -> Any:
        """The objective: train what the trial draws; its value, or its values where there are two objectives."""
        import optuna

        trial.set_user_attr("worker", self.id)
        if self._is_one_too_many(trial):
            trial.set_user_attr("superseded", True)
            raise optuna.TrialPruned
        try:
            config = self.spec.config_of(trial)
            trial.set_user_attr("config", json.dumps(config.to_dict()))
            run = _TrialRun(config, self.data, self.name)
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
        values = run.values(self.spec.objectives)
        if values is None:
            self._note(trial, reason=f"{TARGET:.0%} of the validation images was not reached.")
            raise optuna.TrialPruned
        return values if len(values) > 1 else values[0]

    def _through_its_epochs(self, trial: Any, run: _TrialRun) -> None:
        """Train epoch by epoch; raises TrialPruned and Stopped."""
        import optuna

        reported: dict[str, float] = {}
        for epoch in range(1, self.spec.base.epochs + 1):
            run.one_epoch(self._obey)
            if run.trainer.stopped and not run.trainer.stopped_early:
                self._note(trial, diverged=True, reason=run.trainer.stopped)
                raise optuna.TrialPruned
            value = run.value_at_epoch(self.spec.objectives[0])
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
        """The search was stopped in the middle of this trial: it is trained from the start when the search goes on."""
        import optuna

        frozen = self.study._storage.get_trial(trial._trial_id)
        trial.set_user_attr("superseded", True)
        self.study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.WAITING,
                params=frozen.params,
                distributions=frozen.distributions,
                system_attrs={**frozen.system_attrs, "fixed_params": frozen.params},
            )
        )


class _TrialRun:
    """The training of one trial, kept as a run in the search's folder on this machine."""

    def __init__(self, config: RunConfig, data: Dataset, search: str) -> None:
        self.id = new_id()
        self.trainer = Trainer(config, data)
        self.recorder = Recorder(self.trainer, Keeper(RunStore(trials_folder(search)), self.id, data))
        self.reached: float | None = None  # seconds until TARGET
        self.ends: list[Scores] = []  # at the end of each epoch
        self.obeyed = time.monotonic()  # when it was last looked whether the search is paused or stopped

    def one_epoch(self, obey: Callable[[], None]) -> None:
        """Train to the end of the epoch; `obey` is called now and then."""
        trainer = self.trainer
        end = round(trainer.epoch) + 1
        while trainer.epoch < end - 1e-9 and trainer.step():
            self._look_at_the_target()
            if time.monotonic() - self.obeyed > LOOK_SECONDS:
                obey()
                self.obeyed = time.monotonic()
        self.ends.append(trainer.score())
        self._look_at_the_target()
        self.recorder.note()

    def _look_at_the_target(self) -> None:
        scores = self.trainer.scores
        if self.reached is None and scores is not None and scores.val_accuracy >= TARGET:
            self.reached = self.trainer.seconds

    def value_at_epoch(self, objective: str) -> float:
        """What is reported after an epoch, in the direction of the objective."""
        scores = self.ends[-1]
        if objective == "val_accuracy":
            return scores.val_accuracy
        return 1 - scores.val_accuracy if objective == "seconds_to_97" else scores.val_loss

    def values(self, objectives: tuple[str, ...]) -> list[float] | None:
        """One value for each objective; None where one was not reached."""
        found: dict[str, float | None] = {
            "val_accuracy": max(scores.val_accuracy for scores in self.ends),
            "val_loss": min(scores.val_loss for scores in self.ends),
            "seconds_to_97": self.reached,
            "weights": float(count_params(self.trainer.config)),
            "seconds": self.trainer.seconds,
        }
        values = [value for name in objectives if (value := found[name]) is not None]
        return values if len(values) == len(objectives) else None

    def keep(self, status: str) -> None:
        """Write the run down."""
        self.recorder.keep(status)

    def curves(self) -> dict[str, dict[str, list[float]]]:
        """The curves, thinned, JSON-ready; no numbers that are not finite."""
        return {name: _thinned(self.trainer.history[name]) for name in CURVES if name in self.trainer.history.series()}


def _thinned(series: Any) -> dict[str, list[float]]:
    import numpy as np

    finite = np.flatnonzero(np.isfinite(series.value))
    at = finite[np.unique(np.linspace(0, len(finite) - 1, min(MOST_POINTS, len(finite))).round().astype(int))]
    columns = {"step": series.step, "epoch": series.epoch, "seconds": series.seconds, "value": series.value}
    return {key: [float(f"{number:.6g}") for number in column[at]] for key, column in columns.items()}


def superseded(trials: Any) -> set[int]:
    """The numbers of trials that another takes the place of: their worker was lost, or they were stopped half-way."""
    lost = {number for trial in trials for number in trial.system_attrs.get("retry_history", [])}
    return lost | {trial.number for trial in trials if trial.user_attrs.get("superseded")}


def count_done(trials: Any) -> int:
    """How many trials have come to an end, each counted once however often it was begun."""
    gone = superseded(trials)
    return sum(trial.state.is_finished() and trial.number not in gone for trial in trials)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
