"""How weights, gradients and activations of each layer are spread: histograms of a network as it was at one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.look import Look, n_curved
from nn_core.machine.memory import Array
from nn_core.nn.network import from_weights

N_BINS = 256  # of one histogram; a picture of several has fewer
OUTERMOST = 0.002  # of the values, that may lie beyond the ends of a picture
KINDS = ("weights", "gradients", "activations")


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many of some values lie in each of N_BINS equal bins from `low` to `high`, the smallest and the largest."""

    low: float
    high: float
    counts: Array  # int64 (N_BINS,)

    @classmethod
    def of(cls, values: Array) -> Histogram:
        """That of finite values, at least one."""
        low, high = float(values.min()), float(values.max())
        if low == high:
            low, high = low - 1e-12 - abs(low) / 100, high + 1e-12 + abs(high) / 100
        return cls(low, high, np.histogram(values, N_BINS, (low, high))[0])

    @property
    def edges(self) -> Array:
        """float64 (N_BINS + 1,)."""
        return np.linspace(self.low, self.high, N_BINS + 1)

    def shares(self, edges: Array) -> Array:
        """The share of the values in other bins (n_edges - 1,); what lies beyond the ends is left out."""
        below = np.concatenate([[0], np.cumsum(self.counts)]) / self.counts.sum()
        return np.diff(np.interp(edges, self.edges, below))


def common_edges(histograms: Sequence[Histogram], n_bins: int) -> Array:
    """The edges of n_bins equal bins in which all but the outermost values of every histogram lie."""
    lows, highs = [], []
    for each in histograms:
        below = np.cumsum(each.counts) / each.counts.sum()
        lows.append(each.edges[np.searchsorted(below, OUTERMOST)])
        highs.append(each.edges[np.searchsorted(below, 1 - OUTERMOST) + 1])
    return np.linspace(min(lows), max(highs), n_bins + 1)


Spread = Mapping[str, Mapping[str, Histogram]]  # kind -> layer -> histogram; without what is not finite


def spread(config: RunConfig, weights: Mapping[str, Array], data: Dataset, labels: Array) -> Spread:
    """The histograms of a network: its weights, their gradients on `n_curved` images trained on, its activations.

    `labels` are those it learns from. Activations are those of the probed validation images, see `Look.outputs`.
    """
    model, n = from_weights(config, weights), n_curved(config)
    look = Look(model, config, data, np.empty(0))
    with np.errstate(all="ignore"):
        model.loss_and_gradients(model.inputs(data.train_images[:n]), labels[:n])
        found = (look.matrices(model.flat), look.matrices(model.flat_grads.copy()), look.outputs)
    return {
        kind: {layer: Histogram.of(values) for layer, values in of_layers.items() if np.isfinite(values).all()}
        for kind, of_layers in zip(KINDS, found, strict=True)
    }
