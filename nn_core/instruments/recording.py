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
from collections.abc import Sequence

import numpy as np

from nn_core.instruments.background import Background, Point, point_of
from nn_core.instruments.events import Event, EventLog
from nn_core.instruments.look import Look
from nn_core.instruments.registry import Instrument, Recorded, Values, chosen
from nn_core.machine.memory import Array
from nn_core.training.trainer import Trainer
from nn_core.training.watching import Update

log = logging.getLogger(__name__)

EVERY_STEPS, EVERY_SECONDS = 50, 1.0
EARLY_STEPS = 256  # among the first so many updates, those numbered by a power of two are looked at too
STEPS_SHARE, SECONDS_SHARE = 0.03, 0.02  # of the training time, for what is measured every 50 steps, and once a second
HUGE = 1e9  # weights and gradients beyond it belong to a network that diverges
SENTENCE = 300  # characters of a sentence at most
OFF = "off"  # in a trainer's `instruments["recording"]`: instrument -> why it was switched off


class Recording:
    """Watches one trainer, and writes what its instruments measure into its history; used by the training thread."""

    def __init__(self, trainer: Trainer, which: Recorded = "vital") -> None:
        self._trainer = trainer
        served = [each for each in chosen(which) if not each.serves(trainer.config) and each.name not in self.off]
        self._instruments = {each.name: each for each in served}
        self._next_step = 0
        self._not_before = 0.0  # seconds of training
        self._last = self._last_second = -math.inf
        self._costs: dict[bool, deque[float]] = {True: deque(maxlen=8), False: deque(maxlen=8)}
        self._second_step = trainer.step_count  # where what is measured once a second was last measured
        self._background = Background()
        self._start: Array | None = None
        self._log = EventLog(trainer)
        if self._instruments:
            trainer.watcher = self

    def __repr__(self) -> str:
        return f"<Recording of {', '.join(self._instruments) or 'nothing'}>"

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

    # -- when

    def wants(self, step: int, seconds: float) -> bool:
        """Whether the update after `step` updates is due."""
        number = step + 1
        if number <= EARLY_STEPS and number & step == 0:
            return True
        return seconds >= self._not_before and (step >= self._next_step or seconds >= self._last + EVERY_SECONDS)

    def saw(self, update: Update) -> None:
        """Measure what is due, and record it."""
        trainer, started = self._trainer, time.perf_counter()
        is_early = trainer.step_count <= EARLY_STEPS
        wait = max(EVERY_SECONDS, min(self._costs[True], default=0.0) / SECONDS_SHARE)
        with_rest = (is_early and min(self._costs[True], default=0.0) < 0.05) or (
            trainer.seconds >= self._last_second + wait
        )
        look = Look(trainer.model, trainer.config, trainer.data, self._first_weights(), update)
        self._measure([each for each in self._of("update") if not each.once_a_second], look)
        self._costs[False].append(time.perf_counter() - started)
        if with_rest:
            self._once_a_second(look, [each for each in self._of("update") if each.once_a_second])
        self._next_step = trainer.step_count + EVERY_STEPS
        self._last = trainer.seconds
        self._not_before = trainer.seconds + min(self._costs[False]) / STEPS_SHARE

    def rests(self) -> None:
        """Training has halted: what looks at the network at rest, and the verdicts, are brought up to this step."""
        self._measure_at_rest()
        self._log.rests()

    def _measure_at_rest(self) -> None:
        trainer = self._trainer
        if trainer.step_count == self._second_step or not self._instruments:
            return
        at_rest = self._of("network")
        series = trainer.history.series()
        if any(int(one.step[-1]) >= trainer.step_count for each in at_rest for one in each.series(series).values()):
            return  # a diverged run has gone back to a step that was looked at
        look = Look(trainer.model, trainer.config, trainer.data, self._first_weights())
        with np.errstate(all="ignore"):
            self._once_a_second(look, [])

    def finish(self) -> None:
        """The same, and wait for what the background is measuring."""
        self._measure_at_rest()
        self._background.wait()
        self._take_from_background()
        self._log.rests()

    # -- what

    def _of(self, needs: str) -> list[Instrument]:
        return [each for each in self._instruments.values() if each.needs == needs]

    def _once_a_second(self, look: Look, more: Sequence[Instrument]) -> None:
        started, trainer = time.perf_counter(), self._trainer
        self._last_second, self._second_step = trainer.seconds, trainer.step_count
        self._measure([*more, *self._of("network")], look)
        self._take_from_background()
        self._background.begin(self._of("copy"), trainer, look.first_weights)
        self._costs[True].append(time.perf_counter() - started)

    def _measure(self, instruments: Sequence[Instrument], look: Look) -> None:
        for each in instruments:
            try:
                values = each.measure(look)
            except Exception as error:
                self._switch_off(each, error)
            else:
                self._record(each, values, point_of(self._trainer))

    def _take_from_background(self) -> None:
        for each, found, point in self._background.results():
            if isinstance(found, Exception):
                self._switch_off(each, found)
            elif point["step"] <= self._trainer.step_count:  # else a diverged run has gone back behind it
                self._record(each, found, point)

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
        trainer.instruments = {**trainer.instruments, "recording": {OFF: {**self.off, each.name: sentence}}}

    def _first_weights(self) -> Array:
        """The parameters (n,) with which the run began; empty where they are not those of its seed."""
        if self._start is None:
            trainer = self._trainer
            is_known = 0 in trainer.history["val/loss"].step[:1]  # else it was brought in from a file
            try:
                start = trainer.initial_model(trainer.initial_config).flat if is_known else np.empty(0, np.float32)
            except MemoryError:
                start = np.empty(0, np.float32)
            self._start = start
        return self._start
