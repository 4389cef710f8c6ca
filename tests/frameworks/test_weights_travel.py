"""Weights travel to PyTorch and to Keras by the scripts that are exported: the same predictions there."""

from __future__ import annotations

import io
import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.data import Dataset
from nn_core.export import FORMATS, ExportSource, export
from nn_core.frameworks import FRAMEWORKS
from tests.exporting import trained

NETWORKS: dict[str, dict[str, Any]] = {
    **{name: {"activation": name} for name in choices("activation")},
    "no hidden layer": {"hidden": ()},
    "batch normalization": {"normalization": "batch", "input_scaling": "standard", "dropout": 0.1},
    "layer normalization": {"normalization": "layer"},
    "cnn": {"model": "cnn", "channels": (4, 6), "dense_units": (12,)},
    "cnn, padded": {
        **{"model": "cnn", "channels": (3, 5), "kernel": 3, "padding": 1, "pooling": "average"},
        **{"normalization": "batch", "dense_units": (12, 8)},
    },
    "cnn of averages": {"model": "cnn", "channels": (8, 8), "head": "average", "activation": "silu"},
}
ALL = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
EITHER = pytest.mark.parametrize("name", ["torch", "keras"])


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def unpacked(source: ExportSource, form: str, folder: Path, data: Dataset) -> Path:
    """The folder that the zip of an export holds."""
    with zipfile.ZipFile(io.BytesIO(export(source, form, lambda: data))) as archive:
        archive.extractall(folder)
    (inside,) = folder.iterdir()
    return inside


def loaded(name: str, folder: Path) -> dict[str, Any]:
    """What the script of a folder defines; skips where its framework is not installed."""
    if not FRAMEWORKS[name].is_installed:
        pytest.skip(f"{name} is not installed")
    FRAMEWORKS[name].net()  # chooses the backend of Keras
    return runpy.run_path(str(folder / f"load_{name}.py"))


def probabilities(name: str, script: dict[str, Any], images: np.ndarray) -> np.ndarray:
    if name == "keras":
        return softmax(script["model"].predict(script["inputs"](images), verbose=0))
    torch = sys.modules["torch"]
    with torch.inference_mode():
        return softmax(script["model"](script["inputs"](torch.from_numpy(images.copy()))).numpy())


@EITHER
@ALL
def test_the_exported_script_predicts_as_the_network_does(
    name: str, network: dict[str, Any], tiny: Dataset, tmp_path: Path
) -> None:
    source = trained(tiny, **network)
    script = loaded(name, unpacked(source, name, tmp_path, tiny))
    ours = source.model.predict_proba(tiny.test_images)
    assert np.abs(probabilities(name, script, tiny.test_images) - ours).max() < 1e-5


@EITHER
def test_the_script_of_an_mlp_is_short_and_names_every_layer_in_its_order(
    name: str, tiny: Dataset, tmp_path: Path
) -> None:
    if FORMATS[name].missing:
        pytest.skip(FORMATS[name].missing)
    source = trained(tiny, hidden=(9, 6), normalization="batch")
    lines = (unpacked(source, name, tmp_path, tiny) / f"load_{name}.py").read_text().splitlines()
    of_layers = [line for line in lines if line.startswith("    ")]
    assert len(lines) - lines.count("") - len(of_layers) <= 10
    kinds = [kind for line in of_layers for kind in ("BatchNorm", "Linear", "Dense", "ReLU", '"relu"') if kind in line]
    assert len([kind for kind in kinds if kind in ("Linear", "Dense")]) == 3 and kinds.count("BatchNorm") == 2


def test_the_settings_of_pytorch_are_those_that_are_exported() -> None:
    from nn_core.export.keras_script import ACTIVATIONS as KERAS
    from nn_core.export.torch_script import ACTIVATIONS as TORCH

    assert set(TORCH) == set(KERAS) == set(choices("activation")) and RunConfig().activation in TORCH
