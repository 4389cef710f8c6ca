"""What a rule of health looks at: a run's settings, curves, instruments and weights at one step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.explain.filters import hidden_sizes
from nn_core.instruments.measures.noise_scale import Noise, measure_noise
from nn_core.instruments.readings import layer_titles
from nn_core.instruments.registry import INSTRUMENTS
from nn_core.machine.memory import Array
from nn_core.nn.losses import loss_of
from nn_core.nn.network import from_weights
from nn_core.training.history import Series

N_NOISE, N_PARTS = 512, 8  # training images on which the noise scale is measured, and the parts they are cut into
A_FEW_STEPS = 30  # where one step takes all images, an epoch says little
NEAR_CHANCE = 0.2  # an accuracy below it; guessing gives 0.1


@dataclass(frozen=True)
class Evidence:
    """What is known of a run at one step. The curves are there once the rule "just begun" has let it pass."""

    config: RunConfig
    series: Mapping[str, Series]
    weights: Mapping[str, Array]
    step: int
    epoch: float
    stopped: str = ""  # why training ended by itself, or ""
    counted: Sequence[int] | None = None  # dead units of each hidden layer, where somebody has just counted them
    data: Dataset | None = None  # where a rule may look at images itself

    def __repr__(self) -> str:
        return f"Evidence(step {self.step}, epoch {self.epoch:.1f})"

    # -- the curves

    @property
    def train_loss(self) -> Array:
        """The loss (n,) on training images at each scoring."""
        return self.series["train/loss"].value

    @property
    def val_loss(self) -> Array:
        """The loss (n,) on validation images at each scoring."""
        return self.series["val/loss"].value

    @property
    def chance(self) -> float:
        """The loss of guessing, in the unit of the curves."""
        return loss_of(self.config).chance

    @property
    def train_accuracy(self) -> float:
        """The newest on training images, in [0, 1]; on the labels that are trained on."""
        return self.series["train/accuracy"].last

    @property
    def val_accuracy(self) -> float:
        """The newest, in [0, 1]."""
        return self.series["val/accuracy"].last

    @property
    def gap(self) -> float:
        """How much higher the accuracy on training images is."""
        return self.train_accuracy - self.val_accuracy

    @cached_property
    def recent_and_before(self) -> tuple[float, float]:
        """The mean validation loss over the newest quarter of the scorings, and over the quarter before it."""
        return newest_quarters(self.val_loss)

    @cached_property
    def train_recent_and_before(self) -> tuple[float, float]:
        """The same of the training loss."""
        return newest_quarters(self.train_loss)

    @property
    def has_settled(self) -> bool:
        """Whether the validation loss no longer falls, over the newer half of at least eight scorings."""
        recent, before = self.recent_and_before
        return len(self.val_loss) >= 8 and recent > 0.995 * before

    @property
    def is_near_chance(self) -> bool:
        """Whether half an epoch, and more than a few steps, have taught it next to nothing."""
        return self.epoch >= 0.5 and self.step >= A_FEW_STEPS and self.val_accuracy < NEAR_CHANCE

    # -- the instruments

    def readings(self, instrument: str) -> dict[str, float]:
        """Layer ("" is the whole network) -> what an instrument shows of it now; empty where it was not recorded."""
        each = INSTRUMENTS.get(instrument)
        return (
            {}
            if each is None
            else _finite({layer: each.newest(one) for layer, one in each.series(self.series).items()})
        )

    def first_readings(self, instrument: str) -> dict[str, float]:
        """The same of its very first values."""
        each = INSTRUMENTS.get(instrument)
        return (
            {}
            if each is None
            else _finite({layer: float(one.value[0]) for layer, one in each.series(self.series).items()})
        )

    def title(self, layer: str) -> str:
        """What a layer is called within a sentence: "hidden layer 1"."""
        return layer_titles(self.config).get(layer, layer).lower().replace("output", "the output layer")

    @cached_property
    def noise_scale(self) -> float:
        """From so many images a step on, more would be waste: as recorded, else measured; nan where neither can be.

        Measuring takes some milliseconds: for a rule that has found all else that it looks for.
        """
        if recorded := self.readings("noise_scale"):
            return next(iter(recorded.values()))
        n = min(N_NOISE, self.config.n_train) // N_PARTS * N_PARTS
        if self.data is None or not n:
            return math.nan
        network = from_weights(self.config, self.weights)
        images, labels = self.data.train_images[:n], self.data.train_labels[:n]
        return Noise().and_then(*measure_noise(network, network.inputs(images), labels, N_PARTS)).scale

    # -- dead units

    @cached_property
    def dead(self) -> Sequence[int]:
        """How many units of each hidden layer are dead; nothing where nobody has looked."""
        if self.counted is not None:
            return self.counted
        shares, sizes = self.readings("dead_units"), hidden_sizes(self.weights)
        names = [name.removesuffix(".W") for name in self.weights if name.endswith(".W")][:-1]
        return [round(shares.get(name, 0.0) * size) for name, size in zip(names, sizes, strict=True)] if shares else []

    @cached_property
    def dead_by_kind(self) -> dict[str, tuple[int, int]]:
        """Of a network's "channels", and of its "units": how many are dead, and how many there are."""
        sizes, n_blocks = hidden_sizes(self.weights), sum(W.ndim == 4 for W in self.weights.values())
        kinds = {"channels": slice(n_blocks), "units": slice(n_blocks, None)}
        return {kind: (sum(self.dead[layers]), sum(sizes[layers])) for kind, layers in kinds.items()}

    @property
    def kinds_with_many_dead(self) -> list[str]:
        """Of "channels" and "units", those of which more than a quarter are dead."""
        return [kind for kind, (n_dead, n) in self.dead_by_kind.items() if n_dead > 0.25 * n]

    @property
    def about_the_dead(self) -> str:
        """A sentence on how many there are."""
        found = " and ".join(f"{n_dead} of {n} {kind}" for kind, (n_dead, n) in self.dead_by_kind.items() if n_dead)
        return f"{found} are dead: always 0, so their gradient is 0 and they cannot recover."


def _finite(values: dict[str, float]) -> dict[str, float]:
    """Those that are numbers: a file from elsewhere may hold others."""
    return {name: value for name, value in values.items() if math.isfinite(value)}


def newest_quarters(values: Array) -> tuple[float, float]:
    """The mean of the newest quarter of a curve (n,), and of the quarter before it."""
    quarter = max(1, len(values) // 4)
    before = values[-2 * quarter : -quarter].mean() if len(values) > quarter else values[0]
    return values[-quarter:].mean(), before


def swing(values: Array) -> float:
    """How far a curve (n,) jumps from point to point, as a share of its mean: the mean step over the mean value."""
    return float(np.abs(np.diff(values)).mean() / abs(values.mean())) if len(values) > 1 and values.any() else 0.0
