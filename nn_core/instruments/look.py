"""What an instrument looks at: a network, perhaps the update that it has just made, and what its layers put out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.explain.maps import hidden_layers, hidden_outputs
from nn_core.machine.memory import Array
from nn_core.nn.network import Network, count_params
from nn_core.training.trainer import Trainer
from nn_core.training.watching import Scored, Update

N_PROBED = 1_000  # validation images, always the same, on which outputs are looked at
# With more outputs than that, fewer images are probed: conv 8/16 puts out 1,408 numbers an image, and 1,000 images took
# 43 ms of processor time, more than may be spent once a second; it is probed on 255.
MOST_OUTPUTS, FEWEST_PROBED = 360_000, 50
N_CURVED = 1_000  # images trained on, on which curvature is measured
# Of larger networks fewer: one product with the Hessian is to take some 100 ms at most. A channel of a convolution
# counts as much as 22,500 weights, for it is used at every place.
MOST_WORK, FEWEST_CURVED, WORK_OF_A_CHANNEL = 110_000_000, 100, 22_500


@dataclass(frozen=True)
class Training:
    """What a trainer has beside its network: the images it learns from, and where its optimizer stands."""

    images: Array  # uint8 (n_train, 28, 28)
    labels: Array  # (n_train,), redrawn where there is label noise
    step: int
    multiplier: float  # what the schedule multiplies the learning rate by
    preconditioner: Array | None  # P (n,), by which an optimizer divides its steps

    @classmethod
    def of(cls, trainer: Trainer) -> Training:
        """That of a trainer as it stands, on which it may train on."""
        rule, config = trainer.optimizer, trainer.config
        return cls(
            trainer.train_images,
            trainer.train_labels,
            trainer.step_count,
            trainer.lr_multiplier,
            rule.preconditioner(config),
        )


class Look:
    """One look at a network at one step. What takes time is computed once, when it is first asked for.

    `kept` is what instruments have kept earlier, by instrument: part of every checkpoint. What one `keep`s takes its
    place. `memory` lasts only as long as the program: what makes the next look quicker.
    """

    def __init__(
        self,
        model: Network,
        config: RunConfig,
        data: Dataset,
        start: Array,
        update: Update | None = None,
        *,
        before: Update | None = None,
        scored: Scored | None = None,
        training: Training | None = None,
        change: Array | None = None,
        kept: Mapping[str, Mapping[str, Any]] | None = None,
        memory: dict[str, Any] | None = None,
    ) -> None:
        self.model, self.config, self.data = model, config, data
        self.first_weights, self._update = start, update  # (n,), or (0,) where they are not known
        self._before, self._scored, self._training, self.change = before, scored, training, change
        self.kept = kept or {}
        self.keeping: dict[str, dict[str, Any]] = {}
        self.memory = {} if memory is None else memory

    def __repr__(self) -> str:
        return f"<Look at {self.model!r}>"

    @property
    def update(self) -> Update:
        """The update that was just made; only for instruments that need one."""
        if self._update is None:
            raise ValueError("there is no update to look at")
        return self._update

    @property
    def has_update(self) -> bool:
        """Whether there is an update to look at."""
        return self._update is not None

    @property
    def before(self) -> Update:
        """The update before that one, with its `change` worked out; only for instruments that need a pair."""
        if self._before is None:
            raise ValueError("there is no pair of updates to look at")
        return self._before

    @property
    def scored(self) -> Scored:
        """The scoring that was just made; only for instruments that need one."""
        if self._scored is None:
            raise ValueError("there is no scoring to look at")
        return self._scored

    @property
    def training(self) -> Training:
        """What the trainer has beside its network; only for instruments that look at a copy."""
        if self._training is None:
            raise ValueError("there is no training to look at")
        return self._training

    @property
    def start(self) -> Array:
        """The parameters (n,) before any learning; ValueError where the run did not begin with those of its seed."""
        if not len(self.first_weights):
            raise ValueError("the weights with which this run began are not known")
        return self.first_weights

    def keep(self, instrument: str, values: dict[str, Any]) -> None:
        """Keep arrays, and values that JSON holds, for the next look, also over a restart."""
        self.keeping[instrument] = values

    def matrices(self, vector: Array) -> dict[str, Array]:
        """Layer -> its weights, out of a vector (n,) laid out like the parameters: views of one row each, flat."""
        sizes = {name: layer.params["W"].size for name, layer in self.model.parts.items() if "W" in layer.params}
        edges = np.cumsum([0, *sizes.values()])  # weights lie at the beginning, in this order
        return {name: vector[start:stop] for name, (start, stop) in zip(sizes, pairwise(edges), strict=True)}

    @cached_property
    def outputs(self) -> dict[str, Array]:
        """Hidden layer -> its outputs after the activation on the probed images, (n, n_units) or (n, C, H, W)."""
        hidden = list(self.matrices(self.model.flat))[:-1]
        images = self.data.val_images[: n_probed(self.config)]
        return dict(zip(hidden, hidden_outputs(self.model, images), strict=True)) if hidden else {}


def n_probed(config: RunConfig) -> int:
    """On how many validation images the outputs of networks of these settings are looked at."""
    numbers = sum(layer.size * layer.side**2 for layer in hidden_layers(config))
    return max(FEWEST_PROBED, min(N_PROBED, MOST_OUTPUTS // max(1, numbers)))


def n_curved(config: RunConfig) -> int:
    """On how many of the images trained on the curvature of networks of these settings is measured."""
    work = count_params(config) + (WORK_OF_A_CHANNEL * sum(config.channels) if config.model == "cnn" else 0)
    return min(config.n_train, N_CURVED, max(FEWEST_CURVED, MOST_WORK // work))


def curved_words(config: RunConfig) -> str:
    """What that sample is called: "all 1,000 images trained on"."""
    n = n_curved(config)
    which = f"all {n:,}" if n == config.n_train else f"the first {n:,} of the {config.n_train:,}"
    return f"{which} images trained on, without dropout and augmentation"
