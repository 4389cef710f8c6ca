"""All parameters in one vector: what lies where, and whether it is finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.machine.memory import BOUNDARY
from nn_core.nn.flat import FlatParameters, is_finite

SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.W": (3, 1, 2, 2),
    "conv1.b": (3,),
    "dense1.W": (12, 4),
    "dense1.b": (4,),
    "norm1.gamma": (3,),
    "norm1.beta": (3,),
    "norm1.mean": (3,),
    "norm1.var": (3,),
}


def test_weights_lie_first_then_biases_then_what_normalization_trains():
    flat = FlatParameters(SHAPES, np.float32)
    flat.values[...] = np.arange(len(flat.values))
    views = flat.views(flat.values)
    order = ["conv1.W", "dense1.W", "conv1.b", "dense1.b", "norm1.gamma", "norm1.beta"]
    firsts = [views[layer][name].reshape(-1)[0] for layer, name in (one.split(".") for one in order)]
    assert firsts == [0, 12, 60, 63, 67, 70] and len(flat.values) == 73
    assert (flat.n_weights, flat.n_biases) == (60, 7)


def test_running_statistics_are_no_parameters():
    flat = FlatParameters(SHAPES, np.float32)
    assert "mean" not in flat.views(flat.values)["norm1"]
    running = flat.running_views()
    assert {name: values.shape for name, values in running["norm1"].items()} == {"mean": (3,), "var": (3,)}
    assert all(np.shares_memory(values, flat.running) for values in running["norm1"].values())


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=4), st.integers(0, 5))
def test_views_have_their_shapes_share_nothing_and_leave_nothing_out(sizes: list[tuple[int, int]], few: int):
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (n_in, n_out) in enumerate(sizes, start=1):
        shapes |= {f"dense{number}.W": (n_in, n_out), f"dense{number}.b": (n_out,)}
    flat = FlatParameters(shapes, np.float64, few)
    for layer, views in flat.views(flat.values).items():
        for name, view in views.items():
            assert view.shape == shapes[f"{layer}.{name}"]
            assert view.flags.f_contiguous if view.ndim == 2 and view.shape[1] <= few else view.flags.c_contiguous
            view += 1
    assert (flat.values == 1).all() and not flat.grads.any()


def test_values_and_gradients_begin_on_a_cache_line():
    flat = FlatParameters(SHAPES, np.float32)
    assert flat.values.ctypes.data % BOUNDARY == flat.grads.ctypes.data % BOUNDARY == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 49, 99])
def test_one_value_that_is_not_finite_is_noticed(bad: float, place: int):
    values: np.ndarray = np.ones(100, np.float32)
    assert is_finite(values)
    values[place] = bad
    with np.errstate(all="raise"):
        assert not is_finite(values)


def test_values_whose_squares_overflow_are_finite_all_the_same():
    with np.errstate(all="raise"):
        assert is_finite(np.full(100, 1e30, np.float32))
        assert is_finite(np.zeros(0, np.float32))
