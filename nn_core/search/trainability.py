"""Where a network is trainable at all: validation accuracy over the gain of its first weights and the learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.search.space import Range, Values
from nn_core.search.spec import SearchSpec
from nn_core.search.watch import SearchView


@dataclass(frozen=True)
class TrainabilityMap:
    """Validation accuracy by gain and learning rate."""

    gains: tuple[float, ...]
    lrs: tuple[float, ...]
    accuracy: Array  # (n_gains, n_lrs), nan where nothing was trained to its end yet
    diverged: Array  # bool (n_gains, n_lrs)

    def __repr__(self) -> str:
        return f"TrainabilityMap({len(self.gains)} gains by {len(self.lrs)} learning rates)"


def map_of(view: SearchView) -> TrainabilityMap | None:
    """The map, where a search goes over listed gains and learning rates; else None."""
    gain, lr = view.spec.vary.get("gain"), view.spec.vary.get("lr")
    if not isinstance(gain, Values) or not isinstance(lr, Values) or view.spec.objectives[0] != "val_accuracy":
        return None
    shape = len(gain.values), len(lr.values)
    accuracy, diverged = np.full(shape, np.nan), np.zeros(shape, bool)
    for row in view.trials:
        if row.superseded or not {"gain", "lr"} <= set(row.params):
            continue
        at = gain.values.index(row.params["gain"]), lr.values.index(row.params["lr"])
        diverged[at] |= row.diverged
        if row.values:  # as it ended: the best moment of a training that dies looks learned
            accuracy[at] = row.reported[max(row.reported)] if row.reported else row.values[0]
    return TrainabilityMap(gain.values, lr.values, accuracy, diverged)


GAINS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
RATES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def trainability_map(base: RunConfig, gains: tuple[float, ...] = GAINS, lrs: tuple[float, ...] = RATES) -> SearchSpec:
    """A grid over the gain of the first weights and the learning rate: where a network of these settings learns."""
    vary: dict[str, Range] = {"gain": Values(gains), "lr": Values(lrs)}
    return SearchSpec(base, vary, sampler="grid", pruner="none", n_trials=len(gains) * len(lrs))
