"""A search as it stands, read by a thread of its own, so that nobody who looks at it waits for a database."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from nn_core.config.run_config import RunConfig
from nn_core.search.counts import superseded
from nn_core.search.database_errors import SearchError, database_sentence
from nn_core.search.default import DEFAULT, DefaultScore
from nn_core.search.reading import ENDED, Trial
from nn_core.search.space import values_of
from nn_core.search.spec import SearchSpec
from nn_core.search.study import OpenSearch, config_of, info_of, load_study
from nn_core.search.trials import QUEUED

UNWATCHED_SECONDS = 10  # after which a search that nobody asks for is not read until somebody does
STATES = {"WAITING": "waiting", "RUNNING": "running", "COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
_ROWS: WeakKeyDictionary[Trial, TrialRow] = WeakKeyDictionary()
LOST = "lost"  # runs, says the database, but its worker gives no sign of life


@dataclass(frozen=True)
class TrialRow:
    """One trial, as a table shows it."""

    number: int
    state: str  # a value of STATES, or LOST
    values: tuple[float, ...] | None  # by the search's objectives, once it is complete
    params: Mapping[str, Any]  # setting -> value of those that vary
    settings: str | None  # all of them as JSON, once they are drawn
    epochs: float
    reported: Mapping[int, float]  # epoch -> what the first objective reported at its end
    reason: str  # a sentence on why it ended before its end, or ""
    diverged: bool
    worker: str
    seconds: float | None
    run: str  # its run in the search's folder on the machine that trained it, or ""
    superseded: bool  # another trial has taken its place

    @cached_property
    def config(self) -> RunConfig | None:
        """All settings, once they are drawn."""
        return config_of(self.settings)

    def __repr__(self) -> str:
        return f"TrialRow({self.number}: {self.state}, {self.values or 'no value'}, {dict(self.params)})"


@dataclass(frozen=True)
class SearchView:
    """A search at one moment; nothing in it changes."""

    name: str
    spec: SearchSpec
    control: str  # run, pause or stop
    trials: tuple[TrialRow, ...]
    best: TrialRow | None
    front: tuple[TrialRow, ...]  # of two objectives: those that none betters in both
    n_done: int
    n_total: int
    seconds_left: float | None
    epochs_saved: float  # by pruning: the share of all epochs of the finished trials
    counts: Mapping[str, int]
    workers: tuple[str, ...]  # of the trials that run and give signs of life
    data_name: str
    code: str
    test: tuple[int, float] | None  # the trial whose network was tested, and its test accuracy
    default: DefaultScore | None = None  # what the settings reach that the search began with, where they were trained
    read: tuple[Trial, ...] = field(default=(), repr=False)  # the trials as they lie in the database

    def __repr__(self) -> str:
        best = f"the best is {self.best.number}" if self.best else "none is the best yet"
        return f"SearchView({self.name}: {self.n_done} of {self.n_total} trials, {best})"

    def study(self, most: int | None = None, only_complete: bool = False) -> Any:
        """The finished trials as an optuna.Study in memory, for Optuna's figures.

        Of more than `most` these are the best when they came, the front, and others evenly over the search.
        """
        import optuna

        study = optuna.create_study(directions=self.spec.directions, study_name=self.name)
        states = ("COMPLETE",) if only_complete else ENDED
        gone = {row.number for row in self.trials if row.superseded}
        ended = [trial for trial in self.read if trial.state in states and trial.number not in gone]
        if most is not None and len(ended) > most:
            ended = self._telling(ended, most)
        study.add_trials([trial.frozen() for trial in ended])
        return study

    def _telling(self, ended: list[Trial], most: int) -> list[Trial]:
        sign, best = self.spec.judged_by[0].sign, -math.inf
        kept = {row.number for row in self.front[:: 1 + len(self.front) // most]}
        for trial in ended:
            if trial.state == "COMPLETE" and sign * trial.values[0] > best:
                best = sign * trial.values[0]
                kept.add(trial.number)
        others = [trial for trial in ended if trial.number not in kept]
        n = max(0, most - len(kept))
        kept |= {others[at * len(others) // n].number for at in range(n)}
        return [trial for trial in ended if trial.number in kept]


def read_search(opened: OpenSearch) -> SearchView:
    """The view of a search as it stands in its database."""
    opened.kept.check_file()
    study = opened.study
    info, trials = info_of(study, opened.info.storage), opened.kept.trials_of(study.study_name)
    attrs, gone = study.user_attrs, superseded(trials)
    lost = opened.kept.lost_trials(study.study_name)
    rows = tuple(_row(info.spec, trial, trial.number in gone, trial.number in lost) for trial in trials)
    ranked = [row for row in rows if row.state == "complete" and row.values and not row.superseded]
    shown = [row for row in rows if not row.superseded]
    ended = [row for row in shown if row.state in ("complete", "pruned") and not row.diverged]
    n_done = sum(trial.has_ended and trial.number not in gone for trial in trials)
    n_total = info.spec.n_trials
    test = attrs.get("test")
    at_work = [row for row in rows if row.state == "running"]
    epochs = sum(row.epochs for row in ended)
    return SearchView(
        name=study.study_name,
        spec=info.spec,
        control=str(attrs.get("control", "run")),
        trials=rows,
        best=_best(info.spec, ranked),
        front=_front(info.spec, ranked),
        n_done=n_done,
        n_total=n_total,
        seconds_left=_seconds_left(shown, n_total - n_done, len(at_work)),
        epochs_saved=1 - epochs / (len(ended) * info.spec.base.epochs) if ended else 0.0,
        counts=Counter(row.state for row in shown),
        workers=tuple(sorted({row.worker for row in at_work if row.worker})),
        data_name=str(info.data.get("name", "")),
        code=info.code,
        test=(int(test[0]), float(test[1])) if isinstance(test, list) and len(test) == 2 else None,
        default=DefaultScore.from_json(attrs.get(DEFAULT)),
        read=tuple(trials),
    )


def _row(spec: SearchSpec, trial: Trial, gone: bool, lost: bool) -> TrialRow:
    """The row of a trial; that of one that has ended is made once."""
    row = _ROWS.get(trial)
    if row is None or row.superseded != gone:
        row = _new_row(spec, trial, gone, lost)
        if trial.has_ended:
            _ROWS[trial] = row
    return row


def _new_row(spec: SearchSpec, trial: Trial, gone: bool, lost: bool) -> TrialRow:
    attrs, state = trial.user_attrs, LOST if lost else STATES[trial.state]
    reported = trial.reported or {int(k): v for k, v in (attrs.get("reported") or {}).items()}
    seconds = None
    if trial.started is not None:
        seconds = ((trial.ended or datetime.now()) - trial.started).total_seconds()
    of_lost = {"failed": "Its worker was lost.", LOST: "Its worker gives no sign of life; another trains it again."}
    return TrialRow(
        number=trial.number,
        state=state,
        values=tuple(trial.values[at] for at in sorted(trial.values)) if state == "complete" else None,
        params=values_of(spec.vary, trial.params or attrs.get(QUEUED, {})),
        settings=attrs.get("config"),
        epochs=float(attrs.get("epochs", max(reported, default=0))),
        reported=reported,
        reason=str(attrs.get("reason", of_lost.get(state, ""))),
        diverged=bool(attrs.get("diverged")),
        worker=str(attrs.get("worker", "")),
        seconds=seconds,
        run=str(attrs.get("run", "")),
        superseded=gone,
    )


def _best(spec: SearchSpec, ranked: list[TrialRow]) -> TrialRow | None:
    """The best by the first objective, then by the second; the earlier one of two alike."""
    signs = [each.sign for each in spec.judged_by]

    def merit(row: TrialRow) -> tuple[float, ...]:
        values = zip(signs, row.values or (), strict=True)
        return (*(sign * value for sign, value in values), -row.number)

    return max(ranked, key=merit, default=None)


def _front(spec: SearchSpec, ranked: list[TrialRow]) -> tuple[TrialRow, ...]:
    """Of two objectives, the trials that none betters in one without being worse in the other."""
    if len(spec.objectives) < 2:
        return ()
    signs = [each.sign for each in spec.judged_by]
    merits = {row.number: tuple(s * v for s, v in zip(signs, row.values or (), strict=True)) for row in ranked}
    best_second: dict[float, float] = {}  # by the first
    for first, second in merits.values():
        best_second[first] = max(second, best_second.get(first, -math.inf))
    front, highest = set(), -math.inf
    for first in sorted(best_second, reverse=True):
        if best_second[first] > highest:
            highest = best_second[first]
            front.add((first, highest))
    return tuple(row for row in ranked if merits[row.number] in front)


def _seconds_left(rows: list[TrialRow], n_left: int, n_running: int) -> float | None:
    took = [row.seconds for row in rows if row.state in ("complete", "pruned") and row.seconds is not None]
    if not took or n_left <= 0:
        return None
    return n_left * sum(took) / len(took) / max(1, n_running)


class SearchWatch:
    """Reads a search every `seconds` until it is closed; `view` and `problem` are the newest, at once.

    While nobody asks for the view, it does not read.
    """

    def __init__(self, name: str, storage: str = "", seconds: float = 1.0) -> None:
        self.name, self.storage, self.seconds = name, storage, seconds
        self._view: SearchView | None = None
        self._asked = time.monotonic()
        self._wanted, self._read = 1, 0  # how often a reading was asked for, and how many of these `view` answers
        self.problem = ""  # a sentence while the database cannot be read
        self._closed, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"watch-{name}", daemon=True)
        self._thread.start()

    @property
    def view(self) -> SearchView | None:
        """The newest reading, None before the first."""
        idle = time.monotonic() - self._asked > UNWATCHED_SECONDS
        self._asked = time.monotonic()
        if idle:
            self.read_again()
        return self._view

    @property
    def is_behind(self) -> bool:
        """Whether something was done since what `view` shows was read."""
        return self._read < self._wanted

    def read_again(self) -> None:
        """Read at once: something was done to the search."""
        self._wanted += 1
        self._wake.set()

    def __repr__(self) -> str:
        return f"SearchWatch({self.name}, every {self.seconds:g} s)"

    def close(self) -> None:
        """Read no more."""
        self._closed.set()
        self._wake.set()

    def _look(self) -> None:
        opened: OpenSearch | None = None
        while not self._closed.is_set():
            self._wake.clear()
            wanted = self._wanted
            try:
                opened = opened or load_study(self.name, self.storage)
                self._view = read_search(opened)
                self.problem = ""
            except Exception as error:
                sentence = str(error) if isinstance(error, SearchError) else None
                sentence = sentence or database_sentence(error, self.name, self.storage) or type(error).__name__
                self.problem = f"The search {self.name} cannot be read: {sentence}."
                opened = None
            self._read = wanted
            idle = time.monotonic() - self._asked > UNWATCHED_SECONDS
            self._wake.wait(None if idle else self.seconds)
