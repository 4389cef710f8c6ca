"""How far a network's answer may be trusted: calibrated probabilities, and whether an image is like any it has seen.

What images are measured by is added up, each measure in the unit of `Usual`. Of networks that read MNIST: the odds of
the detector of no_digits/detector.py, and the network's own energy. Of others: their energy, and the distance to the
nearest training images in their last hidden layer. `python -m benchmarks.no_digits` compares them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn_core.data import Dataset, load_dataset
from nn_core.evaluation.calibration import fit_temperature, tempered
from nn_core.machine.memory import Array
from nn_core.nn.network import Network
from nn_core.sketch.no_digits.detector import Detector, load_detector
from nn_core.sketch.strangeness import Neighbours, Usual, energy

REFUSED = 0.01  # the share of the validation images that is to be refused
MNIST = "mnist"
MOST_KEPT = 8  # networks
ENERGY, DETECTOR, NEIGHBOURS = "energy", "detector", "neighbours"
WEIGHTS = {ENERGY: 1.0, DETECTOR: 1.5, NEIGHBOURS: 1.0}

Measure = Callable[[Array, Array], Array]  # images uint8 (n, 28, 28) and their logits to (n,), the higher the stranger


@dataclass(frozen=True, eq=False)
class Doubt:
    """What has been found out about one network: its temperature, and from which strangeness on it refuses."""

    temperature: float
    measures: Mapping[str, Measure]
    usual: Mapping[str, Usual]
    limit: float  # stranger images are refused; 99 % of the validation images are not

    def __repr__(self) -> str:
        return f"<Doubt: temperature {self.temperature:.2f}, {' and '.join(self.measures)} up to {self.limit:.2f}>"

    def probabilities(self, logits: Array) -> Array:
        """Calibrated: softmax(logits / T), float64 (n, n_classes)."""
        return tempered(logits, self.temperature)

    def strangeness(self, images: Array, logits: Array) -> Array:
        """The weighted sum of the measures in their common unit, (n,); infinite for an image without ink."""
        found = np.zeros(len(images))
        for name, usual in self.usual.items():
            found += WEIGHTS[name] * usual(self.measures[name](images, logits))
        return np.where(images.any(axis=(1, 2)), np.nan_to_num(found), np.inf)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` makes it of again, for a network of MNIST."""
        usual = {name: [one.middle, one.reach] for name, one in self.usual.items()}
        return {"temperature": self.temperature, "usual": usual, "limit": self.limit}

    @classmethod
    def from_json(cls, about: Mapping[str, Any]) -> Doubt:
        """The inverse of `to_json`."""
        usual = {name: Usual(*numbers) for name, numbers in about["usual"].items()}
        temperature = float(about["temperature"])
        return cls(temperature, _with_detector(temperature, load_detector()), usual, float(about["limit"]))


def _own(temperature: float) -> dict[str, Measure]:
    return {ENERGY: lambda _images, logits: energy(logits, temperature)}


def _with_detector(temperature: float, detector: Detector) -> dict[str, Measure]:
    return _own(temperature) | {DETECTOR: lambda images, _logits: detector.odds(images)}


def _with_neighbours(temperature: float, near: Neighbours) -> dict[str, Measure]:
    return _own(temperature) | {NEIGHBOURS: lambda images, _logits: near.distances(images)}


def learn_doubt(model: Network, data: Dataset, detector: Detector | None = None) -> Doubt:
    """What the validation images say about a network: temperature (Guo et al. 2017), what is usual, and the limit.

    `detector` serves networks that read MNIST; without it, the one that comes with the project does.
    """
    images = data.val_images
    logits = model.logits(images)
    temperature = fit_temperature(logits, data.val_labels)
    known: dict[str, Array] = {}
    if data.name == MNIST:
        detector = detector or load_detector()
        measures = _with_detector(temperature, detector)
        if detector.val_odds is not None and len(detector.val_odds) == len(images):
            known[DETECTOR] = detector.val_odds
    else:
        measures = _with_neighbours(temperature, Neighbours(model, data.train_images[: model.config.n_train]))
    found = {name: known[name] if name in known else of(images, logits) for name, of in measures.items()}
    found = {name: np.nan_to_num(values) for name, values in found.items()}
    usual = {name: Usual.of(values, REFUSED) for name, values in found.items()}
    together = np.sum([WEIGHTS[name] * usual[name](values) for name, values in found.items()], axis=0)
    return Doubt(temperature, measures, usual, float(np.quantile(together, 1 - REFUSED)))


_learned: OrderedDict[str, Doubt] = OrderedDict()  # by the fingerprint of the network, the one used last at the end
_learning = threading.Lock()


def doubt_of(model: Network, data: Dataset | None = None) -> Doubt:
    """The same, kept for the networks that were asked about last. Raises DataError.

    `data` is what the network has learned from; without it, it is loaded by its name. For the network that comes with
    the project it is read from the detector's file.
    """
    version = fingerprint(model)
    found = _learned.get(version)
    if found is None:
        about = load_detector().about.get(version) if model.config.dataset == MNIST else None
        found = Doubt.from_json(about) if about else learn_doubt(model, data or load_dataset(model.config.dataset))
    with _learning:
        _learned[version] = found
        _learned.move_to_end(version)
        while len(_learned) > MOST_KEPT:
            _learned.popitem(last=False)
    return found


def is_learned(model: Network) -> bool:
    """Whether `doubt_of` has its answer at hand."""
    return fingerprint(model) in _learned


def fingerprint(model: Network) -> str:
    """The same for the same settings and weights, hexadecimal."""
    import hashlib

    weights = model.flat.tobytes() + model.running.tobytes()
    return hashlib.blake2b(weights, key=model.config.key().encode(), digest_size=16).hexdigest()
