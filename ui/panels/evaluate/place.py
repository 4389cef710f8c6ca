"""What a view of Evaluate is drawn from: a reading, its images, and the network that stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nn_core import Dataset
from nn_core.data.dataset import Bytes
from nn_core.evaluation import Evaluation
from nn_core.machine.memory import Array
from nn_core.machine.numbers import probability
from ui import session
from ui.charts.walls import image_wall
from ui.panels.gallery import SPLITS
from ui.session.readers import Reader


@dataclass(frozen=True, eq=False)
class Place:
    """One split as one network has read it, and as `beside` has."""

    data: Dataset
    reading: session.Reading
    beside: session.Beside | None

    @property
    def found(self) -> Evaluation:
        """What follows from its answers."""
        return self.reading.found

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the classes."""
        return self.data.class_names

    @property
    def split(self) -> str:
        """The split in words."""
        return SPLITS[self.reading.split]

    @property
    def of(self) -> str:
        """Which images, read when: "Validation at step 1,375"."""
        return f"{self.split.capitalize()} {self.reading.when}"

    @cached_property
    def images(self) -> Bytes:
        """Those of the split, uint8 (n, 28, 28)."""
        return self.data.split(self.reading.split)[0]

    @cached_property
    def reader(self) -> Reader:
        """The network that has read it."""
        name = f"{self.reading.run_id}{' averaged' if self.reading.is_averaged else ''}"
        learns = session.trains() and session.looked_at_step() is None
        return Reader(session.network_of(self.reading), "", name, learns)

    def described(self, index: int) -> str:
        """An image in one line."""
        found, names = self.found, self.names
        sure = probability(found.confidence[index])
        true, read_as = names[found.labels[index]], names[found.predictions[index]]
        return f"image {index:,}, labelled {true}, read as {read_as} with {sure}"

    def wall(self, shown: Array, chosen: int | None, columns: int, title: str) -> Any:
        """The images with these numbers, each with its line, the chosen one framed."""
        captions = [self.described(index) for index in shown]
        images = self.images[shown]
        return image_wall(images, captions=captions, numbers=shown, chosen=chosen, columns=columns, title=title)
