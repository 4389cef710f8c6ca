"""The network for PyTorch: its state_dict in safetensors, by PyTorch's names, and a script that loads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.export.script import packed
from nn_core.export.source import ExportError, ExportSource
from nn_core.export.weights import about
from nn_core.frameworks.plan import Part, rows
from nn_core.frameworks.torch_names import to_torch
from nn_core.machine.memory import Array
from nn_core.nn.normalization import EPSILON

WEIGHTS, SCRIPT = "weights.safetensors", "load_torch.py"
ACTIVATIONS = {
    "relu": "nn.ReLU()",
    "sigmoid": "nn.Sigmoid()",
    "tanh": "nn.Tanh()",
    "leaky_relu": "nn.LeakyReLU(0.01)",
    "elu": "nn.ELU()",
    "gelu": 'nn.GELU(approximate="tanh")',
    "silu": "nn.SiLU()",
    "identity": "nn.Identity()",
}
POOLINGS = {"max": "nn.MaxPool2d", "average": "nn.AvgPool2d"}


def to_torch_zip(source: ExportSource) -> bytes:
    """A zip of the weights and the script."""
    from safetensors.numpy import save

    text = script(source.config)
    return packed(source, {SCRIPT: text.encode(), WEIGHTS: save(state_dict(source), {"format": "pt"} | about(source))})


def state_dict(source: ExportSource) -> dict[str, Array]:
    """All that `load_state_dict` asks for; batch normalization counts its batches, which nothing here uses."""
    state = to_torch(source.weights, source.config)
    counted = [name for name in state if name.endswith(".running_var")]
    return state | {name.replace("running_var", "num_batches_tracked"): np.array(0, np.int64) for name in counted}


def script(config: RunConfig) -> str:
    """The text of load_torch.py; raises ExportError where PyTorch has no equal here."""
    if config.activation not in ACTIVATIONS:
        raise ExportError(f"the activation {config.activation} has no form in PyTorch here")
    factor, offset = choices("input_scaling")[config.input_scaling].target()
    shape = "-1, 1, 28, 28" if config.model == "cnn" else "-1, 784"
    scaled = f"images.reshape({shape}) * {factor!r}" + (f" + {offset!r}" if offset else "")
    lines = [
        '"""from load_torch import model, inputs; model(inputs(images)) are logits (n, 10) of uint8 (n, 28, 28)."""',
        "import pathlib",
        "",
        "from safetensors.torch import load_file",
        "from torch import nn",
        "",
        f"inputs = lambda images: ({scaled}).float()",
        "model = nn.Sequential(",
        *(f"    {', '.join(LAYERS[part.kind](part, config) for part in row)}," for row in rows(config)),
        ")",
        f'model.load_state_dict(load_file(pathlib.Path(__file__).with_name("{WEIGHTS}")))',
        "model.eval()",
    ]
    return "\n".join(lines) + "\n"


def _norm(part: Part, config: RunConfig) -> str:
    kind = "LayerNorm" if config.normalization == "layer" else f"BatchNorm{2 if config.model == 'cnn' else 1}d"
    return f"nn.{kind}({part.n_out}, eps={EPSILON})"


LAYERS: Mapping[str, Callable[[Part, RunConfig], str]] = {
    "conv": lambda part, config: f"nn.Conv2d({part.n_in}, {part.n_out}, {config.kernel}, padding={config.padding})",
    "pool": lambda part, config: f"{POOLINGS[config.pooling]}({config.pool})",
    "norm": _norm,
    "activation": lambda part, config: ACTIVATIONS[config.activation],
    "flatten": lambda part, config: "nn.Flatten()",
    "mean": lambda part, config: "nn.AdaptiveAvgPool2d(1), nn.Flatten()",
    "dropout": lambda part, config: f"nn.Dropout({config.dropout})",
    "dense": lambda part, config: f"nn.Linear({part.n_in}, {part.n_out})",
}
