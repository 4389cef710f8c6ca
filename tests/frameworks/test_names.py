"""Weights go to another framework's names and orientation and come back as they were; no framework is needed."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core.config import RunConfig
from nn_core.frameworks.keras_names import from_keras, to_keras
from nn_core.frameworks.plan import plan
from nn_core.frameworks.torch_names import from_torch, to_torch
from nn_core.nn.network import shapes_of

NETWORKS = {
    "no hidden layer": RunConfig(hidden=()),
    "two hidden layers": RunConfig(hidden=(7, 5), dropout=0.2),
    "batch normalization": RunConfig(hidden=(7, 5), normalization="batch"),
    "layer normalization": RunConfig(hidden=(7,), normalization="layer"),
    "cnn": RunConfig(model="cnn", channels=(3, 4), dense_units=(6,)),
    "cnn of averages": RunConfig(model="cnn", channels=(3, 4), head="average", normalization="batch"),
    "cnn, padded": RunConfig(model="cnn", channels=(2,), padding=2, pooling="average", dropout=0.1),
}
ALL = pytest.mark.parametrize("config", NETWORKS.values(), ids=NETWORKS)


def drawn(config: RunConfig) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes_of(config).items()}


@ALL
def test_every_weight_goes_to_the_names_of_pytorch_and_comes_back(config: RunConfig) -> None:
    weights = drawn(config)
    back = from_torch(to_torch(weights, config), config)
    assert back.keys() == weights.keys()
    assert all(np.array_equal(back[name], weights[name]) for name in weights)


@ALL
def test_every_weight_goes_to_the_order_of_keras_and_comes_back(config: RunConfig) -> None:
    weights = drawn(config)
    back = from_keras(to_keras(weights, config), config)
    assert back.keys() == weights.keys()
    assert all(np.array_equal(back[name], weights[name]) for name in weights)


@ALL
def test_the_plan_names_every_layer_that_has_weights_once(config: RunConfig) -> None:
    named = [part.name for part in plan(config) if part.name]
    assert sorted(named) == sorted({name.partition(".")[0] for name in shapes_of(config)})


def test_a_dense_layer_of_pytorch_is_turned_and_its_numbers_count_layers_without_weights() -> None:
    config = RunConfig(hidden=(7,), dropout=0.5)
    state = to_torch(drawn(config), config)
    assert {name: array.shape for name, array in state.items()} == {
        "0.weight": (7, 784),
        "0.bias": (7,),
        "3.weight": (10, 7),
        "3.bias": (10,),
    }
