"""What a place of a map sees, and which images excite it most."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.explain.maps import hidden_layers, receptive_field, spread_over_image, strongest
from nn_core.nn.network import build_model

CNN = RunConfig(model="cnn", channels=(3, 4), kernel=5, dense_units=(6,))
NETWORKS = [
    CNN.replace(activation="identity", pooling="average"),
    CNN.replace(activation="identity", pooling="average", padding=2, kernel=3, pool=3),
    CNN.replace(activation="identity", pooling="average", padding=4, kernel=3, pool=1, channels=(2,)),
    CNN.replace(activation="identity", pooling="average", kernel=4, pool=2, channels=(2, 2, 2), padding=1),
]


@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: f"{config.kernel}-{config.padding}-{config.pool}")
def test_a_place_changes_with_the_pixels_of_its_receptive_field_and_with_no_others(config: RunConfig):
    model = build_model(config, np.random.default_rng(0), dtype=np.float64)
    base = np.random.default_rng(1).integers(0, 255, (28, 28)).astype(np.uint8)
    rows, columns = np.tile(base, (28, 1, 1)), np.tile(base, (28, 1, 1))
    for pixel in range(28):  # a whole row, or a whole column, is made brighter
        rows[pixel, pixel, :] += 1
        columns[pixel, :, pixel] += 1
    for block in range(len(config.channels)):
        before = model.activations(base[None])[block][0]
        changed = [np.abs(model.activations(images)[block] - before).max(axis=1) > 1e-12 for images in (rows, columns)]
        last = before.shape[1] - 1
        for row, column in {(0, 0), (last, 0), (last // 2, last), (last, last // 3)}:
            fields = receptive_field(config, block, row, column)
            if fields == (slice(0, 0), slice(0, 0)):  # nothing but padding, in one direction at least
                assert not all(which[:, row, column].any() for which in changed)
                continue
            for which, field in zip(changed, fields, strict=True):
                assert np.flatnonzero(which[:, row, column]).tolist() == list(range(28))[field]


def test_the_field_of_lenets_places_is_known_by_hand():
    assert receptive_field(CNN, 0, 0, 11) == (slice(0, 6), slice(22, 28))
    assert receptive_field(CNN, 1, 0, 3) == (slice(0, 16), slice(12, 28))


@pytest.mark.parametrize("config", [CNN, RunConfig(hidden=(7, 5)), RunConfig(hidden=())], ids=["cnn", "mlp", "linear"])
def test_the_hidden_layers_are_told_beforehand_as_the_network_has_them(config: RunConfig):
    model = build_model(config, np.random.default_rng(0))
    shapes = [(a.shape[1], a.shape[2] if a.ndim == 4 else 1) for a in model.activations(np.zeros((1, 28, 28), "u1"))]
    assert [(layer.size, layer.side) for layer in hidden_layers(config)] == shapes


def test_a_map_spread_over_the_image_keeps_a_constant_and_its_brightest_place():
    config = CNN
    assert np.allclose(spread_over_image(np.full((4, 4), 3.0), config, 1), 3.0)
    one = np.zeros((12, 12))
    one[3, 8] = 1
    over = spread_over_image(one, config, 0)
    rows, columns = receptive_field(config, 0, 3, 8)
    row, column = np.unravel_index(over.argmax(), over.shape)
    assert rows.start <= row < rows.stop and columns.start <= column < columns.stop
    assert over[~((np.arange(28) >= rows.start) & (np.arange(28) < rows.stop))].max() == 0


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_strongest_images_are_those_with_the_largest_value_anywhere(layer: int):
    model = build_model(CNN, np.random.default_rng(0))
    images = np.random.default_rng(1).integers(0, 255, (700, 28, 28)).astype(np.uint8)  # more than a chunk
    model.parts["dense1"].params["b"][2] = model.parts["conv1"].params["b"][2] = -1e6
    found = strongest(model, images, layer, 5)
    outputs = model.activations(images)[layer]
    for channel in range(outputs.shape[1]):
        peaks = outputs[:, channel].reshape(700, -1).max(axis=1)
        assert np.allclose(found.values[channel], np.sort(peaks)[::-1][:5], rtol=1e-5, atol=1e-5)
        for image, value, row, column in zip(
            *(of[channel] for of in (found.images, found.values, found.rows, found.columns)), strict=True
        ):
            there = outputs[image, channel] if layer == 2 else outputs[image, channel, row, column]
            assert np.isclose(there, value, rtol=1e-5, atol=1e-5)
    assert found.dead[2] == (layer != 1) and found.dead.sum() == np.sum(~outputs.any(axis=(0, *range(2, outputs.ndim))))


def test_the_images_that_excite_a_unit_most_have_its_largest_activations(tiny: Dataset):
    for hidden in ((32,), ()):
        model = build_model(RunConfig(hidden=hidden, activation="sigmoid"), np.random.default_rng(0))
        outputs = model.activations(tiny.val_images)[0] if hidden else model.logits(tiny.val_images)
        found = strongest(model, tiny.val_images, 0, 12)
        indices = found.images[7]
        assert outputs[indices, 7].min() >= np.delete(outputs[:, 7], indices).max()
        np.testing.assert_allclose(found.values[7], outputs[indices, 7], rtol=1e-5)
