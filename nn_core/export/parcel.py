"""A run as it was at one step, with all that an export is made from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy.typing as npt

from nn_core.checkpoint import Edit
from nn_core.config import RunConfig
from nn_core.data import Dataset
from nn_core.history import Series
from nn_core.metrics import confusion_matrix
from nn_core.network import Network, from_weights
from nn_core.store import StoreError

Array = npt.NDArray[Any]

MAX_TITLE = 300  # characters


class ExportError(StoreError):
    """What cannot be taken elsewhere or brought in; the message says why, without a capital and a full stop."""


@dataclass(frozen=True, eq=False)
class Parcel:
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

    @property
    def title(self) -> str:
        """The own name or what differs from the defaults: one line of valid Unicode without control characters."""
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
    """`text` as one line of at most MAX_TITLE characters: control characters become spaces, half characters '?'."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    spaced = "".join(character if character.isprintable() else " " for character in valid)
    return re.sub(r"\s+", " ", spaced).strip()[:MAX_TITLE]


def cut(series: Mapping[str, Series], step: int) -> dict[str, Series]:
    """The points that were taken up to a step."""
    return {name: Series(name, line.points[: int((line.step <= step).sum())]) for name, line in series.items()}
