"""The picture of a network: what it shows is what the network itself computes, forward and backward."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core.config.run_config import RunConfig
from nn_core.explain.graph import most_active, network_graph
from nn_core.explain.maps import hidden_layers
from nn_core.nn.network import build_model, from_weights

MLPS = [
    RunConfig(hidden=(12,)),
    RunConfig(hidden=(9, 7, 8), activation="tanh", normalization="layer", input_scaling="standard"),
    RunConfig(hidden=(9, 7), activation="gelu", normalization="batch", label_smoothing=0.1, loss="mse"),
]
CNNS = [
    RunConfig(model="cnn", channels=(4, 6), padding=1, kernel=3),
    RunConfig(model="cnn", channels=(4, 6), pooling="average", normalization="batch", head="average"),
    RunConfig(model="cnn", channels=(4,), dense_units=(7,)),
]


def named(config):
    return f"{config.model}-{config.normalization}-{config.pooling}"


IMAGE = np.random.default_rng(5).integers(0, 256, (28, 28)).astype(np.uint8)
IMAGE[:, :6] = 0


def network(config):
    """One whose weights, biases and running statistics are all different from what they begin as."""
    rng = np.random.default_rng(3)
    model = build_model(config, rng)
    weights = {}
    for name, values in model.weights().items():
        noise = rng.normal(0, 0.05, values.shape).astype(np.float32)
        weights[name] = values + (np.abs(noise) if name.endswith("var") else noise)
    return from_weights(config, weights)


def loss_of(model, image, target):
    """In float64, through the network's own forward pass."""
    logits = model.forward(model.inputs(image[None])).astype(np.float64)
    return model.loss.value(logits, np.array([target]), model.config.label_smoothing)


@pytest.mark.parametrize("config", MLPS + CNNS, ids=named)
def test_units_and_outputs_hold_the_networks_own_activations_and_probabilities(config):
    model = network(config)
    graph = network_graph(model, IMAGE, 3, n_shown=5)
    for column, values in zip(graph.columns, model.activations(IMAGE[None]), strict=True):
        whole = values[0] if values.ndim == 2 else values[0].max(axis=(1, 2))
        np.testing.assert_allclose(column.activations, whole[column.shown], atol=1e-5)
        assert len(column.shown) == min(5, column.layer.size) == column.layer.size - column.n_hidden
    np.testing.assert_allclose(graph.probabilities, model.predict_proba(IMAGE[None])[0], atol=1e-5)
    np.testing.assert_allclose(graph.logits, model.logits(IMAGE[None])[0], atol=1e-5)


@pytest.mark.parametrize("config", MLPS + CNNS, ids=named)
def test_gradients_of_units_are_those_of_their_biases_by_central_differences(config):
    model = build_model(config, np.random.default_rng(0), dtype=np.float64)
    model.load({name: values.astype(np.float64) for name, values in network(config).weights().items()})
    graph = network_graph(network(config), IMAGE, 3, carried="gradients", n_shown=4)
    layers = [layer for name, layer in model.parts.items() if "b" in layer.params]
    assert len(layers) == len(graph.columns) + 1
    for layer, units, found in zip(
        layers,
        [*(column.shown for column in graph.columns), np.arange(10)],
        [*(column.gradients for column in graph.columns), graph.gradients],
        strict=True,
    ):
        for unit, gradient in zip(units[:3], found[:3], strict=True):
            assert gradient == pytest.approx(_slope(model, layer.params["b"], unit), abs=1e-5)


def _slope(model, values, at, step=1e-5):
    before, losses = values[at], []
    for moved in (before + step, before - step):
        values[at] = moved
        losses.append(loss_of(model, IMAGE, 3))
    values[at] = before
    return (losses[0] - losses[1]) / (2 * step)


@pytest.mark.parametrize("config", MLPS, ids=named)
def test_forward_the_edges_into_a_unit_and_its_bias_add_up_to_its_sum(config):
    model = network(config)
    graph = network_graph(model, IMAGE, 3, n_shown=100, n_edges=1000)
    x = model.inputs(IMAGE[None])
    sums = [dense.forward(x if at == 0 else below) for at, dense, below in _inputs(model, x)]
    for edges, z, dense in zip(
        [*(column.edges for column in graph.columns), graph.edges], sums, model.dense, strict=True
    ):
        added = np.bincount(edges.targets, weights=edges.values, minlength=z.shape[1])
        np.testing.assert_allclose(added + dense.params["b"], z[0], rtol=1e-5, atol=1e-5)


def _inputs(model, x):
    outputs = [x, *model.activations(IMAGE[None])]
    return [(at, dense, outputs[at]) for at, dense in enumerate(model.dense)]


@pytest.mark.parametrize("config", [MLPS[0], *CNNS], ids=named)
def test_backward_the_edges_out_of_a_unit_add_up_to_how_the_loss_rises_with_its_output(config):
    model = network(config)
    graph = network_graph(model, IMAGE, 3, carried="gradients", n_shown=100, n_edges=1000)
    after = [*(column.edges for column in graph.columns[1:]), graph.edges]
    for at, (column, edges) in enumerate(zip(graph.columns, after, strict=True)):
        back = np.bincount(edges.sources, weights=edges.values, minlength=column.layer.size)
        for unit in column.shown[:3]:
            assert back[unit] == pytest.approx(_slope_of_output(config, at, unit), abs=2e-5), (at, unit)


