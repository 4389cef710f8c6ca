"""The gradient noise scale: from which batch size on more images a step are waste (McCandlish et al. 2018)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nn_core.machine.memory import Array
from nn_core.nn.network import Network


@dataclass(frozen=True)
class Noise:
    """Two averages: `signal` of |G|^2, the squared length of the true gradient, `noise` of tr(Sigma), of one image's.

    Each comes from single measurements that may be below 0, so they are smoothed apart and divided last; `weight` is
    the share of the averages that is from measurements (Kingma & Ba 2015 correct Adam's means so).
    """

    signal: float = 0.0
    noise: float = 0.0
    weight: float = 0.0

    def and_then(self, signal: float, noise: float, keep: float = 0.9) -> Noise:
        """With one more measurement, of which 1 - keep counts."""
        return Noise(
            keep * self.signal + (1 - keep) * signal,
            keep * self.noise + (1 - keep) * noise,
            keep * self.weight + (1 - keep),
        )

    @property
    def scale(self) -> float:
        """tr(Sigma) / |G|^2, in images; nan where nothing was measured, or no gradient stands out of the noise."""
        return max(0.0, self.noise) / self.signal if self.weight and self.signal > 0 else math.nan


def from_two_batches(small: float, n_small: int, large: float, n_large: int) -> tuple[float, float]:
    """(estimate of |G|^2, estimate of tr(Sigma)) from the mean squared lengths of gradients of two batch sizes.

    |G_B|^2 is |G|^2 + tr(Sigma) / B on average; these are the two equations solved (McCandlish et al. 2018, appendix
    A.1), without bias, and thus now and then below 0. Raises ValueError where the sizes are not n_small < n_large.
    """
    if not 0 < n_small < n_large:
        raise ValueError(f"the noise scale needs two batch sizes, the smaller first, got {n_small} and {n_large}")
    signal = (n_large * large - n_small * small) / (n_large - n_small)
    noise = (small - large) / (1 / n_small - 1 / n_large)
    return signal, noise


def from_parts(gradients: Array, n_each: int) -> tuple[float, float]:
    """The same from gradients (n_parts, n) of equal parts of a batch, `n_each` images each; their mean is the large."""
    wide = gradients.astype(np.float64)
    mean = wide.mean(axis=0)
    small = float(np.einsum("ij,ij->", wide, wide)) / len(wide)
    return from_two_batches(small, n_each, float(np.dot(mean, mean)), n_each * len(wide))


def measure_noise(network: Network, x: Array, labels: Array, n_parts: int = 8) -> tuple[float, float]:
    """The same for a network and a batch x (m, *image_shape), penalties included; m should be a multiple of n_parts.

    The network is used as a workspace, its running statistics stay. Batch normalization sees each part by itself.
    """
    n_each, running = len(x) // n_parts, network.running.copy()
    gradients = np.empty((n_parts, network.n_params), network.flat.dtype)
    for part in range(n_parts):
        rows = slice(part * n_each, (part + 1) * n_each)
        network.loss_and_gradients(x[rows], labels[rows])
        gradients[part] = network.flat_grads
    network.running[...] = running
    return from_parts(gradients, n_each)
