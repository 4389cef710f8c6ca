"""The way of an image through a network: each part of a block, and how logits become shares."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core.config.run_config import RunConfig
from nn_core.explain import layer_outputs
from nn_core.explain.steps import block_stages, softmax_steps
from nn_core.nn.network import build_model

IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)


def cnn(**settings):
    config = RunConfig(model="cnn", channels=(3, 4), kernel=3, pool=2, **settings)
    return build_model(config, np.random.default_rng(1))


def test_the_parts_of_a_block_are_convolution_pooling_and_activation_and_the_last_is_the_blocks_output():
    model = cnn()
    for block, sides in enumerate([(26, 13, 13), (11, 5, 5)]):
        stages = block_stages(model, IMAGE, block)
        assert [stage.name for stage in stages] == ["convolution", "max pooling", "ReLU"]
        assert [stage.maps.shape[1] for stage in stages] == list(sides)
        np.testing.assert_allclose(stages[-1].maps, layer_outputs(model, IMAGE[None], block)[0], atol=1e-5)


def test_a_place_of_the_convolution_is_the_kernel_times_what_lies_under_it():
    model = cnn()
    W, b = model.weights()["conv1.W"], model.weights()["conv1.b"]
    under = IMAGE[5:8, 9:12] / 255
    np.testing.assert_allclose(
        block_stages(model, IMAGE, 0)[0].maps[2, 5, 9], np.sum(W[2, 0] * under) + b[2], rtol=1e-4
    )


def test_pooling_keeps_the_largest_of_four_and_normalization_is_a_part_of_its_own():
    convolution, pooled, *_ = block_stages(cnn(), IMAGE, 0)
    assert pooled.maps[1, 3, 4] == convolution.maps[1, 6:8, 8:10].max()
    assert [stage.name for stage in block_stages(cnn(normalization="batch"), IMAGE, 0)][2] == "normalization"
    assert block_stages(cnn(pooling="average"), IMAGE, 0)[1].name == "average pooling"


def test_a_fully_connected_network_has_no_such_parts():
    assert block_stages(build_model(RunConfig(), np.random.default_rng(0)), IMAGE, 0) == []


@pytest.mark.parametrize("shift", [0.0, 1000.0, -1000.0])
def test_softmax_is_worked_out_as_by_hand_also_for_logits_that_have_no_exponential(shift):
    steps = softmax_steps(np.array([0.0, np.log(2), np.log(5)]) + shift)
    np.testing.assert_allclose(steps.powers, [0.2, 0.4, 1.0])
    assert steps.total == pytest.approx(1.6)
    np.testing.assert_allclose(steps.shares, [0.125, 0.25, 0.625])
    assert steps.below.max() == 0
