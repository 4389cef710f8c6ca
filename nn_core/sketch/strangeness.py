"""How strange images are to a network: measures that do not trust its softmax, and what is usual for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.explain import hidden_layers, layer_outputs
from nn_core.machine.memory import Array
from nn_core.nn.network import Network

NEAREST = 20  # Sun et al. take the 50th to 1,000th of 50,000 to a million images
MOST_IMAGES = 12_000  # training images that an image is held against
MOST_NUMBERS = 4_000_000  # kept of them
PART = 500  # images that are held against them at once


def energy(logits: Array, temperature: float) -> Array:
    """-T log sum exp(z / T) of logits (n, n_classes): float64 (n,), the higher the stranger.

    Liu, Wang, Owens & Li 2020, "Energy-based out-of-distribution detection", eq. 4.
    """
    z = np.asarray(logits, dtype=np.float64) / temperature
    highest = z.max(axis=1)
    with np.errstate(invalid="ignore"):
        found: Array = -temperature * (highest + np.log(np.exp(z - highest[:, None]).sum(axis=1)))
    return found


class Neighbours:
    """Training images as the last hidden layer sees them, to find out how near the nearest ones are.

    Sun, Ming, Zhu & Li 2022, "Out-of-distribution detection with deep nearest neighbors": features of length 1, and the
    distance to the k-th nearest of them; here one minus the cosine, which sorts alike.
    """

    def __init__(self, model: Network, images: Array) -> None:
        self.model = model
        self._layer = max(len(hidden_layers(model.config)) - 1, 0)
        size = self._directions(images[:1]).shape[1]
        images = images[: min(MOST_IMAGES, MOST_NUMBERS // size)]
        parts = [self._directions(images[start : start + PART]) for start in range(0, len(images), PART)]
        self.known = np.concatenate(parts)  # (n_known, n_units)

    def __repr__(self) -> str:
        return f"<Neighbours among {len(self.known):,} images in {self.known.shape[1]} units>"

    def distances(self, images: Array) -> Array:
        """One minus the cosine to the 20th nearest known image, float64 (n,): the higher the stranger."""
        k = min(NEAREST, len(self.known))
        parts = [np.empty(0)]
        for start in range(0, len(images), PART):
            cosines = self._directions(images[start : start + PART]) @ self.known.T
            parts.append(1 - np.partition(cosines, -k, axis=1)[:, -k].astype(np.float64))
        return np.concatenate(parts)

    def _directions(self, images: Array) -> Array:
        outputs = layer_outputs(self.model, images, self._layer).reshape(len(images), -1)
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.linalg.norm(outputs, axis=1, keepdims=True)
            directions: Array = np.nan_to_num(outputs / np.maximum(lengths, np.float32(1e-9)))
        return directions


@dataclass(frozen=True)
class Usual:
    """What a measure says of validation images: the middle one, and how much more the highest hundredth begins at."""

    middle: float
    reach: float

    @classmethod
    def of(cls, values: Array, refused: float) -> Usual:
        """From the measure of the validation images (n,), of which so large a share is to be refused."""
        middle, high = np.quantile(values, [0.5, 1 - refused])
        return cls(float(middle), max(float(high - middle), 1e-9))

    def __call__(self, values: Array) -> Array:
        """The same measure (n,) in a unit that all measures share: 0 is the middle, 1 where the hundredth begins."""
        return (values - self.middle) / self.reach
