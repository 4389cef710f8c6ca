"""The fast step of a convolutional network does the arithmetic of the book."""

from __future__ import annotations

import tracemalloc
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.kernels import cnn as cnn_kernel
from nn_core.kernels import conv
from nn_core.kernels.cnn import FEWEST, MOST_PASSES, PART, CNNKernel, activations, logits
from nn_core.machine.second_core import SecondCore
from nn_core.nn.cnn import CNN, block_sizes
from tests.numerical import relative_error

N_IMAGES = 2 * PART + 50

shapes = st.fixed_dictionaries(
    {
        "channels": st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
        "kernel": st.integers(1, 6),
        "padding": st.integers(0, 2),
        "pool": st.integers(1, 3),
        "pooling": st.sampled_from(sorted(choices("pooling"))),
        "head": st.sampled_from(sorted(choices("head"))),
        "normalization": st.sampled_from(["none", "batch"]),
        "activation": st.sampled_from(sorted(choices("activation"))),
        "dense_units": st.lists(st.integers(1, 7), max_size=2).map(tuple),
        "input_scaling": st.sampled_from(["unit", "standard"]),
    }
)


def cnn(channels: tuple[int, ...], **more: Any) -> RunConfig:
    return RunConfig(model="cnn", channels=channels, **more)


def random_data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with much plain background, where all values under a pool are equal, and labels."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (N_IMAGES, 784)) * (rng.random((N_IMAGES, 784)) < 0.1)
    return images.astype(np.uint8), rng.integers(0, 10, N_IMAGES).astype(np.uint8)


IMAGES, LABELS = random_data(0)
PIECES: list[dict[str, Any]] = [  # ways to cut the products
    {"HAS_AVX512": True, "SMALL": 10**9},
    {"HAS_AVX512": True, "SMALL": 2_000},
    {"HAS_AVX512": False, "PANEL": 4_000},
]


def build(config: RunConfig, dtype: Any, seed: int = 0) -> tuple[CNN, CNNKernel]:
    network = CNN(config, np.random.default_rng(seed), np.random.default_rng(7), dtype)
    biases = network.flat[network.n_weights :]
    biases += np.random.default_rng(seed).normal(0.1, 0.1, len(biases))
    return network, CNNKernel(network, IMAGES, LABELS)


def reference(network: CNN, indices: np.ndarray, smoothing: float = 0.0) -> tuple[float, np.ndarray]:
    """Loss and gradients of a batch by the readable layers, which leave the running statistics as they are."""
    running = network.running.copy()
    loss = network.data_loss_and_gradients(network.inputs(IMAGES[indices]), LABELS[indices], smoothing)
    network.running[...] = running
    return loss, network.flat_grads.copy()


def made(settings: dict[str, Any]) -> RunConfig:
    """The settings, if such a network can be."""
    try:
        return RunConfig(model="cnn", **settings)
    except ConfigError:
        assume(False)
        raise


