"""The whole network: numerical gradients, parameters by name, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core import RunConfig, Trainer
from nn_core.config.choices import CHOICES, choices, register
from nn_core.data import Dataset
from nn_core.nn.layers import Dense, Layer
from nn_core.nn.mlp import MLP
from nn_core.nn.network import CHUNK, Network, build_model, count_params, from_weights, scale_pixels
from tests.numerical import numerical_gradient, relative_error

DEPTHS: list[tuple[int, ...]] = [(), (7,), (6, 5), (6, 5, 4)]
hidden_sizes = st.lists(st.integers(1, 12), max_size=4).map(tuple)


def double_network(config: RunConfig, seed: int = 0) -> tuple[MLP, np.ndarray, np.ndarray, Callable[[], float]]:
    """A float64 network with non-zero biases, inputs, labels, and the loss under one fixed set of dropout masks."""
    rng, masks = np.random.default_rng(seed), np.random.default_rng(99)
    start = masks.bit_generator.state
    network = MLP(config, rng, masks, np.float64)
    network.flat[...] = rng.normal(0, 0.3, network.n_params)
    x, labels = rng.normal(size=(9, 784)) / 20, rng.integers(0, 10, 9)

    def loss() -> float:
        masks.bit_generator.state = start
        return network.loss_and_gradients(x, labels)

    return network, x, labels, loss


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("l2", [0.0, 0.03])
@pytest.mark.parametrize("hidden", DEPTHS, ids=str)
@pytest.mark.parametrize("activation", sorted(choices("activation")))
def test_the_gradient_of_a_whole_network_is_the_numerical_one(
    activation: str, hidden: tuple[int, ...], l2: float, dropout: float
):
    network, _, _, loss = double_network(RunConfig(hidden=hidden, activation=activation, l2=l2, dropout=dropout))
    loss()
    gradients = {name: values.copy() for name, values in network.named_grads()}
    rng = np.random.default_rng(1)
    for name, values in network.named_params():
        some = rng.choice(values.size, min(40, values.size), replace=False)
        expected = numerical_gradient(loss, values, some)
        assert relative_error(gradients[name].reshape(-1)[some], expected) < 1e-6, name


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_gradients_of_a_whole_network_are_those_of_pytorch(smoothing: float):
    torch = pytest.importorskip("torch")
    config = RunConfig(hidden=(6, 5), activation="tanh", l2=0.03, l1=0.001, label_smoothing=smoothing)
    network, x, labels, loss = double_network(config)
    params = {name: torch.tensor(values, requires_grad=True) for name, values in network.named_params()}
    a = torch.tensor(x)
    for number in (1, 2):
        a = torch.tanh(a @ params[f"dense{number}.W"] + params[f"dense{number}.b"])
    logits = a @ params["dense3.W"] + params["dense3.b"]
    weights = [values for name, values in params.items() if name.endswith(".W")]
    penalty = sum(config.l2 / 2 * (W**2).sum() + config.l1 * W.abs().sum() for W in weights)
    entropy = torch.nn.functional.cross_entropy
    expected = entropy(logits, torch.tensor(labels), label_smoothing=smoothing) + penalty
    expected.backward()
    assert loss() == pytest.approx(expected.item(), rel=1e-12)
    for name, gradient in network.named_grads():
        assert relative_error(gradient, params[name].grad.numpy()) < 1e-12, name


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("normalization", sorted(choices("normalization")))
@pytest.mark.parametrize("loss_name", sorted(choices("loss")))
def test_the_gradient_is_the_numerical_one_for_every_loss_and_normalization(
    loss_name: str, normalization: str, smoothing: float
):
    settings = dict(loss=loss_name, normalization=normalization, label_smoothing=smoothing, dropout=0.3, l1=0.02)
    network, _, _, loss = double_network(RunConfig.from_dict({"hidden": (5, 4), "activation": "tanh", **settings}))
    loss()
    gradient, some = network.flat_grads.copy(), np.random.default_rng(0).choice(network.n_params, 80, replace=False)
    assert relative_error(gradient[some], numerical_gradient(loss, network.flat, some)) < 1e-6


def test_the_l1_penalty_pulls_at_weights_by_their_sign():
    plain, _, _, plain_loss = double_network(RunConfig(hidden=(5,)))
    pulled, _, _, pulled_loss = double_network(RunConfig(hidden=(5,), l1=0.5))
    absolute = sum(float(np.abs(W).sum()) for name, W in plain.named_params() if name.endswith(".W"))
    assert pulled_loss() - plain_loss() == pytest.approx(0.5 * absolute)
    for (name, values), (_, before), (_, after) in zip(
        plain.named_params(), plain.named_grads(), pulled.named_grads(), strict=True
    ):
        assert np.allclose(after - before, 0.5 * np.sign(values) if name.endswith(".W") else 0, atol=1e-12)


def test_the_penalty_pulls_at_weights_and_leaves_biases_alone():
    plain, _, _, plain_loss = double_network(RunConfig(hidden=(5,)))
    pulled, _, _, pulled_loss = double_network(RunConfig(hidden=(5,), l2=0.5))
    squares = sum(float((W**2).sum()) for name, W in plain.named_params() if name.endswith(".W"))
    assert pulled_loss() - plain_loss() == pytest.approx(0.25 * squares)
    for (name, values), (_, before), (_, after) in zip(
        plain.named_params(), plain.named_grads(), pulled.named_grads(), strict=True
    ):
        assert np.allclose(after - before, 0.5 * values if name.endswith(".W") else 0, atol=1e-12)


# ---------------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(("normalization", "kept"), [("batch", ("mean", "var")), ("layer", ())])
def test_normalization_adds_its_parameters_and_its_state_by_name(normalization: str, kept: tuple[str, ...]):
    config = RunConfig(hidden=(4, 3), normalization=normalization)
    network = MLP(config, np.random.default_rng(0))
    trained = {name: values.shape for name, values in network.named_params() if name.startswith("norm")}
    assert trained == {"norm1.gamma": (4,), "norm1.beta": (4,), "norm2.gamma": (3,), "norm2.beta": (3,)}
    assert network.n_params == count_params(config) == sum(values.size for _, values in network.named_params())
    state = set(network.weights()) - {name for name, _ in network.named_params()}
    assert state == {f"norm{layer}.{name}" for layer in (1, 2) for name in kept}
    assert all((values == 1).all() for name, values in network.weights().items() if name.endswith(("gamma", "var")))


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_running_statistics_are_part_of_what_a_network_is_made_from(normalization: str, tiny: Dataset):
    config = RunConfig(hidden=(4, 3), normalization=normalization)
    network = MLP(config, np.random.default_rng(0))
    for _ in range(3):
        network.loss_and_gradients(network.inputs(tiny.train_images[:50]), tiny.train_labels[:50])
    network.flat += np.random.default_rng(1).normal(0, 0.1, network.n_params).astype(np.float32)
    twin = from_weights(config, network.weights())
    assert np.array_equal(twin.predict_proba(tiny.val_images), network.predict_proba(tiny.val_images))
    assert np.array_equal(network.running, twin.running)
    network.predict_proba(tiny.val_images)
    assert np.array_equal(network.running, twin.running)  # an answer changes nothing


@given(hidden_sizes)
def test_parameters_have_the_names_and_shapes_of_the_book(hidden: tuple[int, ...]):
    config = RunConfig(hidden=hidden)
    network = MLP(config, np.random.default_rng(0))
    sizes = [784, *hidden, 10]
    expected: dict[str, tuple[int, ...]] = {}
    for layer in range(1, len(sizes)):
        expected[f"dense{layer}.W"] = (sizes[layer - 1], sizes[layer])
        expected[f"dense{layer}.b"] = (sizes[layer],)
    assert {name: values.shape for name, values in network.named_params()} == expected
    assert {name: values.shape for name, values in network.named_grads()} == expected
    assert network.n_params == count_params(config) == sum(values.size for _, values in network.named_params())


def test_named_parameters_are_views_that_together_are_the_flat_vector():
    network = MLP(RunConfig(hidden=(4, 3)), np.random.default_rng(0))
    for i, (_, values) in enumerate(network.named_params()):
        assert np.shares_memory(values, network.flat)
        values[...] = i
    assert sorted(np.unique(network.flat)) == list(range(6))


def test_handed_out_weights_are_read_only_copies():
    network = MLP(RunConfig(hidden=(4,)), np.random.default_rng(0))
    weights = network.weights()
    before = weights["dense1.W"].copy()
    network.flat += 1
    assert np.array_equal(weights["dense1.W"], before)
    with pytest.raises(ValueError, match="read-only"):
        weights["dense1.W"][0, 0] = 1


def test_a_network_made_from_weights_answers_alike_and_stands_alone(tiny: Dataset):
    config = RunConfig(hidden=(8,), input_scaling="standard", activation="tanh")
    network = MLP(config, np.random.default_rng(0))
    twin = from_weights(config, network.weights())
    expected = network.predict_proba(tiny.val_images)
    assert np.array_equal(twin.predict_proba(tiny.val_images), expected)
    network.flat[...] = 0
    assert np.array_equal(twin.predict_proba(tiny.val_images), expected)


def test_weights_of_another_shape_or_with_one_missing_are_refused_by_name():
    network = MLP(RunConfig(hidden=(4,)), np.random.default_rng(0))
    weights = network.weights()
    with pytest.raises(ValueError, match=r"dense1.W must have shape \(784, 4\), got \(784, 5\)"):
        network.load({**weights, "dense1.W": np.zeros((784, 5), np.float32)})
    del weights["dense2.b"]
    with pytest.raises(ValueError, match=r"dense2.b must have shape \(10,\), got none"):
        network.load(weights)


# ---------------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize("model", choices("model"))
@pytest.mark.parametrize("n", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_probabilities_are_float32_and_sum_to_one_for_any_number_of_images(n: int, model: str, tiny: Dataset):
    network = build_model(RunConfig(model=model), np.random.default_rng(0))
    p = network.predict_proba(tiny.train_images[:n])
    assert p.shape == (n, 10) and p.dtype == np.float32
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5) and (p >= 0).all()
    predicted = network.predict(tiny.train_images[:n])
    assert predicted.shape == (n,) and predicted.dtype == np.int64
    assert np.array_equal(predicted, p.argmax(axis=1))


def test_one_image_gets_the_same_answer_alone_and_among_others(tiny: Dataset):
    network = MLP(RunConfig(hidden=(16,)), np.random.default_rng(0))
    together = network.predict_proba(tiny.val_images)
    alone = np.concatenate([network.predict_proba(tiny.val_images[i : i + 1]) for i in range(20)])
    assert np.allclose(together[:20], alone, atol=1e-6)


def test_dropout_does_not_touch_an_answer(tiny: Dataset):
    network = MLP(RunConfig(hidden=(16,), dropout=0.9), np.random.default_rng(0), np.random.default_rng(1))
    first = network.predict_proba(tiny.val_images)
    assert np.array_equal(first, network.predict_proba(tiny.val_images))


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28), np.float32),
        np.zeros((2, 784), np.uint8),
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 28, 29), np.uint8),
    ],
    ids=lambda images: f"{images.dtype}{images.shape}",
)
def test_what_is_no_stack_of_images_is_refused_with_its_form(images: np.ndarray):
    network = MLP(RunConfig(), np.random.default_rng(0))
    for ask in (network.predict_proba, network.predict, network.activations):
        with pytest.raises(ValueError, match="images must be uint8 of shape"):
            ask(images)


@pytest.mark.parametrize("hidden", DEPTHS, ids=str)
def test_activations_are_those_of_each_hidden_layer(hidden: tuple[int, ...], tiny: Dataset):
    network = MLP(RunConfig(hidden=hidden), np.random.default_rng(0))
    outputs = network.activations(tiny.val_images)
    assert [a.shape for a in outputs] == [(200, n) for n in hidden]
    x = scale_pixels(tiny.val_images, "unit")
    for layer, a in enumerate(outputs):
        x = np.maximum(0, x @ network.dense[layer].params["W"])
        assert np.allclose(a, x, atol=1e-5)


def test_several_threads_may_ask_one_network_at_once(tiny: Dataset):
    network = MLP(RunConfig(hidden=(16,)), np.random.default_rng(0))
    parts = [tiny.train_images[i : i + 50] for i in range(0, 1000, 50)]
    expected = [network.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for got, wanted in zip(pool.map(network.predict_proba, parts * 5), expected * 5, strict=True):
            assert np.array_equal(got, wanted)


# ---------------------------------------------------------------------------------------------- inputs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_are_scaled_to_the_unit_range_or_to_mean_zero_and_deviation_one(mnist: Dataset, dtype: type):
    images = mnist.train_images[:5000]
    unit, standard = scale_pixels(images, "unit", dtype), scale_pixels(images, "standard", dtype)
    assert unit.shape == (5000, 784) and unit.dtype == standard.dtype == dtype
    assert unit.min() == 0 and unit.max() == pytest.approx(1, abs=1e-6)
    assert standard.mean() == pytest.approx(0, abs=0.02) and standard.std() == pytest.approx(1, abs=0.02)


def test_every_registered_scaling_gives_an_affine_map_of_bytes():
    images = np.arange(256, dtype=np.uint8).repeat(784).reshape(256, 28, 28)
    for name in choices("input_scaling"):
        x = scale_pixels(images, name, np.float64)[:, 0]
        assert np.allclose(np.diff(x), x[1] - x[0]) and x[1] > x[0]


@pytest.fixture
def registered() -> Iterator[Callable[[type[Network]], RunConfig]]:
    """Registers a class as the model "mine"; gives settings of it."""

    def add(kind: type[Network]) -> RunConfig:
        register("model", "mine", label="Mine", help="Mine.", formula="f(x)", citation="here", uses=("hidden",))(kind)
        return RunConfig(model="mine", hidden=(8,), n_train=400, batch_size=50)

    yield add
    del CHOICES["model"]["mine"]


def test_a_subclass_of_the_mlp_trains_by_the_reference_step(registered: Any, tiny: Dataset):
    trainer = Trainer(registered(type("Mine", (MLP,), {})), tiny)
    trainer.train_epochs(2)
    assert trainer.score().val_accuracy > 0.2


def test_a_layer_that_build_and_shapes_do_not_agree_on_is_named(registered: Any, tiny: Dataset):
    class Mine(MLP):
        def build(self, dropout_rng: np.random.Generator | None) -> list[Layer]:
            layers = super().build(dropout_rng)
            del self.parts["dense2"]
            return layers

    class More(MLP):
        def build(self, dropout_rng: np.random.Generator | None) -> list[Layer]:
            return [*super().build(dropout_rng), self.part("extra", Dense)]

    with pytest.raises(TypeError, match=r"Mine\.shapes has arrays for the layer dense2, which build does not make"):
        Trainer(registered(Mine), tiny)
    with pytest.raises(TypeError, match=r"More\.build makes the layer extra, and shapes has .* dense1, dense2 only"):
        Trainer(registered(More), tiny)
