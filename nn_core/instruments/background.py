"""Measures what takes long, on a copy of the network and in a thread of its own, so that no step waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypedDict

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.look import Look
from nn_core.instruments.registry import Instrument, Values
from nn_core.machine.memory import Array
from nn_core.nn.network import from_weights
from nn_core.training.trainer import Trainer

SHARE = 0.1  # of the time, for measuring in the background: another core does it, but memory and caches are shared


class Point(TypedDict):
    """Where on the axes of the curves something was measured."""

    step: int
    epoch: float
    images: int
    seconds: float


def point_of(trainer: Trainer) -> Point:
    """Where training stands."""
    return Point(step=trainer.step_count, epoch=trainer.epoch, images=trainer.images_seen, seconds=trainer.seconds)


Found = tuple[Instrument, Values | Exception, Point]


class Background:
    """Measures for one run: one copy of its network at a time, and the next one only after a rest."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._found: SimpleQueue[Found] = SimpleQueue()
        self._not_before = 0.0  # on time.monotonic()

    def __repr__(self) -> str:
        return f"<Background {'at work' if self.is_busy else 'at rest'}>"

    @property
    def is_busy(self) -> bool:
        """Whether something is being measured."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, instruments: Sequence[Instrument], trainer: Trainer, start: Array) -> None:
        """Measure the trainer's network as it stands, unless the last copy is still being measured, or just was."""
        if not instruments or self.is_busy or time.monotonic() < self._not_before:
            return
        weights, config, data, point = trainer.model.weights(), trainer.config, trainer.data, point_of(trainer)

        def measure() -> None:
            began = time.monotonic()
            with np.errstate(all="ignore"):
                for each in instruments:
                    self._found.put((each, _measured(each, weights, config, data, start), point))
            now = time.monotonic()
            self._not_before = now + (now - began) * (1 - SHARE) / SHARE

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


def _measured(
    each: Instrument, weights: dict[str, Array], config: RunConfig, data: Dataset, start: Array
) -> Values | Exception:
    try:
        return each.measure(Look(from_weights(config, weights), config, data, start))
    except Exception as error:
        return error
