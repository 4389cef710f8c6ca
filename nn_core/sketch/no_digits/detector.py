"""The small network that tells digits from what is no digit, beside the one that reads them.

Training with examples of what does not belong carries over to kinds that were not shown: Hendrycks, Mazeika &
Dietterich 2019, "Deep anomaly detection with outlier exposure". See training.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.foreign import parse_json
from nn_core.config.run_config import RunConfig
from nn_core.data.npz import DATA_DIR
from nn_core.machine.memory import Array
from nn_core.nn.network import Network, from_weights

DETECTOR = DATA_DIR / "no_digits.safetensors"
VAL_ODDS = "val_odds"
DIGIT, NO_DIGIT = 0, 1  # of its ten outputs, the two that are used


class Detector:
    """The trained detector: how likely images are to be no digit.

    `val_odds` (5000,) is what it says of MNIST's validation images, if that is known. `about` has what
    `doubt.learn_doubt` says of the network that comes with the project, by the fingerprint of that network's weights.
    """

    def __init__(self, network: Network, val_odds: Array | None = None, about: dict[str, Any] | None = None) -> None:
        self.network, self.val_odds, self.about = network, val_odds, about or {}

    def __repr__(self) -> str:
        return f"<Detector {self.network}>"

    def odds(self, images: Array) -> Array:
        """log p(no digit) / p(digit) of uint8 images (n, 28, 28): float64 (n,)."""
        logits = self.network.logits(images).astype(np.float64)
        return logits[:, NO_DIGIT] - logits[:, DIGIT]


@cache
def load_detector(path: Path = DETECTOR) -> Detector:
    """The detector in the file; needs safetensors beside NumPy."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        about = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    val_odds = weights.pop(VAL_ODDS)
    network = from_weights(RunConfig.from_json(about["config"]), weights)
    return Detector(network, val_odds, parse_json(about["doubt"]))
