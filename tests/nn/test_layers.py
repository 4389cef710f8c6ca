"""Every layer: its backward pass is the derivative of its forward pass."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest

from nn_core.config.choices import choices
from nn_core.nn import activations, layers, normalization
from nn_core.nn.activations import ELU, GELU, Activation, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from nn_core.nn.layers import Dense, Dropout, Layer
from nn_core.nn.normalization import BatchNorm, LayerNorm, Normalization
from tests.numerical import numerical_gradient, relative_error

ACTIVATIONS = choices("activation")
DTYPES = [np.float32, np.float64]


def away_from_zero(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Inputs with no kink of ReLU within a numerical step."""
    x = rng.normal(0, 2, shape)
    return x + np.sign(x) * 0.01


class RepeatingDropout(Dropout):
    """Dropout whose forward passes all draw the same mask."""

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self.rng = np.random.default_rng(5)
        return super().forward(x, training)


def dense(rng: np.random.Generator) -> Dense:
    return Dense(rng.normal(size=(6, 4)), rng.normal(size=4))


def dropout(rng: np.random.Generator) -> Dropout:
    return RepeatingDropout(0.4, rng)


def activation(target: type[Activation]) -> Callable[[np.random.Generator], Layer]:
    return lambda rng: target()


def batch_norm(rng: np.random.Generator) -> BatchNorm:
    return BatchNorm(rng.normal(size=6), rng.normal(size=6), {"mean": rng.normal(size=6), "var": rng.random(6) + 0.5})


def layer_norm(rng: np.random.Generator) -> LayerNorm:
    return LayerNorm(rng.normal(size=6), rng.normal(size=6), {})


FACTORIES: dict[str, Callable[[np.random.Generator], Layer]] = {
    "Dense": dense,
    "Dropout": dropout,
    "BatchNorm": batch_norm,
    "LayerNorm": layer_norm,
    **{choice.target.__name__: activation(choice.target) for choice in ACTIVATIONS.values()},
}


def test_every_layer_of_the_module_is_checked_here():
    found = {
        name
        for name, thing in [
            (name, thing) for module in (layers, activations, normalization) for name, thing in vars(module).items()
        ]
        if inspect.isclass(thing) and issubclass(thing, Layer) and thing not in (Layer, Activation, Normalization)
    }
    assert found == set(FACTORIES)


@pytest.mark.parametrize("name", sorted(FACTORIES))
@pytest.mark.parametrize("m", [1, 5])
def test_the_gradient_with_respect_to_the_input_is_the_numerical_one(name: str, m: int):
    rng = np.random.default_rng(m)
    layer, x = FACTORIES[name](rng), away_from_zero(rng, m, 6)
    weights = rng.normal(size=layer.forward(x, training=True).shape)  # of a scalar made from the output

    def scalar() -> float:
        return float((layer.forward(x, training=True) * weights).sum())

    expected = numerical_gradient(scalar, x)
    layer.forward(x, training=True)
    dx = layer.backward(weights)
    assert dx.shape == x.shape and dx.dtype == np.float64
    assert relative_error(dx, expected) < 1e-6


@pytest.mark.parametrize("name", sorted(FACTORIES))
@pytest.mark.parametrize("m", [1, 5])
def test_the_gradients_of_the_parameters_are_the_numerical_ones(name: str, m: int):
    rng = np.random.default_rng(m)
    layer, x = FACTORIES[name](rng), away_from_zero(rng, m, 6)
    weights = rng.normal(size=layer.forward(x, training=True).shape)
    layer.backward(weights)
    assert set(layer.grads) == set(layer.params)
    for parameter, values in layer.params.items():
        expected = numerical_gradient(lambda: float((layer.forward(x, training=True) * weights).sum()), values)
        assert layer.grads[parameter].shape == values.shape
        assert relative_error(layer.grads[parameter], expected) < 1e-6


def test_a_layer_adds_nothing_to_the_gradients_of_the_batch_before():
    rng = np.random.default_rng(0)
    layer, x, dout = dense(rng), rng.normal(size=(3, 6)), rng.normal(size=(3, 4))
    for _ in range(2):
        layer.forward(x)
        layer.backward(dout)
    assert np.allclose(layer.grads["b"], [sum(row[j] for row in dout) for j in range(4)])


