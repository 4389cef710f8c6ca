"""The choice of a training step: a kernel where one serves, the layers of the book otherwise, for any model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.config.choices import CHOICES, register
from nn_core.data import Dataset
from nn_core.kernels.choose import ReferenceStep
from nn_core.kernels.mlp import MLPKernel
from nn_core.kernels.protocol import KERNELS, register_kernel
from nn_core.nn.flat import Shapes
from nn_core.nn.layers import Dense, Layer
from nn_core.nn.network import FAST_LOGITS, Network


class OneLayer(Network):
    """784-10, written here."""

    image_shape = (784,)

    @staticmethod
    def check(config: RunConfig) -> None:
        """Any settings will do."""

    @staticmethod
    def shapes(config: RunConfig) -> Shapes:
        return {"dense1.W": (784, 10), "dense1.b": (10,)}

    @staticmethod
    def outline(config: RunConfig) -> str:
        return "784-10"

    def build(self, dropout_rng: np.random.Generator | None) -> list[Layer]:
        return [self.part("dense1", Dense)]


@pytest.fixture
def one_layer() -> Iterator[RunConfig]:
    """A model that has no kernel, for the time of a test."""
    register("model", "one_layer", label="One layer", help="", formula="", citation="")(OneLayer)
    yield RunConfig(model="one_layer", n_train=500, batch_size=50)
    del CHOICES["model"]["one_layer"]
    KERNELS.pop(OneLayer, None)
    FAST_LOGITS.pop(OneLayer, None)


def test_a_model_without_a_kernel_trains_and_resumes(one_layer: RunConfig, tiny: Dataset):
    trainer = Trainer(one_layer, tiny)
    assert isinstance(trainer._kernel, ReferenceStep)
    trainer.train_epochs(2)
    again = Trainer.resume(trainer.checkpoint(), tiny)
    for each in (trainer, again):
        each.train_epochs(1)
    assert np.array_equal(trainer.model.flat, again.model.flat)
    assert trainer.score().val_accuracy > 0.6


def test_it_learns_what_the_same_layers_learn_by_their_kernel(one_layer: RunConfig, tiny: Dataset):
    found = []
    for config in (one_layer, one_layer.replace(model="mlp", hidden=())):
        trainer = Trainer(config, tiny)
        trainer.train_epochs(1)
        found.append(trainer.model.weights())
    assert all(np.allclose(found[0][name], found[1][name], atol=1e-5) for name in found[0])


def test_a_kernel_is_taken_under_the_choices_that_it_serves_and_no_others(one_layer: RunConfig, tiny: Dataset):
    @register_kernel(OneLayer, serves={"loss": {"cross_entropy"}}, logits=lambda model, images: np.ones((1, 10)))
    class Quick(ReferenceStep):
        pass

    trainer = Trainer(one_layer, tiny)
    assert isinstance(trainer._kernel, Quick)
    assert np.array_equal(trainer.model.logits(tiny.val_images[:1]), np.ones((1, 10)))
    assert type(Trainer(one_layer.replace(loss="mse"), tiny)._kernel) is ReferenceStep


@pytest.mark.parametrize(
    ("settings", "kernel"),
    [
        ({}, MLPKernel),
        ({"loss": "mse"}, ReferenceStep),
        ({"loss": "linear_mse"}, ReferenceStep),
        ({"normalization": "layer"}, ReferenceStep),
    ],
    ids=["default", "loss", "linear outputs", "normalization"],
)
def test_settings_decide_which_step_a_fully_connected_network_takes(
    settings: dict[str, str], kernel: type, tiny: Dataset
):
    assert isinstance(Trainer(RunConfig.from_dict(settings), tiny)._kernel, kernel)
