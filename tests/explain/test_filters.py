"""The first layer as pictures, whichever kind of layer it is."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.explain.filters import first_biases, first_filters, hidden_sizes, pictures
from nn_core.explain.maps import strongest
from nn_core.explain.units import class_votes, first_shifts, outgoing_weights
from nn_core.nn.network import build_model, count_params, outline, shapes_of

NETWORKS = {
    "mlp": RunConfig(hidden=(7, 5)),
    "linear": RunConfig(hidden=()),
    "cnn": RunConfig(model="cnn", channels=(4, 6), dense_units=(9,), normalization="batch"),
    "average": RunConfig(model="cnn", channels=(3,), head="average", kernel=3),
}


def network(name: str):
    return build_model(NETWORKS[name], np.random.default_rng(0))


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_and_counts_told_beforehand_are_those_of_the_network(name: str):
    model = network(name)
    assert shapes_of(NETWORKS[name]) == {key: values.shape for key, values in model.weights().items()}
    assert count_params(NETWORKS[name]) == model.n_params


def test_a_network_is_outlined_in_a_few_characters():
    assert outline(NETWORKS["mlp"]) == "784-7-5-10"
    assert outline(NETWORKS["cnn"]) == "conv 4-6, 5x5, dense 9-10"


@pytest.mark.parametrize(("name", "sizes"), [("mlp", [7, 5]), ("linear", []), ("cnn", [4, 6, 9]), ("average", [3])])
def test_hidden_sizes_are_units_and_channels_in_their_order(name: str, sizes: list[int]):
    weights = network(name).weights()
    assert hidden_sizes(weights) == sizes
    n = (sizes or [10])[0]
    assert first_filters(weights).shape[1] == n and first_biases(weights).shape == (n,)


def test_a_column_of_the_first_filters_is_a_channels_kernel_row_by_row():
    weights = network("cnn").weights()
    assert np.array_equal(first_filters(weights)[:, 2].reshape(5, 5), weights["conv1.W"][2, 0])


def test_a_kernel_is_enlarged_in_whole_blocks_amid_zeros_and_an_image_left_as_it_is():
    kernel = np.arange(1.0, 10.0)[:, None]
    (picture,) = pictures(kernel)
    assert picture.shape == (28, 28)
    values, counts = np.unique(picture, return_counts=True)
    assert values.tolist() == list(range(10)) and counts.tolist() == [28 * 28 - 9 * 81, *[81] * 9]
    image = np.random.default_rng(0).random((784, 2))
    assert np.array_equal(pictures(image)[1].ravel(), image[:, 1])


@pytest.mark.parametrize("head", ["flatten", "average"])
def test_a_channels_votes_are_what_it_adds_to_the_logits_when_it_is_equally_strong_everywhere(head: str):
    """Behind a first layer that is a constant, a linear network without rims answers with the votes."""
    config = RunConfig(
        model="cnn", channels=(3, 4), kernel=1, pool=1, pooling="average", activation="identity", head=head
    )
    model = build_model(config, np.random.default_rng(0), dtype=np.float64)
    for unit in range(3):
        model.parts["conv1"].params["W"][...] = 0
        model.parts["conv1"].params["b"][...] = np.eye(3)[unit]
        answer = model.forward(np.zeros((1, 1, 28, 28)))[0]
        assert np.allclose(class_votes(model.weights())[unit], answer)
    outgoing = outgoing_weights(model.weights())
    assert outgoing is not None and outgoing.shape == (3, 4)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_votes_and_shifts_hold_what_batch_normalization_does(model: str):
    """A linear network at work outside of training: its sums are its votes and shifts, whatever was normalized."""
    rng = np.random.default_rng(0)
    sizes = {"hidden": (3, 4)} if model == "mlp" else {"channels": (3, 4), "kernel": 1, "pool": 1, "head": "average"}
    config = RunConfig(model=model, activation="identity", normalization="batch", **sizes)
    network = build_model(config, rng, dtype=np.float64)
    for values in (network.flat[network.n_weights :], network.running):
        values[...] = rng.uniform(0.5, 2.0, len(values))
    network.parts["norm1"].params["gamma"][1] *= -1
    votes, shifts = class_votes(network.weights()), first_shifts(network.weights())
    blank = np.zeros((1, *network.image_shape))
    x = blank
    for layer in network.layers[:2] if model == "mlp" else network.layers[:3]:
        x = layer.forward(x)
    assert np.allclose(x.reshape(3, -1).mean(axis=1), shifts)
    norm = network.parts["norm1"]
    before = network.forward(blank)[0]
    for unit in range(3):
        norm.params["beta"][unit] += 1  # this unit puts out 1 more
        assert np.allclose(network.forward(blank)[0] - before, votes[unit])
        norm.params["beta"][unit] -= 1


def test_votes_hold_what_layer_normalization_does_but_for_one_factor_an_image():
    rng = np.random.default_rng(0)
    config = RunConfig(hidden=(3, 6), activation="identity", normalization="layer")
    network = build_model(config, rng, dtype=np.float64)
    network.flat[network.n_weights :] = rng.uniform(-2.0, 2.0, len(network.flat) - network.n_weights)
    votes = class_votes(network.weights())
    dense, norm, last = network.parts["dense2"], network.parts["norm2"], network.parts["dense3"]

    def answer(sums: np.ndarray) -> np.ndarray:
        """What the layers make of one image's sums (6,) when its deviation is multiplied again."""
        deviation = np.sqrt(sums.var() + 1e-5)
        return (norm.forward(sums[None])[0] - norm.params["beta"]) * deviation @ last.params["W"]

    sums = rng.normal(0, 1, 6)
    for unit in range(3):
        assert np.allclose(answer(sums + dense.params["W"][unit]) - answer(sums), votes[unit])
    before = votes.copy()
    dense.params["W"][1] += 5
    assert np.allclose(class_votes(network.weights()), before)


def test_the_image_that_excites_a_channel_most_holds_its_own_kernel_somewhere():
    model = network("average")
    W = model.parts["conv1"].params["W"]
    W[1, 0] = [[1, -1, 1], [-1, 1, -1], [1, -1, 1]]
    images = np.random.default_rng(0).integers(0, 100, (20, 28, 28)).astype(np.uint8)
    images[13, 20:23, 4:7] = 255 * (W[1, 0] > 0)
    assert strongest(model, images, 0, 3).images[1, 0] == 13
