"""Products with the Hessian: those of central differences and of PyTorch, for everything that is registered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation, ReLU, Tanh
from nn_core.nn.cnn import SERVED
from nn_core.nn.hessian import Hessian, dense_hessian
from nn_core.nn.layers import Dropout, Layer, NoSecondDerivative
from nn_core.nn.losses import CrossEntropy, Loss
from nn_core.nn.network import Network, build_model
from nn_core.nn.normalization import Normalization
from tests.numerical import relative_error

STEP = 1e-6  # along a direction of length 1
ACTIVATIONS, LOSSES = sorted(choices("activation")), sorted(choices("loss"))
MLP: dict[str, Any] = {"hidden": (5, 4), "l2": 0.03, "l1": 0.01, "label_smoothing": 0.1}
CNN: dict[str, Any] = {"model": "cnn", "channels": (2, 3), "kernel": 5, "pool": 3, "l2": 0.03, "padding": 1}


def network_and_batch(
    settings: dict[str, Any], dtype: type = np.float64, m: int = 4, **more: Any
) -> tuple[Network, Array, Array]:
    """A network with weights everywhere, and a batch of its inputs."""
    rng = np.random.default_rng(3)
    network = build_model(RunConfig(**settings, **more), rng, dtype=dtype)
    network.flat[...] = rng.normal(0, 0.3, network.n_params)
    x: Array = rng.normal(0, 0.5, (m, *network.image_shape)).astype(dtype)
    return network, x, rng.integers(0, 10, m)


def by_central_differences(network: Network, x: Array, labels: Array, v: Array) -> Array:
    """(g(w + h v) - g(w - h v)) / 2h, with g as training takes it."""
    at, gradients = network.flat.copy(), []
    for sign in (1, -1):
        network.flat[...] = at + sign * STEP * v
        network.loss_and_gradients(x, labels)
        gradients.append(network.flat_grads.copy())
    network.flat[...] = at
    return (gradients[0] - gradients[1]) / (2 * STEP)


def direction(network: Network) -> Array:
    v = np.random.default_rng(8).normal(size=network.n_params)
    return (v / np.linalg.norm(v)).astype(network.flat.dtype)


def check(settings: dict[str, Any], **more: Any) -> None:
    network, x, labels = network_and_batch(settings, **more)
    v = direction(network)
    expected = by_central_differences(network, x, labels, v)
    hessian = Hessian(network, x, labels)
    assert relative_error(hessian.times(v), expected) < 1e-6
    assert relative_error(hessian.times(v), expected) < 1e-6  # and once more: nothing is used up


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", sorted(choices("normalization")))
@pytest.mark.parametrize("loss", LOSSES)
def test_a_product_with_the_hessian_of_an_mlp_is_that_of_central_differences(
    activation: str, normalization: str, loss: str
):
    check(MLP, activation=activation, normalization=normalization, loss=loss)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", SERVED)
@pytest.mark.parametrize("pooling", sorted(choices("pooling")))
@pytest.mark.parametrize("head", sorted(choices("head")))
def test_a_product_with_the_hessian_of_a_cnn_is_that_of_central_differences(
    activation: str, normalization: str, pooling: str, head: str
):
    for loss, dense_units in zip(LOSSES, ((), (6,), ()), strict=False):
        more = {"loss": loss, "dense_units": dense_units}
        check(CNN, activation=activation, normalization=normalization, pooling=pooling, head=head, **more)


def test_a_product_with_the_hessian_of_a_network_without_hidden_layer_is_that_of_central_differences():
    check(MLP | {"hidden": ()})


@pytest.mark.parametrize("settings", [MLP | {"normalization": "layer"}, CNN | {"normalization": "batch"}], ids=str)
def test_products_in_single_precision_are_those_in_double(settings: dict[str, Any]):
    exact, x, labels = network_and_batch(settings, m=40)
    single, x32, _ = network_and_batch(settings, np.float32, m=40)
    product = Hessian(single, x32, labels).times(direction(single))
    assert product.dtype == np.float32
    assert relative_error(product, Hessian(exact, x, labels).times(direction(exact))) < 1e-5


def test_the_gradient_that_comes_along_is_that_of_training():
    network, x, labels = network_and_batch(MLP)
    network.loss_and_gradients(x, labels)
    expected = network.flat_grads.copy()
    assert np.array_equal(Hessian(network, x, labels).gradient, expected)


def test_measuring_leaves_weights_and_running_statistics_alone_and_drops_no_units():
    network, x, labels = network_and_batch(MLP | {"normalization": "batch"})
    before, running = network.flat.copy(), network.running.copy()
    product = Hessian(network, x, labels).times(direction(network))
    assert np.array_equal(network.flat, before) and np.array_equal(network.running, running)
    config = network.config.replace(dropout=0.5)
    dropping = build_model(config, np.random.default_rng(0), np.random.default_rng(1), np.float64)
    dropping.flat[...] = before
    assert any(isinstance(layer, Dropout) for layer in dropping.layers)
    assert np.allclose(Hessian(dropping, x, labels).times(direction(network)), product, rtol=1e-12)


def test_the_hessian_is_symmetric():
    network, x, labels = network_and_batch(CNN | {"channels": (2,), "pool": 4, "normalization": "batch"})
    dense = dense_hessian(Hessian(network, x, labels))
    assert relative_error(dense, dense.T) < 1e-12 and np.abs(dense).max() > 0.01


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_product_with_the_hessian_is_that_of_pytorch(activation: str, loss: str):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    network, x, labels = network_and_batch(CNN | {"normalization": "batch", "activation": activation}, loss=loss)
    params = {name: torch.tensor(values, requires_grad=True) for name, values in network.named_params()}
    phi = {"relu": torch.relu, "tanh": torch.tanh, "gelu": lambda z: functional.gelu(z, approximate="tanh")}[activation]
    a = torch.tensor(x)
    for number in (1, 2):
        z = functional.conv2d(a, params[f"conv{number}.W"], params[f"conv{number}.b"], padding=1)
        z = functional.max_pool2d(z, 3)
        gamma, beta = params[f"norm{number}.gamma"], params[f"norm{number}.beta"]
        a = phi(functional.batch_norm(z, None, None, gamma, beta, training=True))
    logits = a.flatten(1) @ params["dense1.W"] + params["dense1.b"]
    target = torch.eye(10, dtype=torch.float64)[labels]
    value = {
        "cross_entropy": lambda: functional.cross_entropy(logits, torch.tensor(labels)),
        "mse": lambda: functional.mse_loss(logits.softmax(1), target),
        "linear_mse": lambda: 0.5 * ((logits - target) ** 2).sum(1).mean(),
    }[loss]()
    value = value + sum(0.03 / 2 * (W**2).sum() for name, W in params.items() if name.endswith(".W"))
    of_v = network.views(direction(network))
    gradients = torch.autograd.grad(value, list(params.values()), create_graph=True)
    along = sum(
        (gradient * torch.tensor(of_v[name.partition(".")[0]][name.partition(".")[2]])).sum()
        for name, gradient in zip(params, gradients, strict=True)
    )
    theirs = torch.autograd.grad(along, list(params.values()))
    ours = network.views(Hessian(network, x, labels).times(direction(network)))
    for name, expected in zip(params, theirs, strict=True):
        layer, _, of_what = name.partition(".")
        theirs_here = expected.numpy()  # of a bias before batch normalization: 0
        assert relative_error(ours[layer][of_what], theirs_here) < 1e-9 or np.abs(theirs_here).max() < 1e-12, name


def test_what_has_no_rule_for_second_derivatives_says_so_by_its_name():
    class Unbent(Tanh):
        bend = Activation.__dict__["bend"]

    class Halfway(CrossEntropy):
        r_gradient = Loss.__dict__["r_gradient"]

    network, x, labels = network_and_batch(MLP)
    network.layers = [Unbent() if type(layer) is ReLU else layer for layer in network.layers]
    with pytest.raises(NoSecondDerivative, match="Unbent has no rule for second derivatives"):
        Hessian(network, x, labels).times(direction(network))
    with pytest.raises(NoSecondDerivative, match="Layer has no rule"):
        Layer().r_forward(x, {})
    with pytest.raises(NoSecondDerivative, match="Normalization has no rule"):
        Normalization(x, x).r_statistics(x)
    network, x, labels = network_and_batch(MLP)
    network.loss = Halfway
    with pytest.raises(NoSecondDerivative, match="Halfway has no rule"):
        Hessian(network, x, labels).times(direction(network))
