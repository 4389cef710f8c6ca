"""The network that comes with the project and reads sketches before anything is trained."""

from __future__ import annotations

from pathlib import Path

from nn_core.config.run_config import RunConfig
from nn_core.data.npz import DATA_DIR
from nn_core.machine.packages import need
from nn_core.nn.network import Network, from_weights

SHIPPED = DATA_DIR / "shipped.safetensors"


def load_shipped(path: Path = SHIPPED) -> Network:
    """The network in the file, with buffers of its own: `predict_proba` takes uint8 (n, 28, 28) in MNIST's form.

    Raises PackageMissing without safetensors, which it needs beside NumPy.
    """
    with need("safetensors", "Weights in files").safe_open(path, framework="numpy") as file:
        config = RunConfig.from_json(file.metadata()["config"])
        return from_weights(config, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
