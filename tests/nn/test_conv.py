"""Every layer for images: its backward pass is the derivative of its forward pass, and both are PyTorch's."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nn_core.config.errors import ConfigError
from nn_core.nn import conv
from nn_core.nn.conv import AvgPool2D, BatchNorm2D, Conv2D, Flatten, GlobalAveragePool, MaxPool2D, Windowed
from nn_core.nn.layers import Layer
from nn_core.nn.normalization import BatchNorm
from tests.numerical import numerical_gradient, relative_error

Pair = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """Sizes of a batch and of a layer that can work on it."""

    n: int
    c_in: int
    size: Pair
    c_out: int
    kernel: Pair
    stride: Pair
    padding: Pair
    seed: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.n, self.c_in, *self.size


@st.composite
def cases(draw: st.DrawFn, padded: bool = True) -> Case:
    def pair(low: int, high: int) -> Pair:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    size, padding = pair(1, 6), pair(0, 2) if padded else (0, 0)
    rows, columns = (draw(st.integers(1, min(4, n + 2 * p))) for n, p in zip(size, padding, strict=True))
    counts = (draw(st.integers(1, 3)) for _ in range(3))
    n, c_in, c_out = counts
    return Case(n, c_in, size, c_out, (rows, columns), pair(1, 3), padding, draw(st.integers(0, 10**6)))


def images(case: Case, dtype: Any = np.float64) -> np.ndarray:
    """Random values of which no two lie within 0.01: a numerical step changes no maximum."""
    rng = np.random.default_rng(case.seed)
    n_values = int(np.prod(case.shape))
    return ((rng.permutation(n_values) - n_values / 2 + 0.25) * 0.02).reshape(case.shape).astype(dtype)


def build(name: str, case: Case, dtype: Any = np.float64) -> Layer:
    rng = np.random.default_rng(case.seed + 1)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    if name == "Conv2D":
        W = normal(case.c_out, case.c_in, *case.kernel)
        return Conv2D(W, normal(case.c_out), case.stride, case.padding)
    if name == "BatchNorm2D":
        state = {"mean": normal(case.c_in), "var": (rng.random(case.c_in) + 0.5).astype(dtype)}
        return BatchNorm2D(normal(case.c_in), normal(case.c_in), state)
    if name in ("MaxPool2D", "AvgPool2D"):
        layer: Layer = getattr(conv, name)(case.kernel, case.stride)
        return layer
    simple: Layer = getattr(conv, name)()
    return simple


NAMES = ["AvgPool2D", "BatchNorm2D", "Conv2D", "Flatten", "GlobalAveragePool", "MaxPool2D"]
PADDED = {"Conv2D"}


def case_for(data: st.DataObject, name: str) -> Case:
    case = data.draw(cases(padded=name in PADDED))
    if name == "BatchNorm2D":  # one value alone has no spread, two are always one above and one below
        assume(case.n * case.size[0] * case.size[1] > 2)
    return case


def test_every_layer_of_the_module_is_checked_here():
    found = {
        name
        for name, thing in vars(conv).items()
        if inspect.isclass(thing) and issubclass(thing, Layer) and thing not in (Layer, Windowed, BatchNorm)
    }
    assert found == set(NAMES)


# ---------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), training=st.booleans())
def test_all_gradients_are_the_numerical_ones(name: str, data: st.DataObject, training: bool):
    case = case_for(data, name)
    layer, x = build(name, case), images(case)
    weights = np.random.default_rng(7).normal(size=layer.forward(x, training).shape)
    state = {key: values.copy() for key, values in getattr(layer, "state", {}).items()}

    def scalar() -> float:
        for key, values in state.items():
            layer.state[key][...] = values
        return float((layer.forward(x, training) * weights).sum())

    scalar()
    dx = layer.backward(weights)
    grads = {key: values.copy() for key, values in layer.grads.items()}
    assert dx.shape == x.shape and dx.dtype == x.dtype
    assert relative_error(dx, numerical_gradient(scalar, x)) < 1e-6
    assert set(grads) == set(layer.params)
    for key, values in layer.params.items():
        assert grads[key].shape == values.shape
        assert relative_error(grads[key], numerical_gradient(scalar, values)) < 1e-6, key


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_a_layer_keeps_the_dtype_and_its_input_and_gives_contiguous_arrays(name: str, dtype: type):
    case = Case(2, 3, (6, 5), 4, (3, 2), (1, 2), (1, 0), seed=3)
    layer, x = build(name, case, dtype), images(case, dtype)
    before = x.copy()
    y = layer.forward(x, training=True)
    dout = np.ones_like(y)
    dx = layer.backward(dout)
    assert y.dtype == dx.dtype == dtype and all(grad.dtype == dtype for grad in layer.grads.values())
    assert y.flags.c_contiguous and dx.flags.c_contiguous
    assert np.array_equal(x, before) and (dout == 1).all()


# ---------------------------------------------------------------------------------------------- by hand


def test_a_convolution_has_the_values_worked_out_by_hand():
    x = np.array([[[[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]]])
    W = np.array([[[[1.0, 0], [0, -2]]]])  # upper left less twice the lower right
    layer = Conv2D(W, np.array([0.5]))
    assert layer.forward(x).tolist() == [[[[-8.5, -9.5], [-11.5, -12.5]]]]
    dx = layer.backward(np.array([[[[1.0, 0], [0, 10]]]]))
    assert dx.tolist() == [[[[1, 0, 0], [0, 8, 0], [0, 0, -20]]]]
    assert layer.grads["W"].tolist() == [[[[51, 62], [84, 95]]]] and layer.grads["b"].tolist() == [11]
    padded = Conv2D(W, np.array([0.0]), stride=2, padding=1)  # windows at the four corners
    assert padded.forward(x).tolist() == [[[[-2, -6], [-14, 5 - 18]]]]


def test_the_largest_value_gets_the_gradient_and_of_equal_ones_the_first():
    x = np.array([[[[1.0, 5, 3, 3], [2, 4, 3, 3]]]])
    layer = MaxPool2D()
    assert layer.forward(x).tolist() == [[[[5, 3]]]]
    assert layer.backward(np.array([[[[10.0, 20]]]])).tolist() == [[[[0, 10, 20, 0], [0, 0, 0, 0]]]]


def test_a_mean_over_a_window_shares_its_gradient_evenly():
    x = np.array([[[[1.0, 5, 9], [2, 4, 9], [9, 9, 9]]]])
    layer = AvgPool2D(2)  # the last row and column fit in no window
    assert layer.forward(x).tolist() == [[[[3]]]]
    assert layer.backward(np.array([[[[8.0]]]])).tolist() == [[[[2, 2, 0], [2, 2, 0], [0, 0, 0]]]]


def test_a_whole_channel_has_one_mean():
    x = np.array([[[[1.0, 3], [5, 7]], [[0, 0], [0, 2]]]])
    layer = GlobalAveragePool()
    assert layer.forward(x).tolist() == [[4, 0.5]]
    assert layer.backward(np.array([[4.0, 8]])).tolist() == [[[[1, 1], [1, 1]], [[2, 2], [2, 2]]]]


def test_an_image_is_flattened_channel_by_channel_and_row_by_row():
    assert Flatten().forward(np.arange(16).reshape(2, 2, 2, 2)).tolist() == [list(range(8)), list(range(8, 16))]


def test_a_normalized_batch_has_mean_zero_and_deviation_one_in_every_channel():
    x = np.random.default_rng(0).normal(3, 7, (20, 4, 5, 5))
    layer = BatchNorm2D(np.ones(4), np.zeros(4), {"mean": np.zeros(4), "var": np.ones(4)})
    y = layer.forward(x, training=True)
    assert np.allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-12) and np.allclose(y.std(axis=(0, 2, 3)), 1, atol=1e-4)
    for _ in range(200):
        layer.forward(x, training=True)
    assert np.allclose(layer.state["mean"], x.mean(axis=(0, 2, 3)))
    assert np.allclose(layer.forward(x), y, atol=0.01)  # the running statistics have come to the batch's own


# ---------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (
            Conv2D(np.zeros((8, 1, 7, 7)), np.zeros(8), name="conv2"),
            (2, 1, 4, 5),
            "conv2: kernel must be at most 4x5, the size of its input of 4x5, got 7x7",
        ),
        (
            Conv2D(np.zeros((8, 1, 1, 9)), np.zeros(8), padding=(0, 1), name="conv1"),
            (2, 1, 6, 6),
            "conv1: kernel must be at most 6x8, the size of its input of 6x6 with a padding of 0x1, got 1x9",
        ),
        (
            MaxPool2D(2, name="pool3"),
            (2, 1, 1, 1),
            "pool3: kernel must be at most 1x1, the size of its input of 1x1, got 2x2",
        ),
        (AvgPool2D(3), (2, 1, 5, 2), "pooling: kernel must be at most 5x2, the size of its input of 5x2, got 3x3"),
    ],
    ids=["kernel", "padded kernel", "max pooling", "average pooling"],
)
def test_a_window_larger_than_its_input_is_refused_with_layer_size_and_limit(
    layer: Windowed, shape: tuple[int, ...], sentence: str
):
    with pytest.raises(ConfigError) as refused:
        layer.forward(np.zeros(shape))
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"kernel": 0}, "pool1: kernel must be at least 1, got 0x0"),
        ({"stride": (2, 0)}, "pool1: stride must be at least 1, got 2x0"),
    ],
    ids=["kernel", "stride"],
)
def test_sizes_that_no_input_could_suit_are_refused_at_once(sizes: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError) as refused:
        MaxPool2D(**sizes, name="pool1")
    assert str(refused.value) == sentence


def test_a_negative_padding_and_another_number_of_channels_are_refused():
    W = np.zeros((8, 3, 2, 2))
    with pytest.raises(ConfigError, match="conv1: padding must be at least 0, got -1x-1"):
        Conv2D(W, np.zeros(8), padding=-1, name="conv1")
    with pytest.raises(ValueError, match="conv1: the input must have 3 channels, got 1"):
        Conv2D(W, np.zeros(8), name="conv1").forward(np.zeros((2, 1, 6, 6)))


@given(cases())
def test_the_announced_size_is_that_of_the_output(case: Case):
    layer = build("Conv2D", case)
    assert isinstance(layer, Windowed)
    y = layer.forward(images(case))
    assert y.shape == (case.n, case.c_out, *layer.output_size(case.size))


# ---------------------------------------------------------------------------------------------- PyTorch


def in_torch(torch: Any, name: str, case: Case, layer: Layer) -> Any:
    """The same layer with the same parameters."""
    nn = torch.nn
    if name == "Conv2D":
        theirs = nn.Conv2d(case.c_in, case.c_out, case.kernel, case.stride, case.padding)
    elif name == "BatchNorm2D":
        theirs = nn.BatchNorm2d(case.c_in)
    else:
        theirs = {
            "MaxPool2D": lambda: nn.MaxPool2d(case.kernel, case.stride),
            "AvgPool2D": lambda: nn.AvgPool2d(case.kernel, case.stride),
            "Flatten": nn.Flatten,
            "GlobalAveragePool": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        }[name]()
    with torch.no_grad():
        for theirs_values, ours in zip(theirs.parameters(), layer.params.values(), strict=True):
            theirs_values[...] = torch.from_numpy(ours)
        for key, values in getattr(layer, "state", {}).items():
            getattr(theirs, f"running_{key}")[...] = torch.from_numpy(values)
    return theirs


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), training=st.booleans())
def test_a_layer_and_its_gradients_are_those_of_pytorch(name: str, data: st.DataObject, training: bool):
    torch = pytest.importorskip("torch")
    case = case_for(data, name)
    layer, x = build(name, case, np.float32), images(case, np.float32)
    theirs = in_torch(torch, name, case, layer).train(training)
    inputs = torch.from_numpy(x).requires_grad_()
    outputs = theirs(inputs)
    y = layer.forward(x, training)
    dout = np.random.default_rng(7).normal(size=y.shape).astype(np.float32)
    outputs.backward(torch.from_numpy(dout))
    assert relative_error(y, outputs.detach().numpy()) < 1e-5
    dx = layer.backward(dout)
    # the gradient through a batch's own statistics is a difference of much larger terms when few values are averaged
    assert np.abs(dx - inputs.grad.numpy()).max() < 1e-5 * (1 + np.abs(inputs.grad.numpy()).max() + np.abs(dout).max())
    for (key, grad), value in zip(layer.grads.items(), theirs.parameters(), strict=True):
        assert relative_error(grad, value.grad.numpy()) < 1e-5, key
    for key, values in getattr(layer, "state", {}).items():
        assert relative_error(values, getattr(theirs, f"running_{key}").numpy()) < 1e-5, key
