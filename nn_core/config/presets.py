"""Named configurations: one click in the sidebar, `--preset` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nn_core.config.run_config import RunConfig


@dataclass(frozen=True, repr=False)
class Preset:
    """A named configuration: one click in the sidebar, `--preset` on the command line.

    Presets of one `row` stand beside each other there.
    """

    name: str
    label: str
    help: str
    values: Mapping[str, Any]
    row: str = "mlp"

    def __repr__(self) -> str:
        return f"<Preset {self.name}: {self.label}>"

    @property
    def config(self) -> RunConfig:
        """The preset as a full configuration."""
        return RunConfig(**self.values)


CNN: dict[str, Any] = {  # what the two convolutional ones share
    "model": "cnn",
    "normalization": "batch",
    "optimizer": "adam",
    "beta2": 0.99,
    "schedule": "linear",
    "warmup": 0.2,
    "input_scaling": "standard",
}

EDGE: dict[str, Any] = {  # gradient descent as in Cohen et al. 2021: all images in every step, outputs without softmax
    "n_train": 1_000,
    "batch_size": 0,
    "activation": "tanh",
    "init": "lecun",
    "loss": "linear_mse",
}

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            "Quick",
            "784-32-10 in mini-batches: 95 % of the validation images within seconds.",
            {"lr": 0.2, "epochs": 20},
        ),
        Preset(
            "classic",
            "Classic",
            "The textbook: 784-10-10, full-batch gradient descent, 700 steps, known for 85 % of training, "
            "84 % of validation images.",
            {
                "hidden": (10,),
                "batch_size": 0,
                "lr": 0.1,
                "init": "uniform",
                "init_scale": 0.5,
                "epochs": 700,
            },
        ),
        Preset(
            "98-in-seconds",
            "98 %",
            "784-256-10 with Adam, a schedule and label smoothing: 98 % of the test images in three passes.",
            {
                "hidden": (256,),
                "batch_size": 192,
                "optimizer": "adam",
                "lr": 0.006,
                "beta2": 0.99,
                "schedule": "linear",
                "warmup": 0.2,
                "label_smoothing": 0.1,
                "epochs": 3,
                "input_scaling": "standard",
            },
        ),
        Preset(
            "best-mlp",
            "Best",
            "784-800-10 on distorted images, 40 passes with Adam: 99 % of the test images in some minutes.",
            {
                "hidden": (800,),
                "batch_size": 128,
                "optimizer": "adam",
                "lr": 0.001,
                "beta2": 0.99,
                "schedule": "linear",
                "label_smoothing": 0.1,
                "epochs": 40,
                "input_scaling": "standard",
                "elastic": 34.0,
                "rotation": 10.0,
                "shift": 1.0,
                "scale": 0.1,
            },
        ),
        Preset(
            "cnn-fast",
            "CNN 99 %",
            "Two blocks of 8 and 16 filters with batch normalization: 99 % of the test images in four passes.",
            {
                **CNN,
                "channels": (8, 16),
                "lr": 0.01,
                "epochs": 4,
            },
            row="cnn",
        ),
        Preset(
            "cnn-best",
            "CNN best",
            "24 and 48 filters on distorted images, 20 passes: 99.5 % of the test images in some minutes.",
            {
                **CNN,
                "channels": (24, 48),
                "lr": 0.006,
                "epochs": 20,
                "rotation": 12.0,
                "shear": 0.2,
                "scale": 0.1,
                "shift": 0.5,
                "elastic": 20.0,
                "elastic_sigma": 5.0,
                "thickness": 0.5,
            },
            row="cnn",
        ),
        Preset(
            "edge",
            "Edge",
            "784-32-10, each step on all 1,000 images: the sharpness climbs to 2 / lr, where steps begin to swing, and "
            "stays there. Half a minute.",
            {**EDGE, "lr": 0.07, "epochs": 3_000},
            row="edge",
        ),
        Preset(
            "edge-momentum",
            "Edge, momentum",
            "784-64-64-10 with momentum 0.9, each step on all 1,000 images: the sharpness goes up to 38, which is "
            "2 (1 + 0.9) / lr, and stays there. Half a minute.",
            {**EDGE, "hidden": (64, 64), "optimizer": "momentum", "lr": 0.1, "gain": 0.5, "epochs": 1_500},
            row="edge",
        ),
    )
}
