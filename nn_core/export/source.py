"""What an export is made from: a run as it was at one step, read from the store or taken from memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.events import Event, events_until, from_instruments
from nn_core.machine.memory import Array
from nn_core.nn.metrics import confusion_matrix
from nn_core.nn.network import Network, from_weights
from nn_core.runs.snapshot import Snapshot
from nn_core.store.run_store import RunStore, StoreError
from nn_core.training.film import Frame, exact_frame
from nn_core.training.history import Series
from nn_core.training.state import Edit, Parent, in_effect

MAX_TITLE = 300  # characters


class ExportError(StoreError):
    """A run that cannot be exported, or a file that cannot be imported; the message is a clause that says why."""


@dataclass(frozen=True, eq=False, repr=False)
class ExportSource:
    """A run at one step. `name` is the user's own, in any characters; `title` is what may be written into a file."""

    run_id: str
    name: str  # "" where the user gave none
    config: RunConfig  # the settings at this step, live changes included
    edits: tuple[Edit, ...]  # up to this step
    step: int
    epoch: float
    seconds: float  # of training
    created: float  # unix seconds
    weights: Mapping[str, Array]  # float32, by the names of Network.weights()
    exact: bool  # whether the weights are as trained, not rounded to a frame's float16
    series: Mapping[str, Series]
    skipped: tuple[str, ...] = ()  # a sentence for each newer checkpoint that could not be read
    parent: Parent | None = None  # the run that this one branched from: the curves begin with its
    events: tuple[Event, ...] = ()  # the verdicts on it with their dates, as they stood at this step

    def __repr__(self) -> str:
        return f"ExportSource({self.run_id}, step {self.step:,}: {self.title})"

    @property
    def title(self) -> str:
        """The user's name, or what differs from the defaults: one line of valid Unicode without control characters."""
        return one_line(self.name) or self.config.title()

    @property
    def stem(self) -> str:
        """The name of a file, without its ending."""
        return f"glassnet-{self.run_id}-step{self.step}"

    @cached_property
    def model(self) -> Network:
        """The network, with buffers of its own."""
        return from_weights(self.config, self.weights)

    def confusion(self, data: Dataset) -> Array:
        """Counts int64 (10, 10) on the test images: row = true digit, column = predicted."""
        return confusion_matrix(data.test_labels, self.model.predict(data.test_images))

    def test_accuracy(self, data: Dataset) -> float:
        """The share of test images that are read right."""
        counts = self.confusion(data)
        return float(counts.trace() / counts.sum())


def one_line(text: str) -> str:
    """`text` as one line of at most MAX_TITLE characters: control characters become spaces, lone surrogates '?'."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    spaced = "".join(character if character.isprintable() else " " for character in valid)
    return re.sub(r"\s+", " ", spaced).strip()[:MAX_TITLE]


def cut(series: Mapping[str, Series], step: int) -> dict[str, Series]:
    """The series up to a step."""
    return {name: Series(name, line.points[: int((line.step <= step).sum())]) for name, line in series.items()}


def from_store(store: RunStore, run_id: str, step: int | None = None) -> ExportSource:
    """A stored run at its newest checkpoint, or at a step of which a checkpoint or a frame of its film is kept.

    Raises StoreError, and ExportError with the nearest steps where nothing of that step is kept.
    """
    opened, loaded = store.open(run_id), None
    run, events = opened.run, tuple[Event, ...]()
    try:
        loaded = opened.load(step) if step in {file.step for file in opened.files} else opened.newest
        events = from_instruments(loaded.checkpoint.instruments, loaded.checkpoint.step)
    except StoreError:
        if step is None:
            raise
    if loaded is not None and step in (None, loaded.checkpoint.step):
        frame, series = exact_frame(loaded.checkpoint), loaded.checkpoint.history.series()
        edits = loaded.checkpoint.edits
    else:
        frame, series, edits = _frame_at(opened.film().frames(), step or 0, run_id), opened.series(), run.edits
    begun = run.parent.step if run.parent else 0
    return ExportSource(
        run_id=run.id,
        name=run.name,
        config=opened.settings_at(frame.step - 1 if frame.step > begun else frame.step),
        edits=in_effect(edits, frame.step),
        step=frame.step,
        epoch=frame.epoch,
        seconds=frame.seconds,
        created=run.created,
        weights=frame.weights(),
        exact=frame.exact,
        series=cut(series, frame.step),
        parent=run.parent,
        events=events_until(events, frame.step),
        skipped=loaded.skipped if loaded is not None and step is None else (),
    )


def from_snapshot(shot: Snapshot, name: str, created: float) -> ExportSource:
    """A run in memory, as its snapshot shows it."""
    rounded = [frame for frame in shot.film if frame.step == shot.step and not frame.exact]
    exact = not any(_equal(frame, shot) for frame in rounded)
    return ExportSource(
        run_id=shot.run_id,
        name=name,
        config=shot.trained_with,
        edits=in_effect(shot.edits, shot.step),
        step=shot.step,
        epoch=shot.epoch,
        seconds=shot.seconds,
        created=created,
        weights=shot.weights,
        exact=exact,
        series=cut(shot.series, shot.step),
        parent=shot.parent,
        events=events_until(shot.events, shot.step),
    )


def _equal(frame: Frame, shot: Snapshot) -> bool:
    return all(np.array_equal(values, shot.weights[name]) for name, values in frame.weights().items())


def _frame_at(film: Sequence[Frame], step: int, run_id: str) -> Frame:
    for frame in film:
        if frame.step == step:
            return frame
    nearest = sorted(sorted((frame.step for frame in film), key=lambda other: abs(other - step))[:2])
    hint = f"; the nearest kept are {' and '.join(f'{other:,}' for other in nearest)}" if nearest else ""
    raise ExportError(f"run {run_id} keeps no weights of step {step:,}{hint}")
