"""What an instrument looks at: a network, perhaps the update that it has just made, and what its layers put out."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.explain.maps import hidden_layers, hidden_outputs
from nn_core.machine.memory import Array
from nn_core.nn.network import Network
from nn_core.training.watching import Update

N_PROBED = 1_000  # validation images, always the same, on which outputs are looked at
# With more outputs than that, fewer images are probed: conv 8/16 puts out 1,408 numbers an image, and 1,000 images took
# 43 ms of processor time, more than may be spent once a second; it is probed on 255.
MOST_OUTPUTS, FEWEST_PROBED = 360_000, 50


class Look:
    """One look at a network at one step. What takes time is computed once, when it is first asked for."""

    def __init__(self, model: Network, config: RunConfig, data: Dataset, start: Array, update: Update | None = None):
        self.model, self.config, self.data = model, config, data
        self.first_weights, self._update = start, update  # (n,), or (0,) where they are not known

    def __repr__(self) -> str:
        return f"<Look at {self.model!r}>"

    @property
    def update(self) -> Update:
        """The update that was just made; only for instruments that need one."""
        if self._update is None:
            raise ValueError("there is no update to look at")
        return self._update

    @property
    def start(self) -> Array:
        """The parameters (n,) before any learning; ValueError where the run did not begin with those of its seed."""
        if not len(self.first_weights):
            raise ValueError("the weights with which this run began are not known")
        return self.first_weights

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
