"""The nearest training images against scikit-learn, which not every installation has."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.explain.neighbours import by_hidden_layer, by_pixels, last_hidden
from nn_core.nn.network import build_model


@pytest.mark.parametrize(
    "config", [RunConfig(hidden=(20,)), RunConfig(model="cnn", channels=(3, 4)), RunConfig(hidden=())]
)
def test_the_nearest_images_are_those_of_sklearn(tiny, config: RunConfig):
    neighbors = pytest.importorskip("sklearn.neighbors", reason="scikit-learn is not installed")
    images, asked = tiny.train_images, tiny.val_images[:5]
    model = build_model(config, np.random.default_rng(0))
    hidden = last_hidden(model, images)
    spaces = (
        (
            images.reshape(len(images), -1) / 255.0,
            asked.reshape(5, -1) / 255.0,
            lambda image: by_pixels(images, image, 7),
        ),
        (hidden, last_hidden(model, asked), lambda image: by_hidden_layer(model, hidden, image, 7)),
    )
    for rows, queries, ours in spaces:
        distances, indices = neighbors.NearestNeighbors(n_neighbors=7, algorithm="brute").fit(rows).kneighbors(queries)
        for image, far, at in zip(asked, distances, indices, strict=True):
            found = ours(image)
            assert found.distances == pytest.approx(far, abs=1e-4) and found.indices.tolist() == at.tolist()
