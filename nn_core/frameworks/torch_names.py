"""Weights by PyTorch's names and in its orientation, both ways; PyTorch itself is not needed.

The names are those of the nn.Sequential that torch_net.py builds: its layers are numbered from 0, those without weights
too. A Linear's weight is (n_out, n_in), ours (n_in, n_out); convolutions are alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.frameworks.plan import plan
from nn_core.machine.memory import Array

OF_NORM = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}


def _pairs(config: RunConfig) -> Iterator[tuple[str, str, bool]]:
    """Our name, PyTorch's, and whether the matrix is turned."""
    at = 0
    for part in plan(config):
        if part.kind in ("dense", "conv"):
            yield f"{part.name}.W", f"{at}.weight", part.kind == "dense"
            yield f"{part.name}.b", f"{at}.bias", False
        elif part.kind == "norm":
            for ours, theirs in OF_NORM.items():
                if config.normalization == "batch" or ours in ("gamma", "beta"):
                    yield f"{part.name}.{ours}", f"{at}.{theirs}", False
        at += 2 if part.kind == "mean" else 1  # an average over each map, then a flattening


def to_torch(weights: Mapping[str, Array], config: RunConfig) -> dict[str, Array]:
    """A state_dict as arrays: what `load_state_dict` takes, but for batch normalization's own count of batches."""
    return {
        theirs: np.ascontiguousarray(weights[ours].T if turned else weights[ours])
        for ours, theirs, turned in _pairs(config)
    }


def from_torch(state: Mapping[str, Array], config: RunConfig) -> dict[str, Array]:
    """The inverse, float32."""
    return {
        ours: np.ascontiguousarray(state[theirs].T if turned else state[theirs], np.float32)
        for ours, theirs, turned in _pairs(config)
    }