@given(shapes, st.integers(1, 40), st.integers(0, 1000), st.sampled_from([0.0, 0.1]), st.sampled_from(PIECES))
@example({"channels": (3, 4)}, N_IMAGES, 0, 0.0, PIECES[0])
@example({"channels": (3, 4), "padding": 2, "dense_units": (5,), "activation": "gelu"}, N_IMAGES, 0, 0.1, PIECES[1])
@example({"channels": (3, 4), "normalization": "batch", "pooling": "average"}, N_IMAGES, 0, 0.1, PIECES[0])
@example({"channels": (3, 4), "normalization": "batch", "head": "average"}, N_IMAGES, 0, 0.0, PIECES[2])
def test_the_fast_step_equals_the_reference(
    shape: dict[str, Any], m: int, seed: int, smoothing: float, pieces: dict[str, Any]
):
    config = made(shape)
    normalized = config.normalization == "batch"
    assume(not normalized or m >= 4)  # the gradient through the spread of two values is nothing but rounding
    with patch.multiple(conv, **pieces):
        network, kernel = build(config, np.float64, seed)
        indices = np.random.default_rng(seed).permutation(N_IMAGES)[:m]
        expected_loss, expected = reference(network, indices, smoothing)
        before = network.flat.copy()
        kernel.smooth(smoothing)
        loss = kernel.gradients(indices, 0.0, np.random.default_rng(0))
    gradients = network.flat_grads.copy()
    assert np.array_equal(network.flat, before)
    assert loss == pytest.approx(expected_loss, rel=1e-10)
    # a batch whose values hardly differ is divided by next to nothing: rounding is then magnified
    assert relative_error(gradients, expected) < (1e-6 if normalized else 1e-9)
    if not normalized:  # with it, the biases' gradients are zero, and rounding in the reference
        for pair, expected_pair in zip(*map(network.weights_and_biases, (gradients, expected)), strict=True):
            for one, other in zip(pair, expected_pair, strict=True):
                assert relative_error(one, other) < 1e-10
    assert relative_error(logits(network, IMAGES[indices]), network.forward(network.inputs(IMAGES[indices]))) < 1e-12


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_the_fast_step_in_float32_is_that_of_pytorch(pooling: str, normalization: str):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    network, kernel = build(cnn((6, 8), padding=1, pooling=pooling, normalization=normalization), np.float32, 0)
    pool = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}[pooling]
    parts: list[Any] = []
    for block in network.blocks:
        parts += [nn.Conv2d(block.c_in, block.c_out, block.kernel, padding=block.padding), pool(block.pool)]
        parts += [nn.BatchNorm2d(block.c_out)] * (normalization == "batch") + [nn.ReLU()]
    theirs = nn.Sequential(*parts, nn.Flatten(), nn.Linear(*network.dense_sizes))
    pairs = []
    layers = [part for part in theirs if list(part.parameters())]
    own = [layer for layer in network.layers if getattr(layer, "params", {})]
    with torch.no_grad():
        for layer, other in zip(own, layers, strict=True):
            for (name, values), parameter in zip(layer.params.items(), other.parameters(), strict=True):
                turn = (lambda x: x.T) if parameter.ndim == 2 else (lambda x: x)
                parameter[...] = torch.from_numpy(turn(values).copy())
                pairs.append((name, layer.grads[name], parameter, turn))
    loss = kernel.gradients(slice(0, N_IMAGES), 0.0, np.random.default_rng(0))
    x = torch.from_numpy(network.inputs(IMAGES.reshape(-1, 28, 28)))
    expected = nn.functional.cross_entropy(theirs(x), torch.from_numpy(LABELS.astype(np.int64)))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for name, gradient, parameter, turn in pairs:
        wanted = turn(parameter.grad.numpy())
        if name == "b" and normalization == "batch" and len(gradient) != 10:
            assert np.abs(wanted).max() < 1e-4 and not gradient.any()  # rounding there, exactly 0 here
        else:
            assert relative_error(gradient, wanted) < 1e-5


@given(shapes, st.integers(1, 40), st.integers(0, 1000))
@example({"channels": (3, 4), "dense_units": (5, 6), "normalization": "batch"}, N_IMAGES, 0)
@example({"channels": (3, 4), "head": "average", "dense_units": (5,), "padding": 2, "pooling": "average"}, 17, 0)
def test_the_fast_outputs_of_every_hidden_layer_equal_the_reference(shape: dict[str, Any], m: int, seed: int):
    network, _ = build(made(shape), np.float64, seed)
    network.running += np.random.default_rng(seed).random(len(network.running))
    images = IMAGES[:m].reshape(-1, 28, 28)
    expected = network.activations(images)
    for layer, outputs in enumerate(expected):
        found = activations(network, images, layer)
        assert found.shape == outputs.shape and relative_error(found, outputs) < 1e-12
        assert np.array_equal(found.any(axis=(0, *range(2, found.ndim))), outputs.any(axis=(0, *range(2, found.ndim))))


@pytest.mark.parametrize("m", [1, 30, N_IMAGES])
def test_running_statistics_follow_the_batches_as_in_the_reference(m: int):
    network, kernel = build(cnn((3, 4), normalization="batch"), np.float64)
    running = network.running.copy()
    network.data_loss_and_gradients(network.inputs(IMAGES[:m]), LABELS[:m])
    expected = network.running.copy()
    network.running[...] = running
    kernel.gradients(slice(0, m), 0.0, np.random.default_rng(0))
    assert relative_error(network.running, expected) < 1e-12 and not np.array_equal(running, expected)


def test_the_fast_step_in_float32_is_the_reference_in_float64_to_rounding():
    network, kernel = build(cnn((8, 16)), np.float32)
    exact, _ = build(cnn((8, 16)), np.float64)
    exact.flat[...] = network.flat
    indices = np.arange(128)
    loss = kernel.gradients(indices, 0.0, np.random.default_rng(0))
    expected_loss, expected = reference(exact, indices)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert relative_error(network.flat_grads, expected) < 1e-4  # of two nearly equal values another may be the largest


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("m", [1, 30])
def test_with_dropout_the_fast_step_draws_the_masks_of_the_reference(m: int, normalized: bool):
    config = cnn((3, 4), dense_units=(6,), dropout=0.4, normalization="batch" if normalized else "none")
    network, kernel = build(config, np.float64)
    indices = np.arange(m)
    loss = kernel.gradients(indices, 0.4, np.random.default_rng(7))
    gradients = network.flat_grads.copy()
    expected_loss, expected = reference(network, indices)
    assert loss == pytest.approx(expected_loss, rel=1e-6)  # a mask is float32 in the fast step
    assert relative_error(gradients, expected) < 1e-6


