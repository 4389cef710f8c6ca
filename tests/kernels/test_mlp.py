"""The fast training step does the arithmetic of the book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.kernels import calls, mlp, mlp_pass
from nn_core.kernels.mlp import MLPKernel
from nn_core.kernels.protocol import ROWS
from nn_core.nn.mlp import MLP
from tests.numerical import relative_error

N_IMAGES = 2 * ROWS + 100
Augment = Callable[[np.ndarray], np.ndarray]

cases = st.fixed_dictionaries(
    {
        "hidden": st.lists(st.integers(1, 12), max_size=3).map(tuple),
        "activation": st.sampled_from(sorted(choices("activation"))),
        "input_scaling": st.sampled_from(sorted(choices("input_scaling"))),
        "dropout": st.sampled_from([0.0, 0.3, 0.9]),
        "init": st.sampled_from(sorted(choices("init"))),
        "init_scale": st.just(0.1),
        "label_smoothing": st.sampled_from([0.0, 0.1]),
    }
).map(RunConfig.from_dict)
augmenters = st.sampled_from([None, lambda raw: np.roll(raw, 28, axis=1), lambda raw: raw[:, ::-1] * np.float32(0.7)])
batches = st.one_of(
    st.integers(1, 40), st.sampled_from([ROWS - 1, ROWS, ROWS + 1, 2 * ROWS, 2 * ROWS + 7]), st.just(N_IMAGES)
)


def random_data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (N_IMAGES, 784), dtype=np.uint8) * (rng.random((N_IMAGES, 784)) < 0.2)
    return images.astype(np.uint8), rng.integers(0, 10, N_IMAGES).astype(np.uint8)


IMAGES, LABELS = random_data(0)


def build(config: RunConfig, dtype: Any, seed: int, augment: Augment | None = None) -> tuple[MLP, MLPKernel]:
    network = MLP(config, np.random.default_rng(seed), np.random.default_rng(7), dtype)
    network.flat[network.n_weights :] = np.random.default_rng(seed).normal(0, 0.1, network.n_params - network.n_weights)
    return network, MLPKernel(network, IMAGES, LABELS, augment)


def reference(network: MLP, indices: np.ndarray, augment: Augment | None = None) -> tuple[float, np.ndarray]:
    """Mean loss and gradients of a batch by layers.py; with dropout, masks are drawn ROWS images at a time."""
    rows = ROWS if network.config.dropout else len(indices)
    loss, gradients = 0.0, np.zeros_like(network.flat)
    for start in range(0, len(indices), rows):
        part = indices[start : start + rows]
        share = len(part) / len(indices)
        raw = augment(IMAGES[part]) if augment else IMAGES[part]
        loss += share * network.loss_and_gradients(network.inputs(raw), LABELS[part])
        gradients += network.flat.dtype.type(share) * network.flat_grads
    return loss, gradients


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-6), (np.float32, 2e-3)], ids=["float64", "float32"])
@given(
    config=cases,
    m=batches,
    seed=st.integers(0, 1000),
    general=st.booleans(),
    as_slice=st.booleans(),
    cut=st.booleans(),
    rows=st.sampled_from([24, ROWS]),
    augment=augmenters,
)
@example(
    config=RunConfig(hidden=(3, 2), dropout=0.3),
    m=2 * ROWS + 7,
    seed=0,
    general=False,
    as_slice=True,
    cut=True,
    rows=24,
    augment=None,
)
def test_the_fast_step_equals_the_reference(
    dtype: Any,
    tolerance: float,
    config: RunConfig,
    m: int,
    seed: int,
    general: bool,
    as_slice: bool,
    cut: bool,
    rows: int,
    augment: Augment | None,
):
    with patch.dict(calls.IN_PLACE, clear=general):  # without an entry, an activation goes through layers.py
        network, kernel = build(config, dtype, seed, augment)
    if as_slice:
        start = seed % (N_IMAGES - m + 1)
        batch: Any = slice(start, start + m)
        indices = np.arange(start, start + m)
    else:
        batch = indices = np.random.default_rng(seed).permutation(N_IMAGES)[:m]
    before = network.flat.copy()
    with patch.object(mlp, "ENOUGH", 1 if cut else 10**12), patch.object(mlp_pass, "CUT", rows):
        loss = kernel.gradients(batch, config.dropout, np.random.default_rng(7))
    gradients = network.flat_grads.copy()
    expected_loss, expected = reference(network, indices, augment)
    assert np.array_equal(network.flat, before)
    assert loss == pytest.approx(expected_loss, rel=tolerance / 10)
    assert relative_error(gradients, expected) < tolerance
    if not config.dropout and dtype is np.float64:  # a mask is float32 in the fast step, and rounds there
        assert relative_error(gradients, expected) < 1e-11


@settings(max_examples=15)
@given(st.lists(batches, min_size=2, max_size=4))
def test_buffers_grown_for_one_batch_leave_no_trace_in_the_next(sizes: list[int]):
    network, kernel = build(RunConfig(hidden=(6, 5), activation="tanh"), np.float64, 0)
    for m in sizes:
        indices = np.random.default_rng(m).permutation(N_IMAGES)[:m]
        loss = kernel.gradients(indices, 0.0, np.random.default_rng(0))
        gradients = network.flat_grads.copy()
        expected_loss, expected = reference(network, indices)
        assert loss == pytest.approx(expected_loss, rel=1e-11)
        assert relative_error(gradients, expected) < 1e-11


def test_an_image_may_come_several_times_in_a_batch():
    network, kernel = build(RunConfig(hidden=(6,)), np.float64, 0)
    indices = np.array([3, 3, 3, 8, 8, 3])
    loss = kernel.gradients(indices, 0.0, np.random.default_rng(0))
    gradients = network.flat_grads.copy()
    expected_loss, expected = reference(network, indices)
    assert loss == pytest.approx(expected_loss) and relative_error(gradients, expected) < 1e-11


def test_without_dropout_no_random_number_is_drawn():
    _, kernel = build(RunConfig(hidden=(6,)), np.float32, 0)
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    kernel.gradients(np.arange(10), 0.0, rng)
    assert rng.bit_generator.state == before


def test_images_and_labels_are_left_as_they_are():
    _, kernel = build(RunConfig(hidden=(6,), dropout=0.5), np.float32, 0)
    kernel.gradients(slice(0, N_IMAGES), 0.5, np.random.default_rng(0))
    kernel.gradients(np.arange(10), 0.5, np.random.default_rng(0))
    images, labels = random_data(0)
    assert np.array_equal(IMAGES, images) and np.array_equal(LABELS, labels)


def test_certain_but_wrong_answers_cost_what_the_logits_say():
    network, kernel = build(RunConfig(hidden=()), np.float32, 0)
    network.flat[...] = 0
    network.dense[0].params["b"][0] = 500  # digit 0, whatever is seen
    others = np.flatnonzero(LABELS != 0)[:20]
    assert kernel.gradients(others, 0.0, np.random.default_rng(0)) == pytest.approx(500)
    assert np.isfinite(network.flat_grads).all()