def test_the_unfinished_base_classes_say_so():
    for abstract in (Layer(), Activation()):
        with pytest.raises(TypeError):
            abstract.forward(np.zeros((1, 1)))
    with pytest.raises(TypeError):
        Layer().backward(np.zeros((1, 1)))
    with pytest.raises(TypeError):
        Activation.slope(np.zeros(1), np.zeros(1))


# ---------------------------------------------------------------------------------------------- activations


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_keeps_shape_and_dtype_and_its_input(name: str, dtype: type):
    x: np.ndarray = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    before = x.copy()
    layer = ACTIVATIONS[name].target()
    a, dx = layer.forward(x), layer.backward(np.ones_like(x))
    assert a.shape == dx.shape == x.shape and a.dtype == dx.dtype == dtype
    assert np.array_equal(x, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_stays_finite_for_huge_sums(name: str, dtype: type):
    z: np.ndarray = np.array([[-1e30, -1e3, -90, 0, 90, 1e3, 1e30]], dtype)
    layer = ACTIVATIONS[name].target()
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(layer.forward(z)).all() and np.isfinite(layer.backward(np.ones_like(z))).all()


@pytest.mark.parametrize(
    ("target", "z", "value", "slope"),
    [
        (ReLU, -2.0, 0.0, 0.0),
        (ReLU, 0.0, 0.0, 0.0),
        (ReLU, 3.0, 3.0, 1.0),
        (Sigmoid, 0.0, 0.5, 0.25),
        (Sigmoid, math.log(3), 0.75, 0.1875),
        (Sigmoid, -math.log(3), 0.25, 0.1875),
        (Tanh, 0.0, 0.0, 1.0),
        (Tanh, math.log(2), 0.6, 0.64),
        (LeakyReLU, -2.0, -0.02, 0.01),
        (LeakyReLU, 3.0, 3.0, 1.0),
        (ELU, -math.log(2), -0.5, 0.5),
        (ELU, 0.0, 0.0, 1.0),
        (ELU, 3.0, 3.0, 1.0),
        (GELU, 0.0, 0.0, 0.5),
        (GELU, 20.0, 20.0, 1.0),
        (GELU, -20.0, 0.0, 0.0),
        (SiLU, 0.0, 0.0, 0.5),
        (SiLU, math.log(3), 0.75 * math.log(3), 0.75 + 0.1875 * math.log(3)),
        (SiLU, -math.log(3), -0.25 * math.log(3), 0.25 - 0.1875 * math.log(3)),
        (Identity, -2.5, -2.5, 1.0),
    ],
)
def test_an_activation_has_the_value_and_slope_derived_by_hand(
    target: type[Activation], z: float, value: float, slope: float
):
    x = np.array([[z]])
    layer = target()
    assert layer.forward(x)[0, 0] == pytest.approx(value, abs=1e-15)
    assert layer.backward(np.ones((1, 1)))[0, 0] == pytest.approx(slope, abs=1e-15)


def test_every_registered_activation_has_values_derived_by_hand():
    marks = test_an_activation_has_the_value_and_slope_derived_by_hand.pytestmark
    assert {case[0] for case in marks[0].args[1]} == {choice.target for choice in ACTIVATIONS.values()}


def test_gelu_is_the_sum_times_the_normal_distribution_within_half_a_thousandth():
    z = np.linspace(-6, 6, 1001)
    exact = np.array([x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in z])
    assert np.abs(GELU.value(z) - exact).max() < 5e-4


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_and_its_gradient_are_those_of_pytorch(name: str):
    torch = pytest.importorskip("torch")
    theirs = {
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "leaky_relu": torch.nn.functional.leaky_relu,
        "elu": torch.nn.functional.elu,
        "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
        "silu": torch.nn.functional.silu,
        "identity": lambda z: z * 1,
    }[name]
    x = np.linspace(-12, 12, 241).reshape(1, -1)
    z = torch.tensor(x, requires_grad=True)
    a = theirs(z)
    a.sum().backward()
    layer = ACTIVATIONS[name].target()
    assert np.allclose(layer.forward(x), a.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert np.allclose(layer.backward(np.ones_like(x)), z.grad.numpy(), rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------------------------------------- normalization


def test_batch_norm_outside_of_training_has_a_numerical_gradient_too():
    rng = np.random.default_rng(0)
    layer, x, weights = batch_norm(rng), rng.normal(size=(5, 6)), rng.normal(size=(5, 6))
    layer.forward(x)
    dx = layer.backward(weights)
    assert relative_error(dx, numerical_gradient(lambda: float((layer.forward(x) * weights).sum()), x)) < 1e-6


def test_a_batch_normalized_with_gamma_one_has_mean_zero_and_deviation_one():
    x = np.random.default_rng(0).normal(3, 7, (400, 6))
    for layer, axis in [
        (BatchNorm(np.ones(6), np.zeros(6), {"mean": np.zeros(6), "var": np.ones(6)}), 0),
        (LayerNorm(np.ones(6), np.zeros(6), {}), 1),
    ]:
        y = layer.forward(x, training=True)
        assert np.allclose(y.mean(axis=axis), 0, atol=1e-12) and np.allclose(y.std(axis=axis), 1, atol=1e-4)


def test_running_statistics_follow_those_of_the_batches_and_serve_outside_of_training():
    layer = BatchNorm(np.ones(1), np.zeros(1), {"mean": np.zeros(1), "var": np.ones(1)})
    layer.forward(np.array([[1.0], [3.0]]), training=True)  # mean 2, unbiased variance 2
    assert layer.state["mean"] == pytest.approx([0.2]) and layer.state["var"] == pytest.approx([1.1])
    layer.forward(np.array([[5.0]]), training=True)  # one image: no variance
    assert layer.state["mean"] == pytest.approx([0.68]) and layer.state["var"] == pytest.approx([1.1])
    assert layer.forward(np.array([[0.68 + 1.1**0.5]])) == pytest.approx(1, abs=1e-4)
    assert layer.state["mean"] == pytest.approx([0.68])


@pytest.mark.parametrize("name", ["BatchNorm", "LayerNorm"])
def test_normalization_and_its_gradients_are_those_of_pytorch(name: str):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    layer = FACTORIES[name](rng)
    assert isinstance(layer, Normalization)
    theirs = torch.nn.BatchNorm1d(6).double() if name == "BatchNorm" else torch.nn.LayerNorm(6).double()
    with torch.no_grad():
        theirs.weight[...] = torch.tensor(layer.params["gamma"])
        theirs.bias[...] = torch.tensor(layer.params["beta"])
        if name == "BatchNorm":
            theirs.running_mean[...] = torch.tensor(layer.state["mean"])
            theirs.running_var[...] = torch.tensor(layer.state["var"])
    for _ in range(3):
        x, dout = rng.normal(2, 3, (9, 6)), rng.normal(size=(9, 6))
        z = torch.tensor(x, requires_grad=True)
        theirs.zero_grad()
        y = theirs(z)
        y.backward(torch.tensor(dout))
        assert np.allclose(layer.forward(x, training=True), y.detach().numpy(), rtol=1e-10)
        assert np.allclose(layer.backward(dout), z.grad.numpy(), rtol=1e-8, atol=1e-12)
        assert np.allclose(layer.grads["gamma"], theirs.weight.grad.numpy(), rtol=1e-10)
        assert np.allclose(layer.grads["beta"], theirs.bias.grad.numpy(), rtol=1e-10)
    theirs.eval()
    assert np.allclose(layer.forward(x), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-10)


# ---------------------------------------------------------------------------------------------- dropout


def test_dropout_is_the_identity_outside_of_training_and_at_rate_zero():
    x = np.random.default_rng(0).normal(size=(4, 3))
    for layer, training in [
        (Dropout(0.5, np.random.default_rng(1)), False),
        (Dropout(0.0, np.random.default_rng(1)), True),
    ]:
        assert layer.forward(x, training) is x
        assert layer.backward(x) is x


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_silences_its_share_and_keeps_the_mean(rate: float):
    x = np.ones((400, 500))
    out = Dropout(rate, np.random.default_rng(0)).forward(x, training=True)
    assert set(np.round(np.unique(out), 9)) == {0, round(1 / (1 - rate), 9)}
    assert np.mean(out == 0) == pytest.approx(rate, abs=5 * math.sqrt(rate * (1 - rate) / x.size))
    assert out.mean() == pytest.approx(1, abs=5 * math.sqrt(rate / (1 - rate) / x.size))


def test_dropout_draws_another_mask_each_time():
    layer, x = Dropout(0.5, np.random.default_rng(0)), np.ones((10, 10))
    assert not np.array_equal(layer.forward(x, training=True), layer.forward(x, training=True))