@settings(max_examples=10)
@given(st.lists(st.integers(1, N_IMAGES), min_size=2, max_size=2 * MOST_PASSES))
def test_batches_of_one_size_leave_no_trace_in_those_of_another(counts: list[int]):
    network, kernel = build(cnn((2, 3), kernel=3, padding=1), np.float64)
    for m in counts:
        indices = np.random.default_rng(m).permutation(N_IMAGES)[:m]
        loss = kernel.gradients(indices, 0.0, np.random.default_rng(0))
        gradients = network.flat_grads.copy()
        expected_loss, expected = reference(network, indices)
        assert loss == pytest.approx(expected_loss, rel=1e-12)
        assert relative_error(gradients, expected) < 1e-11
    assert all(len(worker.passes) <= MOST_PASSES for worker in kernel.workers)


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize(
    "sizes",
    [
        {"channels": (8, 16)},
        {"channels": (4, 8), "padding": 2},
        {"channels": (8,), "kernel": 9, "pool": 1},
        {"channels": (4, 8), "kernel": 3, "pool": 3, "pooling": "average"},
    ],
    ids=str,
)
def test_what_a_step_keeps_is_about_what_the_settings_are_judged_by(sizes: dict[str, Any], normalization: str):
    config = cnn(**sizes, normalization=normalization)
    kernel = CNNKernel(CNN(config, np.random.default_rng(0)), IMAGES[: 2 * PART], LABELS[: 2 * PART])
    tracemalloc.start()
    kernel.gradients(slice(0, 2 * PART), 0.0, np.random.default_rng(0))
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    blocks = block_sizes(config)
    judged = 4 * sum(2 * PART * block.numbers + 2 * block.numbers_of_rows for block in blocks)
    assert 0.55 * judged < kept < 1.05 * judged


def test_images_may_be_changed_on_their_way_and_are_left_as_they_are():
    network, _ = build(cnn((2, 3)), np.float64)
    kernel = CNNKernel(network, IMAGES, LABELS, augment=lambda raw: 255.0 - raw)
    before = IMAGES.copy()
    kernel.gradients(slice(0, 20), 0.0, np.random.default_rng(0))
    gradients = network.flat_grads.copy()
    network.data_loss_and_gradients(network.inputs(255 - IMAGES[:20]), LABELS[:20])
    assert relative_error(gradients, network.flat_grads) < 1e-11
    assert np.array_equal(IMAGES, before)


@pytest.mark.parametrize("normalized", [False, True])
def test_gradients_do_not_depend_on_a_second_thread(normalized: bool, monkeypatch: pytest.MonkeyPatch):
    found = []
    for alone in (True, False):
        second_core = SecondCore()
        second_core._alone = alone
        monkeypatch.setattr(cnn_kernel, "SECOND_CORE", second_core)
        network, kernel = build(cnn((4, 6), normalization="batch" if normalized else "none"), np.float32)
        for _ in range(3):
            kernel.gradients(np.arange(2 * FEWEST + 5), 0.0, np.random.default_rng(0))
        found.append((network.flat_grads.copy(), logits(network, IMAGES)))
    assert np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        (
            dict(channels=(8, 16), kernel=28, pool=1),
            "conv2: kernel must be at most 1x1, the size of its input of 1x1, got 28x28",
        ),
        (dict(channels=(8,) * 4), "conv3: kernel must be at most 4x4, the size of its input of 4x4, got 5x5"),
        (
            dict(channels=(8, 16), kernel=5, padding=1, pool=12),
            "conv2: kernel must be at most 4x4, the size of its input of 2x2 with a padding of 1x1, got 5x5",
        ),
        (dict(channels=(8, 8), pool=9), "conv2: kernel must be at most 2x2, the size of its input of 2x2, got 5x5"),
        (dict(channels=(8, 8), pool=5), "conv2: kernel must be at most 4x4, the size of its input of 4x4, got 5x5"),
        (dict(channels=(8, 8), kernel=4, pool=5), "pool2: pool must be at most 2, the size of its input, got 5"),
    ],
    ids=["kernel", "third", "padded", "pool 9", "pool 5", "pooling to nothing"],
)
def test_sizes_that_cannot_work_are_refused_with_layer_size_and_limit(sizes: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError) as refused:
        RunConfig(model="cnn", **sizes)
    assert str(refused.value) == sentence