def _slope_of_output(config, layer, unit, step=1e-5):
    """How the loss rises with all values that a unit puts out, by central differences in float64."""
    model = build_model(config, np.random.default_rng(0), dtype=np.float64)
    model.load({name: values.astype(np.float64) for name, values in network(config).weights().items()})
    losses = []
    for moved in (step, -step):
        x, number = model.inputs(IMAGE[None]), -1
        for each in model.layers:
            x = each.forward(x)
            if type(each).__module__.endswith("activations"):
                number += 1
                if number == layer:
                    x = x.copy()
                    x[0, unit] += moved
        losses.append(model.loss.value(x, np.array([3]), config.label_smoothing))
    return (losses[0] - losses[1]) / (2 * step)


@pytest.mark.parametrize("config", CNNS[:2], ids=named)
def test_forward_the_edges_into_a_channel_add_up_to_its_sum_at_its_largest_value(config):
    model = network(config)
    column = network_graph(model, IMAGE, 3, n_shown=100, n_edges=1000).columns[1]
    conv, pool, outputs = model.conv[1], config.pool, model.activations(IMAGE[None])
    z = conv.forward(outputs[0])[0]
    added = np.bincount(column.edges.targets, weights=column.edges.values, minlength=len(z))
    for channel, values in enumerate(outputs[1][0]):
        row, at = np.unravel_index(values.argmax(), values.shape)
        under = z[channel, row * pool : (row + 1) * pool, at * pool : (at + 1) * pool]
        expected = under.max() if config.pooling == "max" else under.mean()
        assert added[channel] + conv.params["b"][channel] == pytest.approx(expected, abs=1e-5)


def test_what_lies_outside_of_a_channels_receptive_field_does_not_move_its_largest_value():
    config = CNNS[0]
    model = network(config)
    column = network_graph(model, IMAGE, 3).columns[1]
    for channel, (rows, columns) in zip(column.shown, column.fields, strict=True):
        elsewhere = IMAGE[::-1].copy()
        elsewhere[rows, columns] = IMAGE[rows, columns]
        values = model.activations(np.stack([IMAGE, elsewhere]))[1][:, channel]
        at = values[0].argmax()
        assert values[1].flat[at] == pytest.approx(values[0].max(), abs=1e-5)


def test_the_most_active_units_are_shown_by_magnitude_and_in_the_order_of_their_numbers():
    assert most_active(np.array([0.1, -3, 2, 0, 2.5]), 3).tolist() == [1, 2, 4]
    assert most_active(np.array([0.0, 0, 0]), 2).tolist() == [0, 1]
    maps = np.zeros((3, 2, 2))
    maps[2, 0, 1], maps[0, 1, 1] = 5, 1
    assert most_active(maps, 2).tolist() == [0, 2]


def test_the_strongest_edges_into_each_unit_are_kept_and_none_that_carries_nothing():
    model = network(RunConfig(hidden=(6, 5)))
    all_of = network_graph(model, IMAGE, 3, n_edges=1000).columns[1].edges
    few = network_graph(model, IMAGE, 3, n_edges=2).columns[1].edges
    for unit in range(5):
        strongest = sorted(np.abs(all_of.values[all_of.targets == unit]))[-2:]
        assert sorted(np.abs(few.values[few.targets == unit])) == pytest.approx(strongest)
    black = network_graph(model, np.zeros((28, 28), np.uint8), 3)
    assert len(black.columns[0].edges.values) == 0


def test_the_filters_of_the_first_layer_are_its_weights_and_of_later_ones_the_slope_of_their_sums():
    config = RunConfig(hidden=(6, 5))
    model = network(config)
    first, second = network_graph(model, IMAGE, 3).columns
    np.testing.assert_array_equal(first.pictures[2].ravel(), model.parts["dense1"].params["W"][:, first.shown[2]])
    lit = model.activations(IMAGE[None])[0][0] > 0
    W1, W2 = (dense.params["W"] for dense in model.dense[:2])
    np.testing.assert_allclose(second.pictures[1].ravel(), (W1 * lit) @ W2[:, second.shown[1]], rtol=1e-4, atol=1e-5)


def test_without_a_hidden_layer_the_edges_lead_from_the_pixels_to_the_outputs():
    graph = network_graph(network(RunConfig(hidden=())), IMAGE, None, n_edges=3)
    assert graph.columns == () and len(graph.edges.values) == 30 and hidden_layers(RunConfig(hidden=())) == []
    assert graph.target == graph.probabilities.argmax()


def test_a_loss_of_nothing_is_written_without_a_sign():
    config = RunConfig(hidden=())
    model = build_model(config, np.random.default_rng(0))
    model.parts["dense1"].params["b"][3] = 1e4
    assert str(network_graph(model, IMAGE, 3).loss) == "0.0"


@pytest.mark.parametrize("config", [*MLPS[1:], CNNS[2]], ids=named)
def test_the_picture_of_a_later_unit_is_how_its_sum_rises_with_each_pixel_by_central_differences(config):
    model = build_model(config, np.random.default_rng(0), dtype=np.float64)
    model.load({name: values.astype(np.float64) for name, values in network(config).weights().items()})
    column = network_graph(network(config), IMAGE, 3, n_shown=3).columns[1]
    layer = next(
        at
        for at, each in enumerate(model.layers)
        if each is model.parts["dense2" if config.model == "mlp" else "dense1"]
    )
    for row, at in ((14, 15), (20, 9)):
        sums = []
        for moved in (1e-5, -1e-5):
            x = model.inputs(IMAGE[None]).copy()
            x[(0, *((0, row, at) if x.ndim == 4 else (row * 28 + at,)))] += moved
            for each in model.layers[: layer + 1]:
                x = each.forward(x)
            sums.append(x[0, column.shown])
        np.testing.assert_allclose(column.pictures[:, row, at], (sums[0] - sums[1]) / 2e-5, atol=2e-5)
