"""The answer as a sum, and maps of the image: against the network itself, in every form it can have."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.explain.attribution import MOST, gradient_maps, integrated_gradients, occlusion
from nn_core.explain.decomposition import (
    Target,
    answer_and_runner_up,
    decompose,
    looks_for,
    unit_pictures,
)
from nn_core.explain.neighbours import by_hidden_layer, by_pixels, last_hidden, nearest
from nn_core.nn.network import Network, build_model, from_weights
from tests.explain.test_graph import IMAGE, network

TARGETS = [Target(3), Target(3, 8)]
NORMS = list(choices("normalization"))
NETWORKS = {
    **{f"mlp-{norm}": RunConfig(hidden=(11, 8), normalization=norm, activation="relu") for norm in NORMS},
    "one layer": RunConfig(hidden=(12,), activation="tanh", input_scaling="standard"),
    "no layer": RunConfig(hidden=()),
    **{f"cnn-{norm}": RunConfig(model="cnn", channels=(3, 5), normalization=norm) for norm in ("none", "batch")},
    "cnn-average": RunConfig(model="cnn", channels=(3, 5), head="average", normalization="batch", pooling="average"),
    "cnn-dense": RunConfig(model="cnn", channels=(3, 5), dense_units=(7,), normalization="batch", activation="gelu"),
}


@pytest.fixture(scope="module", params=NETWORKS)
def model(request) -> Network:
    return network(NETWORKS[request.param])


@pytest.mark.parametrize("target", TARGETS, ids=["logit", "difference"])
def test_bias_and_shares_add_up_to_what_the_network_says(model, target: Target):
    logits = model.logits(IMAGE[None])[0].astype(np.float64)
    said = logits[3] - (logits[8] if target.against is not None else 0)
    found = decompose(model, IMAGE, target)
    assert found.total == pytest.approx(said, abs=1e-4) and found.value == pytest.approx(said, abs=1e-4)
    assert len(found.shares) == (found.layer.size if found.layer else 784)
    config = model.config
    normalized = config.normalization != "none" and not config.dense_units
    assert (found.normalization is not None) == normalized


def test_a_unit_without_its_share_is_a_unit_that_is_cut_off(model):
    found = decompose(model, IMAGE, Target(3, 8))
    for unit in found.strongest(3):
        weights = {name: values.copy() for name, values in model.weights().items()}
        name = max(each for each in weights if each.startswith("dense") and each.endswith("W"))
        rows = weights[name].reshape(len(found.shares), -1, 10)
        rows[unit] = 0
        weights[name] = rows.reshape(-1, 10)
        cut = from_weights(model.config, weights).logits(IMAGE[None])[0].astype(np.float64)
        assert found.value - (cut[3] - cut[8]) == pytest.approx(found.shares[unit], abs=1e-4)


@pytest.mark.parametrize("name", ["mlp-batch", "mlp-layer", "cnn-batch"])
def test_normalizations_part_is_what_the_sum_would_lack_without_it(name: str):
    model = network(NETWORKS[name])
    found = decompose(model, IMAGE, Target(3))
    last = max(each for each in model.parts if each.startswith("norm"))
    at = model.layers.index(model.parts[last])
    x = model.inputs(IMAGE[None])
    for layer in [*model.layers[:at], *model.layers[at + 1 :]]:
        x = layer.forward(x)
    assert found.normalization is not None
    assert found.total - found.normalization.sum() == pytest.approx(float(x[0, 3]), abs=1e-4)


def test_the_strongest_units_stand_from_the_most_for_to_the_most_against(model):
    found = decompose(model, IMAGE, Target(3, 8))
    shown = found.shares[found.strongest(6)]
    assert (np.diff(shown) <= 0).all() and shown.all()
    assert sorted(np.abs(shown)) == pytest.approx(sorted(np.abs(found.shares))[-len(shown) :])


@pytest.mark.parametrize("name", ["mlp-batch", "mlp-layer", "cnn-none", "cnn-average", "cnn-dense"])
def test_the_picture_of_a_deep_unit_is_the_change_of_its_share_with_each_pixel(name: str):
    model = network(NETWORKS[name].replace(activation="tanh", pooling="average" if "cnn" in name else "max"))
    found = decompose(model, IMAGE, Target(3, 8))
    units = found.strongest(2)
    pictures = unit_pictures(model, IMAGE, found, units)
    assert pictures.shape == (len(units), 28, 28) and not looks_for(model, found.layer)
    for picture, unit in zip(pictures, units, strict=True):
        row, column = np.unravel_index(np.abs(picture[:, 6:]).argmax(), (28, 22))
        column += 6
        shares = []
        for grey in (int(IMAGE[row, column]) - 2, int(IMAGE[row, column]) + 2):
            changed = IMAGE.copy()
            changed[row, column] = np.clip(grey, 0, 255)
            shares.append((decompose(model, changed, Target(3, 8)).shares[unit], int(changed[row, column])))
        slope = 255 * (shares[1][0] - shares[0][0]) / (shares[1][1] - shares[0][1])
        assert picture[row, column] == pytest.approx(slope, rel=0.03, abs=2e-4)


def test_the_picture_of_a_unit_behind_the_image_is_its_filter_and_of_a_pixel_its_place():
    model = network(NETWORKS["one layer"])
    found = decompose(model, IMAGE, Target(3))
    assert looks_for(model, found.layer)
    assert np.array_equal(
        unit_pictures(model, IMAGE, found, np.array([2]))[0].ravel(), model.weights()["dense1.W"][:, 2]
    )
    flat = network(NETWORKS["no layer"])
    place = unit_pictures(flat, IMAGE, decompose(flat, IMAGE, Target(3)), np.array([30]))
    assert np.argwhere(place[0]).tolist() == [[1, 2]]


def test_the_runner_up_is_the_second_largest_logit():
    assert answer_and_runner_up(np.array([0.0, 5, 1, 4, 0, 0, 0, 0, 0, 0])) == Target(1, 3)
    assert answer_and_runner_up(np.zeros(10)) == Target(0, 1)


def test_integrated_gradients_add_up_to_the_difference_from_a_black_image(model):
    for target in TARGETS:
        found = integrated_gradients(model, IMAGE, target)
        logits = model.logits(np.stack([np.zeros_like(IMAGE), IMAGE])).astype(np.float64)
        values = logits[:, 3] - (logits[:, 8] if target.against is not None else 0)
        assert found.expected == pytest.approx(values[1] - values[0], abs=1e-4)
        assert found.total == pytest.approx(found.expected, rel=0.01) and found.n_steps <= MOST
        assert not found.map[IMAGE == 0].any()


def test_of_a_linear_network_every_map_says_the_same():
    model = network(NETWORKS["no layer"])
    gradient, times_input = gradient_maps(model, IMAGE, Target(3, 8))
    w = model.weights()["dense1.W"].astype(np.float64)
    assert gradient.map.ravel() == pytest.approx(w[:, 3] - w[:, 8], rel=1e-5)
    assert integrated_gradients(model, IMAGE, Target(3, 8)).map == pytest.approx(times_input.map, abs=1e-5)


def test_occlusion_is_the_mean_fall_over_the_squares_that_cover_a_pixel():
    model, target = network(NETWORKS["cnn-batch"]), Target(3, 8)
    found = occlusion(model, IMAGE, target).map
    value = decompose(model, IMAGE, target).value
    for row, column in ((0, 0), (13, 14), (27, 20)):
        falls = []
        for top in range(-1, 27, 2):
            for left in range(-1, 27, 2):
                if top <= row < top + 4 and left <= column < left + 4 and min(top, left) >= -1:
                    black = IMAGE.copy()
                    black[max(0, top) : max(0, top) + 4, max(0, left) : max(0, left) + 4] = 0
                    covers = max(0, top) <= row < max(0, top) + 4 and max(0, left) <= column < max(0, left) + 4
                    if covers:
                        falls.append(value - decompose(model, black, target).value)
        assert found[row, column] == pytest.approx(np.mean(falls), abs=2e-4)
    assert not occlusion(model, np.zeros((28, 28), np.uint8), target).map.any()


def test_asking_for_reasons_leaves_the_network_as_it_is(model):
    before, grads = model.weights(), model.flat_grads.copy()
    integrated_gradients(model, IMAGE, Target(3, 8))
    unit_pictures(model, IMAGE, decompose(model, IMAGE, Target(3)), np.array([0, 1]))
    occlusion(model, IMAGE, Target(3))
    assert all(np.array_equal(values, before[name]) for name, values in model.weights().items())
    assert np.array_equal(model.flat_grads, grads)


def test_the_nearest_are_those_of_all_distances_and_an_image_is_nearest_to_itself(tiny):
    rng = np.random.default_rng(0)
    rows, to = rng.normal(size=(5_000, 12)).astype(np.float32), rng.normal(size=12).astype(np.float32)
    found = nearest(rows, to, 9)
    every = np.sqrt(((rows.astype(np.float64) - to) ** 2).sum(axis=1))
    assert found.indices.tolist() == np.argsort(every)[:9].tolist() and found.n == 5_000
    assert found.distances == pytest.approx(np.sort(every)[:9])
    images = tiny.train_images
    assert by_pixels(images, images[77], 3).indices[0] == 77 and by_pixels(
        images[:2], images[0], 5
    ).indices.tolist() == [0, 1]
    model = build_model(RunConfig(hidden=(9, 6)), rng)
    hidden = last_hidden(model, images)
    assert hidden.shape == (1_000, 6) and by_hidden_layer(model, hidden, images[5], 2).distances[0] < 1e-5
