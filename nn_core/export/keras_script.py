"""The network for Keras 3: its weights in HDF5, as `save_weights` lays them out, and a script that loads them.

HDF5 needs the package h5py; Keras itself is not needed.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.export.script import packed
from nn_core.export.source import ExportError, ExportSource
from nn_core.export.weights import about
from nn_core.frameworks.keras_names import to_keras
from nn_core.frameworks.plan import Part, plan, rows
from nn_core.nn.normalization import EPSILON, RUNNING

WEIGHTS, SCRIPT = "network.weights.h5", "load_keras.py"
ACTIVATIONS = {
    "relu": 'layers.Activation("relu")',
    "sigmoid": 'layers.Activation("sigmoid")',
    "tanh": 'layers.Activation("tanh")',
    "leaky_relu": "layers.LeakyReLU(negative_slope=0.01)",
    "elu": 'layers.Activation("elu")',
    "gelu": "layers.Activation(keras.ops.gelu)",  # with tanh, as here
    "silu": 'layers.Activation("silu")',
    "identity": 'layers.Activation("linear")',
}
POOLINGS = {"max": "layers.MaxPooling2D", "average": "layers.AveragePooling2D"}
OF_NORM = {"batch": "batch_normalization", "layer": "layer_normalization"}


def to_keras_zip(source: ExportSource) -> bytes:
    """A zip of the weights and the script."""
    return packed(source, {SCRIPT: script(source.config).encode(), WEIGHTS: weights_h5(source)})


def weights_h5(source: ExportSource) -> bytes:
    """The HDF5 file: layers/dense/vars/0 and so on, each kind of layer counted by itself."""
    import h5py

    config, arrays = source.config, iter(to_keras(source.weights, source.config))
    called = {"dense": "dense", "conv": "conv2d", "norm": OF_NORM.get(config.normalization, "")}
    n_arrays = {"dense": 2, "conv": 2, "norm": 4 if config.normalization == "batch" else 2}
    seen: Counter[str] = Counter()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for key, value in about(source).items():
            file.attrs[key] = np.bytes_(value.encode())  # of fixed length, which is read safely
        file.create_group("vars")
        for part in plan(config):
            if not part.name:
                continue
            name, at = called[part.kind], seen[part.kind]
            seen[part.kind] += 1
            for number in range(n_arrays[part.kind]):
                file[f"layers/{name}{f'_{at}' if at else ''}/vars/{number}"] = next(arrays)
    return buffer.getvalue()


def script(config: RunConfig) -> str:
    """The text of load_keras.py; raises ExportError where Keras has no equal here."""
    if config.activation not in ACTIVATIONS:
        raise ExportError(f"the activation {config.activation} has no form in Keras here")
    factor, offset = choices("input_scaling")[config.input_scaling].target()
    shape = (28, 28, 1) if config.model == "cnn" else (784,)
    scaled = f"images.reshape({', '.join(map(str, (-1, *shape)))}) * {factor!r}" + (f" + {offset!r}" if offset else "")
    lines = [
        '"""from load_keras import model, inputs; model(inputs(images)) are logits (n, 10) of uint8 (n, 28, 28)."""',
        "import pathlib",
        "",
        "import keras",
        "from keras import layers",
        "",
        f'inputs = lambda images: ({scaled}).astype("float32")',
        "model = keras.Sequential([",
        f"    keras.Input({shape}),",
        *(f"    {', '.join(LAYERS[part.kind](part, config) for part in row)}," for row in rows(config)),
        "])",
        f'model.load_weights(pathlib.Path(__file__).with_name("{WEIGHTS}"))',
    ]
    return "\n".join(lines) + "\n"


def _conv(part: Part, config: RunConfig) -> str:
    padded = f"layers.ZeroPadding2D({config.padding}), " if config.padding else ""
    return f"{padded}layers.Conv2D({part.n_out}, {config.kernel})"


def _norm(part: Part, config: RunConfig) -> str:
    if config.normalization == "batch":
        return f"layers.BatchNormalization(momentum={1 - RUNNING}, epsilon={EPSILON})"
    return f"layers.LayerNormalization(epsilon={EPSILON})"


LAYERS: Mapping[str, Callable[[Part, RunConfig], str]] = {
    "conv": _conv,
    "pool": lambda part, config: f"{POOLINGS[config.pooling]}({config.pool})",
    "norm": _norm,
    "activation": lambda part, config: ACTIVATIONS[config.activation],
    "flatten": lambda part, config: "layers.Flatten()",
    "mean": lambda part, config: "layers.GlobalAveragePooling2D()",
    "dropout": lambda part, config: f"layers.Dropout({config.dropout})",
    "dense": lambda part, config: f"layers.Dense({part.n_out})",
}
