"""Records the instruments of a run while it trains: between steps, at a cost that training hardly feels.

The updates numbered 1, 2, 4 ... 256 are looked at, then every 50th, or one a second where 50 take longer; where looking
would take more than its share of the time, fewer. What takes long is measured by a thread of its own, on a copy. An
instrument that fails is switched off for this run, with a sentence; training goes on.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from nn_core.instruments.background import Background, Point, point_of
from nn_core.instruments.events import Event, EventLog
from nn_core.instruments.look import Look
from nn_core.instruments.registry import INSTRUMENTS, Instrument, Needs, Recorded, Values, chosen
from nn_core.machine.memory import Array
from nn_core.training.history import Series
from nn_core.training.trainer import Trainer
from nn_core.training.watching import Scored, Update

log = logging.getLogger(__name__)

EVERY_STEPS, EVERY_SECONDS = 50, 1.0
EARLY_STEPS = 256  # among the first so many updates, those numbered by a power of two are looked at too
STEPS_SHARE, SECONDS_SHARE = 0.03, 0.02  # of the training time, for what is measured every 50 steps, and once a second
ASKED_SECONDS = 8.0  # after which what a page has asked for is no longer measured, unless it asks again
HUGE = 1e9  # weights and gradients beyond it belong to a network that diverges
SENTENCE = 300  # characters of a sentence at most
OFF = "off"  # in a trainer's `instruments["recording"]`: instrument -> why it was switched off


OnFound = Callable[[Callable[[], None]], object]


class Recording:
    """Watches one trainer, and writes what its instruments measure into its history; used by the training thread.

    `on_found` is handed, by another thread, what writes down what was found there; a step does so as well.
    `first_weights` (n,) are given where they are not those of the seed; `without` names what cannot be measured here.
    """

    def __init__(
        self,
        trainer: Trainer,
        which: Recorded = "vital",
        on_found: OnFound | None = None,
        first_weights: Array | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._trainer = trainer
        served = [
            each
            for each in INSTRUMENTS.values()
            if not each.serves(trainer.config) and each.name not in {*self.off, *without}
        ]
        self._instruments = {each.name: each for each in served}  # those that can be measured here
        self._always = {each.name for each in chosen(which)}
        self._asked: dict[str, float] = {}  # instrument -> on time.monotonic(), until when it is asked for
        self._rested: dict[str, int] = {}  # instrument -> the step at which it was last measured at rest
        self._asked_until = -math.inf  # when the last of these ends
        self._next_step = 0
        self._not_before = 0.0  # seconds of training
        self._is_due = True  # whether the running update is one to look at, not only the second of a pair
        self._before: tuple[int, Update] | None = None  # the first of a pair, and the step it led to
        self._last = self._last_second = -math.inf
        self._costs: dict[bool, deque[float]] = {True: deque(maxlen=8), False: deque(maxlen=8)}
        self._second_step = trainer.step_count  # where what is measured once a second was last measured
        self._background = Background(None if on_found is None else lambda: on_found(self._take_from_background))
        self._start = first_weights
        self._log = EventLog(trainer)
        self._sort()
        if self._always & self._instruments.keys():
            trainer.watcher = self

    def __repr__(self) -> str:
        return f"<Recording of {', '.join(each.name for each in self._wanted()) or 'nothing'}>"

    @property
    def off(self) -> dict[str, str]:
        """Instrument -> a sentence on why it was switched off; what else a file may hold there is passed over."""
        said = self._trainer.instruments.get("recording", {}).get(OFF)
        return {name: str(why)[:SENTENCE] for name, why in said.items()} if isinstance(said, dict) else {}

    @property
    def events(self) -> tuple[Event, ...]:
        """The verdicts on the run so far, with their dates."""
        return self._log.events

    def note(self) -> None:
        """After a step: the rules of health are asked where there are new scores."""
        self._log.note()

    @property
    def is_busy(self) -> bool:
        """Whether something is being measured in the background."""
        return self._background.is_busy

    # -- when

    def ask(self, names: Collection[str], at_rest: bool = False) -> None:
        """Measure these too, for as long as they are asked for again every ASKED_SECONDS.

        While training is `at_rest`: those that look at a copy, once at this step, in the background.
        """
        now = time.monotonic()
        is_new = any(self._asked.get(name, 0.0) < now and name not in self._always for name in names)
        self._asked |= dict.fromkeys(names, now + ASKED_SECONDS)
        self._asked_until = now + ASKED_SECONDS
        if self._wanted():
            self._trainer.watcher = self
        if is_new:
            self._last_second = -math.inf  # what has just been asked for need not wait
        if at_rest:
            self._measure_copy()

    def _measure_copy(self) -> None:
        step = self._trainer.step_count
        if not step or self._background.is_busy:
            return
        self._take_from_background()  # what was found at this very step a moment ago is not measured again
        series = self._trainer.history.series()
        missing = [each for each in self._of("copy") if self._rested.get(each.name) != step]
        self._rested |= dict.fromkeys((each.name for each in missing), step)
        new = [each for each in missing if not _has(each, series, step)]
        self._background.begin(new, self._trainer, self._first_weights(), None, at_once=True)

    def wants(self, step: int, seconds: float) -> bool:
        """Whether the update after `step` updates is due."""
        number = step + 1
        is_early = number <= EARLY_STEPS and number & step == 0
        is_time = step >= self._next_step or seconds >= self._last + EVERY_SECONDS
        self._is_due = is_early or (seconds >= self._not_before and is_time)
        return self._is_due or self._before is not None

    def saw(self, update: Update) -> None:
        """Measure what is due, and record it."""
        trainer, started = self._trainer, time.perf_counter()
        self._second_of_a_pair(update)
        if not self._is_due:
            self._costs[False].append(time.perf_counter() - started + self._costs[False].pop())
            return
        is_early = trainer.step_count <= EARLY_STEPS
        wait = max(EVERY_SECONDS, min(self._costs[True], default=0.0) / SECONDS_SHARE)
        with_rest = (is_early and min(self._costs[True], default=0.0) < 0.05) or (
            trainer.seconds >= self._last_second + wait
        )
        look = self._look(update)
        self._measure([each for each in self._of("update") if not each.once_a_second], look)
        if self._of("pair"):
            _ = update.change  # worked out now: the weights go on
            self._before = trainer.step_count, update
        self._costs[False].append(time.perf_counter() - started)
        if with_rest:
            self._once_a_second(look, [each for each in self._of("update") if each.once_a_second])
        self._next_step = trainer.step_count + EVERY_STEPS
        self._last = trainer.seconds
        self._not_before = trainer.seconds + min(self._costs[False]) / STEPS_SHARE

    def _second_of_a_pair(self, update: Update) -> None:
        """Measure what looks at two successive updates, where this is the one after another that was looked at."""
        pair, self._before = self._before, None
        if pair is not None and pair[0] == self._trainer.step_count - 1:  # else a diverged run has gone back
            self._measure(self._of("pair"), self._look(update, before=pair[1]))

    def scored(self, scored: Scored) -> None:
        """Measure what looks at scorings, and record it."""
        wanted = self._of("scores")
        if wanted:
            with np.errstate(all="ignore"):
                self._measure(wanted, self._look(scored=scored))

    def rests(self) -> None:
        """Training has halted: what looks at the network at rest, and the verdicts, are brought up to this step."""
        self._measure_at_rest()
        self._log.rests()

    def _measure_at_rest(self) -> None:
        trainer = self._trainer
        if trainer.step_count == self._second_step or not self._wanted():
            return
        at_rest = self._of("network")
        series = trainer.history.series()
        if any(int(one.step[-1]) >= trainer.step_count for each in at_rest for one in each.series(series).values()):
            return  # a diverged run has gone back to a step that was looked at
        with np.errstate(all="ignore"):
            self._once_a_second(self._look(), [])

    def finish(self) -> None:
        """The same, and wait for what the background is measuring."""
        self._measure_at_rest()
        self._background.wait()
        self._take_from_background()
        self._log.rests()

    # -- what

    def _wanted(self) -> list[Instrument]:
        now = time.monotonic()
        return [
            each
            for each in self._instruments.values()
            if each.name in self._always or self._asked.get(each.name, 0.0) >= now
        ]

    def _of(self, needs: Needs) -> Sequence[Instrument]:
        if time.monotonic() > self._asked_until:
            return self._unasked.get(needs, ())  # a list for each look took 50 us of 300
        return [each for each in self._wanted() if each.needs == needs]

    def _sort(self) -> None:
        """Note which instruments are measured though nobody asks for them, by what they look at."""
        self._unasked: dict[Needs, list[Instrument]] = {}
        for name, each in self._instruments.items():
            if name in self._always:
                self._unasked.setdefault(each.needs, []).append(each)

    def _look(self, update: Update | None = None, **more: Any) -> Look:
        trainer, kept = self._trainer, self._trainer.instruments
        return Look(trainer.model, trainer.config, trainer.data, self._first_weights(), update, kept=kept, **more)

    def _once_a_second(self, look: Look, more: Sequence[Instrument]) -> None:
        started, trainer = time.perf_counter(), self._trainer
        self._last_second, self._second_step = trainer.seconds, trainer.step_count
        self._measure([*more, *self._of("network")], look)
        self._take_from_background()
        if copies := self._of("copy"):
            change = look.update.change if look.has_update else None
            self._background.begin(copies, trainer, look.first_weights, change, at_once=False)
        self._costs[True].append(time.perf_counter() - started)

    def _measure(self, instruments: Sequence[Instrument], look: Look) -> None:
        for each in instruments:
            try:
                values = each.measure(look)
            except Exception as error:
                self._switch_off(each, error)
            else:
                self._record(each, values, point_of(self._trainer))
                self._keep(look.keeping)

    def _keep(self, keeping: Mapping[str, dict[str, Any]]) -> None:
        if keeping:
            self._trainer.instruments = {**self._trainer.instruments, **keeping}

    def _take_from_background(self) -> None:
        for each, values, point, keeping in self._background.results():
            if isinstance(values, Exception):
                self._switch_off(each, values)
            elif point["step"] <= self._trainer.step_count:  # else a diverged run has gone back behind it
                self._record(each, values, point)
                self._keep(keeping)

    def _record(self, each: Instrument, values: Values, point: Point) -> None:
        """Append the values at the place where they were measured."""
        if not all(map(math.isfinite, values.values())):
            if not self._is_diverging():
                self._switch_off(each, ValueError("it found a value that is not a finite number"))
            return
        for layer, value in values.items():
            self._trainer.history.record(each.series_name(layer), float(value), **point)

    def _is_diverging(self) -> bool:
        """Whether the network itself is leaving the numbers; the verdict on the run says so."""
        model = self._trainer.model
        return not max(np.abs(model.flat).max(), np.abs(model.flat_grads).max()) < HUGE

    def _switch_off(self, each: Instrument, error: Exception) -> None:
        trainer = self._trainer
        log.warning("the instrument %s is switched off at step %d", each.name, trainer.step_count, exc_info=error)
        why = "there is not enough memory" if isinstance(error, MemoryError) else " ".join(str(error).split())[:200]
        sentence = f"Switched off at step {trainer.step_count:,}: {why or type(error).__name__}."
        self._instruments.pop(each.name, None)
        self._sort()
        trainer.instruments = {**trainer.instruments, "recording": {OFF: {**self.off, each.name: sentence}}}

    def _first_weights(self) -> Array:
        """The parameters (n,) with which the run began; empty where they are not those of its seed."""
        if self._start is None:
            trainer = self._trainer
            is_known = 0 in trainer.history.so_far("val/loss").step[:1]  # else it was brought in from a file
            try:
                start = trainer.initial_model(trainer.initial_config).flat if is_known else np.empty(0, np.float32)
            except MemoryError:
                start = np.empty(0, np.float32)
            self._start = start
        return self._start


def _has(each: Instrument, series: Mapping[str, Series], step: int) -> bool:
    """Whether an instrument has a value of this step."""
    return any(step == int(one.step[-1]) for one in each.series(series).values())
