"""Weights of other frameworks that strangers made: each becomes a run that works, or is refused in a sentence."""

from __future__ import annotations

import io
import json
import random
import tempfile
import zipfile
from functools import partial
from pathlib import Path

from nn_core import load_mnist
from nn_core.export import export, from_store
from nn_core.export.foreign.keras_config import LAYERS

from .attack_imports import fuzzed
from .figures import Figure
from .forging import RUN_ID, a_run, bytes_spoilt, value_spoilt, weights_spoilt, zipped

DENSE = {"units": 3, "activation": "relu"}
NORM = {"epsilon": 0.001, "axis": -1}
POOL = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}


def attack(full: bool) -> list[Figure]:
    data = load_mnist()
    with tempfile.TemporaryDirectory() as folder:
        source = from_store(a_run(Path(folder) / "original", data), RUN_ID)
        files: dict[str, bytes] = {}
        for form in ("torch", "keras"):
            with zipfile.ZipFile(io.BytesIO(export(source, form, lambda: data))) as archive:
                files |= {Path(name).name: archive.read(name) for name in archive.namelist()}
        forge = partial(forged, files["weights.safetensors"], files["network.weights.h5"])
        what = "fuzzed weights of PyTorch and Keras"
        return fuzzed(Path(folder), forge, data, 10_000 if full else 60, what)


def forged(safetensors: bytes, hdf5: bytes, rng: random.Random) -> tuple[bytes, str]:
    """One of three kinds of files, spoilt, and its name."""
    kind = rng.randrange(3)
    if kind == 0:
        spoil = weights_spoilt if rng.random() < 0.6 else bytes_spoilt
        return spoil(safetensors, rng), "a.safetensors"
    damaged = bytes_spoilt(hdf5, rng) if kind == 1 or rng.random() < 0.2 else hdf5
    if kind == 1:
        return damaged, "a.weights.h5"
    layers = [
        *({"class_name": "Dense", "config": {**DENSE, "activation": "linear"}},),
        *({"class_name": "BatchNormalization", "config": NORM}, {"class_name": "ReLU", "config": {}}),
        {"class_name": "Dense", "config": {**DENSE, "activation": "softmax"}},
    ]
    if rng.random() < 0.3:
        layers.insert(rng.randrange(5), {"class_name": rng.choice(list(LAYERS)), "config": {**DENSE, **NORM, **POOL}})
    config = value_spoilt({"class_name": "Sequential", "config": {"layers": layers}}, rng)
    text = json.dumps(config).encode()
    text = bytes_spoilt(text, rng) if rng.random() < 0.1 else text
    return zipped({"config.json": text, "metadata.json": b"{}", "model.weights.h5": damaged}), "a.keras"
