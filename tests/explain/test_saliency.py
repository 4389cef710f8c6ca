"""Which pixels raise the score of a class: against numerical derivatives, and against the logits themselves."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.explain.saliency import activation_map, evidence_gradients, saliency
from nn_core.nn.network import build_model, from_weights
from tests.numerical import numerical_gradient, relative_error

CNN = RunConfig(model="cnn", channels=(3, 4), activation="tanh", normalization="batch")
NETWORKS = {
    "mlp": RunConfig(hidden=(9, 7), activation="tanh"),
    "linear": RunConfig(hidden=()),
    "layer norm": RunConfig(hidden=(9,), activation="tanh", normalization="layer"),
    "cnn": CNN,
    "average": CNN.replace(head="average", normalization="none", input_scaling="standard"),
    "dense": CNN.replace(dense_units=(6,), pooling="average"),
}
IMAGE = np.random.default_rng(5).integers(0, 255, (28, 28)).astype(np.uint8)


def evidence(logits: np.ndarray, digit: int) -> float:
    """The logit of a class less the mean of all."""
    return float(logits[digit]) - sum(map(float, logits)) / 10


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_of_the_evidence_to_the_pixels_is_its_numerical_derivative(name: str):
    model = build_model(NETWORKS[name], np.random.default_rng(0), dtype=np.float64)
    x = model.inputs(IMAGE[None])
    gradient = evidence_gradients(model, x, 4)[0][1]
    elements = np.random.default_rng(1).choice(784, 60, replace=False)
    numerical = numerical_gradient(lambda: evidence(model.forward(x)[0], 4), x, elements)
    assert relative_error(gradient.ravel()[elements], numerical) < 1e-6


@pytest.mark.parametrize("name", NETWORKS)
def test_saliency_is_the_change_of_the_evidence_for_a_pixel_of_one_grey_level_times_255(name: str):
    model = build_model(NETWORKS[name], np.random.default_rng(0), dtype=np.float64)
    own = from_weights(NETWORKS[name], model.weights())
    before = own.flat_grads.copy()
    shown = saliency(own, IMAGE, 7)
    assert shown.shape == (28, 28) and np.array_equal(own.flat_grads, before)  # a page asks, training goes on
    at = np.unravel_index(np.abs(shown).argmax(), shown.shape)
    brighter, darker = IMAGE.copy(), IMAGE.copy()
    brighter[at], darker[at] = IMAGE[at] + 1, IMAGE[at] - 1
    up, down = (evidence(model.forward(model.inputs(image[None]))[0], 7) for image in (brighter, darker))
    assert shown[at] == pytest.approx(255 * (up - down) / 2, rel=0.02)


@pytest.mark.parametrize("digit", [0, 6])
@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("head", ["average", "flatten"])
def test_behind_a_single_dense_layer_the_mean_of_the_activation_map_and_the_bias_are_the_evidence(
    digit: int, normalization: str, head: str
):
    config = CNN.replace(head=head, normalization=normalization, activation="relu")
    model = build_model(config, np.random.default_rng(0))
    bias = model.parts["dense1"].params["b"]
    bias[...] = np.arange(10) ** 2
    found = activation_map(model, IMAGE, digit)
    assert found is not None and found.is_exact
    assert found.citation.startswith("Zhou" if head == "average" else "Draelos")
    said = found.places.mean() + bias[digit] - bias.mean()
    assert said == pytest.approx(evidence(model.logits(IMAGE[None])[0], digit), rel=1e-4)


def test_behind_a_global_average_the_activation_map_is_that_of_the_weights():
    model = build_model(CNN.replace(head="average"), np.random.default_rng(0))
    found = activation_map(model, IMAGE, 3)
    W = model.parts["dense1"].params["W"]  # (4, 10)
    weighed = np.einsum("c,chw->hw", W[:, 3] - W.mean(axis=1), model.activations(IMAGE[None])[1][0])
    assert found is not None and np.allclose(found.places, weighed, rtol=1e-4, atol=1e-6)


def test_behind_hidden_units_the_map_is_each_value_times_its_derivative():
    model = build_model(NETWORKS["dense"], np.random.default_rng(0), dtype=np.float64)
    own = from_weights(NETWORKS["dense"], model.weights())
    found = activation_map(own, IMAGE, 3)
    assert found is not None and not found.is_exact and found.over_image.shape == (28, 28)
    maps = model.activations(IMAGE[None])[1]  # (1, 4, 4, 4)

    def evidence_of_maps() -> float:
        x = maps
        for layer in model.layers[model.layers.index(model.parts["dense1"]) - 1 :]:
            x = layer.forward(x)
        return evidence(x[0], 3)

    derivative = numerical_gradient(evidence_of_maps, maps, np.arange(maps.size)).reshape(maps.shape)
    assert np.allclose(found.places, 16 * (derivative * maps).sum(axis=1)[0], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_all_logits_share_shows_nowhere(name: str):
    model = build_model(NETWORKS[name], np.random.default_rng(0))
    before = saliency(model, IMAGE, 7), activation_map(model, IMAGE, 7)
    last = [part for part in model.parts if part.startswith("dense")][-1]
    W, b = (model.parts[last].params[one] for one in ("W", "b"))
    p = model.predict_proba(IMAGE[None])
    W += np.random.default_rng(2).normal(0, 1, (len(W), 1)).astype(W.dtype)  # the same for every class
    b += 3
    assert np.allclose(model.predict_proba(IMAGE[None]), p, atol=1e-4)
    after = saliency(model, IMAGE, 7), activation_map(model, IMAGE, 7)
    assert np.allclose(after[0], before[0], atol=1e-4 * np.abs(before[0]).max())
    if before[1] is not None and after[1] is not None:
        assert np.allclose(after[1].places, before[1].places, atol=1e-4 * np.abs(before[1].places).max())


def test_a_network_without_maps_has_no_activation_map():
    assert activation_map(build_model(NETWORKS["mlp"], np.random.default_rng(0)), IMAGE, 3) is None
