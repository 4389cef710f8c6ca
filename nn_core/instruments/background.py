"""Measures what takes long, on a copy of the network and in a thread of its own, so that no step waits for it.

Its matrix products use as many BLAS threads as training does, for the number holds for the whole program: one, unless
asked otherwise.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypedDict

import numpy as np

from nn_core.instruments.look import Look, Training
from nn_core.instruments.registry import Instrument, Values
from nn_core.machine.memory import Array
from nn_core.nn.network import from_weights
from nn_core.training.trainer import Trainer

SHARE = 0.2  # of the time, for measuring in the background: another core does it, but memory and caches are shared


class Point(TypedDict):
    """Where on the axes of the curves something was measured."""

    step: int
    epoch: float
    images: int
    seconds: float


def point_of(trainer: Trainer) -> Point:
    """Where training stands."""
    return Point(step=trainer.step_count, epoch=trainer.epoch, images=trainer.images_seen, seconds=trainer.seconds)


class Found(NamedTuple):
    """What an instrument found, or why it failed; where on the curves; and what it keeps for its next look."""

    instrument: Instrument
    values: Values | Exception
    point: Point
    keeping: Mapping[str, dict[str, Any]]


class Background:
    """Measures for one run: one copy of its network at a time, and the next one only after a rest.

    `on_found` is called, in the thread that measures, when a copy has been measured.
    """

    def __init__(self, on_found: Callable[[], object] | None = None) -> None:
        self._thread: threading.Thread | None = None
        self._is_busy = False
        self._found: SimpleQueue[Found] = SimpleQueue()
        self._not_before = 0.0  # on time.monotonic()
        self._on_found = on_found
        self._memory: dict[str, Any] = {}  # of the instruments

    def __repr__(self) -> str:
        return f"<Background {'at work' if self.is_busy else 'at rest'}>"

    @property
    def is_busy(self) -> bool:
        """Whether something is being measured."""
        return self._is_busy

    def begin(
        self, instruments: Sequence[Instrument], trainer: Trainer, start: Array, change: Array | None, at_once: bool
    ) -> None:
        """Measure the trainer's network as it stands, unless the last copy is still being measured, or just was.

        `change` (n,) is what the newest update did, where that is known. `at_once` leaves the rest out.
        """
        if not instruments or self.is_busy or (time.monotonic() < self._not_before and not at_once):
            return
        weights, config, data, point = trainer.model.weights(), trainer.config, trainer.data, point_of(trainer)
        training, kept = Training.of(trainer), trainer.instruments

        def look() -> Look:
            network = from_weights(config, weights)
            return Look(network, config, data, start, training=training, change=change, kept=kept, memory=self._memory)

        def measure() -> None:
            began = time.monotonic()
            with np.errstate(all="ignore"):
                for each in instruments:
                    self._found.put(_measured(each, look, point))
            now = time.monotonic()
            self._not_before = now + (now - began) * (1 - SHARE) / SHARE
            self._is_busy = False
            if self._on_found is not None:
                self._on_found()

        self._is_busy = True
        self._thread = threading.Thread(target=measure, name="instruments", daemon=True)
        self._thread.start()

    def results(self) -> Iterator[Found]:
        """What was found since this was last asked, in the order of the steps."""
        while True:
            try:
                yield self._found.get_nowait()
            except Empty:
                return

    def wait(self) -> None:
        """Until what is being measured is found."""
        if self._thread is not None:
            self._thread.join()


def _measured(each: Instrument, look: Callable[[], Look], point: Point) -> Found:
    try:
        own = look()
        return Found(each, each.measure(own), point, own.keeping)
    except Exception as error:
        return Found(each, error, point, {})
