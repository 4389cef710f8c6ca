"""From the same weights on the same batches, PyTorch and Keras make the same losses and the same network as ours."""

from __future__ import annotations

import importlib.util
from itertools import islice

import numpy as np
import pytest

from nn_core.config import RunConfig
from nn_core.data import Dataset
from nn_core.frameworks import FRAMEWORKS
from nn_core.frameworks.inputs import batches_of_epoch
from nn_core.training.trainer import Trainer

MLP = RunConfig(hidden=(24,), activation="tanh", n_train=2_000, batch_size=50)
CNN = RunConfig(model="cnn", channels=(4, 6), n_train=2_000, batch_size=50, dense_units=(16,))
CASES = {
    "sgd": MLP.replace(lr=0.1),
    "momentum": MLP.replace(optimizer="momentum", lr=0.02),
    "nesterov": MLP.replace(optimizer="nesterov", lr=0.02),
    "adam": MLP.replace(optimizer="adam", lr=0.001),
    "adamw": MLP.replace(optimizer="adamw", lr=0.001, weight_decay=0.1),
    "rmsprop": MLP.replace(optimizer="rmsprop", lr=0.001, beta2=0.9),
    "l2": MLP.replace(l2=0.01),
    "label smoothing": MLP.replace(label_smoothing=0.1),
    "schedule": MLP.replace(schedule="cosine", epochs=1),
    "batch normalization": MLP.replace(normalization="batch"),
    "layer normalization": MLP.replace(normalization="layer"),
    "cnn": CNN.replace(lr=0.05),
    "cnn with adam": CNN.replace(optimizer="adam", lr=0.001),
    "cnn with batch normalization": CNN.replace(normalization="batch", lr=0.05),
    "cnn of averages": CNN.replace(head="average", pooling="average", padding=2, lr=0.05),
}


LIMITS = {
    ("keras", "rmsprop"): 2e-3,  # Keras adds epsilon inside the root
    **dict.fromkeys((("keras", "adam"), ("keras", "adamw")), 1e-6),  # its corrections in float32 would make it 2e-6
}


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize("case", CASES)
def test_losses_predictions_and_weights_are_ours(name: str, case: str, mnist: Dataset) -> None:
    framework, config, n = FRAMEWORKS[name], CASES[case], 20
    if not framework.is_installed:
        pytest.skip(f"{framework.label} is not installed")
    weights = Trainer.initial_model(config).weights()
    nets = [one.net()(config, mnist, weights, {}) for one in (FRAMEWORKS["glassnet"], framework)]
    ours, theirs = (np.array(net.follow(islice(batches_of_epoch(config, 0), n))) for net in nets)
    assert theirs == pytest.approx(ours, rel=LIMITS.get((name, case), 2e-5))
    after, found = (net.weights() for net in nets)
    assert after.keys() == found.keys()
    images = mnist.test_images[:500]
    assert np.mean(nets[0].predict(images) == nets[1].predict(images)) > 0.99


@pytest.mark.parametrize("name", ["torch", "keras", "sklearn"])
def test_each_learns_in_its_own_way(name: str, mnist: Dataset) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    config = MLP.replace(optimizer="adam", lr=0.003)
    net_class = FRAMEWORKS[name].net()
    for variant in list(net_class.variants(config, 1))[:2]:
        net = net_class(config, mnist, None, {key: value for key, value in variant.items() if key != "compile"})
        for _ in range(3):
            net.train(config.n_train)
        assert np.mean(net.predict(mnist.val_images[:1000]) == mnist.val_labels[:1000]) > 0.75
