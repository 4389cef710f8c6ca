"""check_backprop: right gradients agree, each slip is recognised by its name, and nothing is named falsely."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nn_core import ConfigError, RunConfig, check_backprop
from nn_core.homework import GivenError, Report, exercise
from nn_core.homework.backprop import Backprop
from nn_core.homework.exercise import ours
from nn_core.homework.slips import SLIPS
from nn_core.nn.network import build_model
from tests.homework.textbook import deep, with_edits

EDITS = {  # slip -> what is changed in a right backprop, and which arrays are said to have it
    "missing_mean": ([("1 / m * ", "")], "dW1 db1 dW2 db2"),
    "mean_twice": ([("dZ2 = A2 - Y", "dZ2 = (A2 - Y) / m")], "dW1 db1 dW2 db2"),
    "by_classes": ([("dZ2 = A2 - Y", "dZ2 = (A2 - Y) / 10")], "dW1 db1 dW2 db2"),
    "sign": ([("A2 - Y", "Y - A2")], "dW1 db1 dW2 db2"),
    "factor_two": ([("dZ2 = A2 - Y", "dZ2 = 2 * (A2 - Y)")], "dW1 db1 dW2 db2"),
    "half": ([("dZ2 = A2 - Y", "dZ2 = (A2 - Y) / 2")], "dW1 db1 dW2 db2"),
    "mask_missing": ([("dA1 * (Z1 > 0)", "dA1")], "dW1 db1"),
    "mask_of_gradient": ([("(Z1 > 0)", "(dA1 > 0)")], "dW1 db1"),
    "mask_of_next_layer": ([("(Z1 > 0)", "(Z2 > 0)")], "dW1 db1"),
    "activation_for_slope": ([("(Z1 > 0)", "A1")], "dW1 db1"),
    "mask_on_output": ([("dZ2 = A2 - Y", "dZ2 = (A2 - Y) * (Z2 > 0)")], "dW1 db1 dW2 db2"),
    "z_for_a": ([("dZ2 @ A1.T", "dZ2 @ Z1.T")], "dW2"),
    "softmax_twice": (
        [("dZ2 = A2 - Y", "G = A2 - Y; dZ2 = A2 * (G - np.sum(A2 * G, axis=0))")],
        "dW1 db1 dW2 db2",
    ),
    "softmax_twice_diagonal": ([("dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)")], "dW1 db1 dW2 db2"),
    "softmax_over_images": ([("np.sum(E, axis=0", "np.sum(E, axis=1")], "dW1 db1 dW2 db2"),
    "softmax_over_everything": ([("np.sum(E, axis=0, keepdims=True)", "np.sum(E)")], "dW1 db1 dW2 db2"),
    "label_up": ([("A2 - Y", "A2 - np.roll(Y, 1, axis=0)")], "dW1 db1 dW2 db2"),
    "label_down": ([("A2 - Y", "A2 - np.roll(Y, -1, axis=0)")], "dW1 db1 dW2 db2"),
    "bias_wrong_axis": ([("axis=1, keepdims", "axis=0, keepdims")], "db1 db2"),
    "bias_summed_over_all": ([("np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2)")], "db2"),
    "bias_not_summed": ([("np.sum(dZ2, axis=1, keepdims=True)", "dZ2")], "db2"),
    "bias_left_out": ([("W1 @ X + b1", "W1 @ X")], "dW1 db1 dW2 db2"),
    "not_transposed_back": ([("W2.T @ dZ2", "W2 @ dZ2")], "dW1 db1"),
    "updated_first": ([("dA1 = W2.T", "dA1 = (W2 - 0.1 * dW2).T")], "dW1 db1"),
    "pixels_not_scaled": ([("m = X", "X = X * 255; m = X")], "dW1 db1 dW2 db2"),
    "pixels_scaled_twice": ([("m = X", "X = X / 255; m = X")], "dW1 db1 dW2 db2"),
    "transposed": ([("return dW1, db1, dW2, db2", "return dW1.T, db1, dW2.T, db2")], "dW1 dW2"),
    "lost_dimension": ([(", keepdims=True)\n    return", ")\n    return")], "db1"),
    "order": ([("return dW1, db1, dW2, db2", "return dW2, db2, dW1, db1")], "dW1 db1 dW2 db2"),
    "other_activation": ([("np.maximum(Z1, 0)", "np.tanh(Z1)"), ("(Z1 > 0)", "(1 - A1**2)")], "dW1 db1 dW2 db2"),
}
WITH_L2 = {
    "sign_of_loss": ([("dZ2 = A2 - Y", "dZ2 = Y - A2")], "dW1 db1 dW2 db2"),
    "l2_missing": ([(" + l2 * W1", ""), (" + l2 * W2", "")], "dW1 dW2"),
    "l2_on_biases": ([("keepdims=True)\n    dA1", "keepdims=True) + l2 * b2\n    dA1")], "db2"),
    "l2_twice": ([("l2 *", "2 * l2 *")], "dW1 dW2"),
    "l2_half": ([("l2 * W1", "l2 / 2 * W1")], "dW1"),
    "l2_over_m": ([("l2 *", "l2 / m *")], "dW1 dW2"),
}
OF_OTHERS = {"slope_at_a", "formula_with_z"}  # which a ReLU does not show


@pytest.mark.parametrize("name", EDITS)
def test_a_slip_is_recognised_by_name_in_the_arrays_that_have_it_and_no_other_is_named(name: str) -> None:
    edits, arrays = EDITS[name]
    report = check_backprop(with_edits(*edits))
    assert not report.agrees
    assert {(slip.name, slip.arrays) for slip in report.slips} == {(name, tuple(arrays.split()))}
    assert report.not_recognised == ()
    assert report.slips[0].slip.title in str(report)


@pytest.mark.parametrize("name", WITH_L2)
def test_a_slip_in_the_penalty_is_recognised(name: str) -> None:
    edits, arrays = WITH_L2[name]
    config = RunConfig(hidden=(10,), l2=0.01)
    assert check_backprop(with_edits(l2=0.01), config).agrees
    report = check_backprop(with_edits(*edits, l2=0.01), config)
    assert {(slip.name, slip.arrays) for slip in report.slips} == {(name, tuple(arrays.split()))}


def test_the_slope_taken_at_the_activation_is_recognised_where_it_matters() -> None:
    tanh = ("np.maximum(Z1, 0)", "np.tanh(Z1)")
    config = RunConfig(hidden=(10,), activation="tanh")
    assert check_backprop(with_edits(tanh, ("(Z1 > 0)", "(1 - A1**2)")), config).agrees
    for formula, name in (("(1 - np.tanh(A1)**2)", "slope_at_a"), ("(1 - Z1**2)", "formula_with_z")):
        report = check_backprop(with_edits(tanh, ("(Z1 > 0)", formula)), config)
        assert [(slip.name, slip.arrays) for slip in report.slips] == [(name, ("dW1", "db1"))]


def test_every_slip_has_a_test() -> None:
    assert {*EDITS, *WITH_L2, *OF_OTHERS} >= {*SLIPS}
    assert len(SLIPS) >= 12


def test_two_slips_in_different_arrays_and_two_in_the_same_are_told_apart() -> None:
    apart = check_backprop(with_edits(("(Z1 > 0)", "(dA1 > 0)"), ("1 / m * dZ2 @", "dZ2 @")))
    assert {(slip.name, slip.arrays) for slip in apart.slips} == {
        ("mask_of_gradient", ("dW1", "db1")),
        ("missing_mean", ("dW2",)),
    }
    together = check_backprop(with_edits(("(Z1 > 0)", "(dA1 > 0)"), ("1 / m * ", "")))
    assert {slip.name for slip in together.slips} == {"mask_of_gradient", "missing_mean"}
    assert together.not_recognised == ()


def test_what_is_not_recognised_says_so_and_names_no_slip() -> None:
    report = check_backprop(with_edits(("dA1 * (Z1 > 0)", "dA1 * (Z1 > 0) * np.cos(Z1)")))
    assert report.slips == () and report.not_recognised == ("dW1", "db1")
    assert "not recognised" in str(report)
    factor = check_backprop(with_edits(("dW2 = 1", "dW2 = 7")))
    assert factor.slips == () and "it is ours times 7" in str(factor)


def test_the_largest_difference_and_its_place_are_told_in_the_layout_of_the_author() -> None:
    def off(X, Y, W1, b1, W2, b2):
        grads = with_edits()(X, Y, W1, b1, W2, b2)
        grads[0][3, 401] += 5.0
        return grads

    report = check_backprop(off)
    verdict = report.arrays[0]
    assert verdict.where == (3, 401) and verdict.theirs is not None and verdict.ours is not None
    assert verdict.theirs - verdict.ours == pytest.approx(5.0)
    assert [array.agrees for array in report.arrays] == [False, True, True, True]


# ---------------------------------------------------------------------------------------------- what is right


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _squared(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = _softmax(z)
    jacobian = np.einsum("mi,ij->mij", p, np.eye(10)) - np.einsum("mi,mj->mij", p, p)
    return np.einsum("mij,mj->mi", jacobian, 2 * (p - y)) / z.size


ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "relu": (lambda z: z * (z > 0), lambda z, a: 1.0 * (z > 0)),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (np.tanh, lambda z, a: 1 / np.cosh(z) ** 2),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z, a: np.where(z > 0, 1, 0.01)),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z, a: np.where(z > 0, 1, np.exp(z))),
    "identity": (lambda z: z, lambda z, a: np.ones_like(z)),
}
LASTS = {
    "cross_entropy": lambda z, y: (_softmax(z) - y) / len(z),
    "mse": _squared,
    "linear_mse": lambda z, y: (z - y) / len(z),
}


def test_right_gradients_of_200_random_networks_agree_and_no_slip_is_named() -> None:
    rng = np.random.default_rng(0)
    for seed in range(200):
        hidden = tuple(int(n) for n in rng.integers(1, 13, rng.integers(1, 4)))
        activation, loss = rng.choice(list(ACTIVATIONS)), rng.choice(list(LASTS))
        l2 = float(rng.choice([0.0, 0.001, 0.3]))
        config = RunConfig(hidden=hidden, activation=str(activation), loss=str(loss), l2=l2)
        rows, n_images = bool(rng.integers(2)), int(rng.integers(1, 40))
        phi, slope = ACTIVATIONS[activation]
        f = deep(phi, slope, LASTS[loss], l2, rows)
        report = check_backprop(f, config, rows, n_images=n_images, seed=seed, give="arrays")
        assert report.agrees, f"{config}\n{report}"
        assert report.slips == () and report.not_recognised == ()


def test_a_pass_in_float32_agrees() -> None:
    right = with_edits()
    report = check_backprop(lambda *arrays: right(*(array.astype(np.float32) for array in arrays)))
    assert report.agrees, str(report)


def test_ours_are_the_gradients_of_the_network_that_is_trained() -> None:
    config = RunConfig(hidden=(7, 5), activation="gelu", l2=0.02)
    work = exercise(config)
    model = build_model(config, np.random.default_rng(0), dtype=np.float64)
    for at, (W, b) in enumerate(zip(work.case.weights, work.case.biases, strict=True), start=1):
        layer = model.parts[f"dense{at}"]
        layer.params["W"][...], layer.params["b"][...] = W, b
    model.loss_and_gradients(work.case.x, work.case.labels)
    found = {name.replace("dense", "d"): grads for name, grads in model.named_grads()}
    for name, array in ours(work.case).items():
        np.testing.assert_allclose(array, found[f"d{name[2:]}.{name[1]}"], rtol=1e-12, atol=1e-16)
        np.testing.assert_allclose(array, Backprop(work.case).gradients()[name], rtol=1e-12, atol=1e-16)


# ---------------------------------------------------------------------------------------------- forms

TANH = ACTIVATIONS["tanh"]
DEEP = RunConfig(hidden=(6, 5), activation="tanh")
KEYS = ["W1 b1 W2 b2 W3 b3", "dW0 db0 dW1 db1 dW2 db2", "fc1.weight fc1.bias fc2.weight fc2.bias out3.weight out3.bias"]


@pytest.mark.parametrize("keys", KEYS)
def test_a_deeper_network_takes_a_dict_and_gives_one_back_under_any_usual_names(keys: str) -> None:
    right = deep(*TANH, LASTS["cross_entropy"], 0.0, False)

    def f(X, Y, parameters):
        return {**dict(zip(keys.split(), right(X, Y, *parameters.values()), strict=True)), "dZ1": 0}

    assert check_backprop(f, DEEP).agrees


def test_parameters_come_as_pairs_or_as_lists_and_gradients_go_back_so() -> None:
    right = deep(*TANH, LASTS["cross_entropy"], 0.0, True)

    def pairs(X, Y, layers):
        grads = right(X, Y, *(array for pair in layers for array in pair))
        return list(zip(grads[::2], grads[1::2], strict=True))

    def lists(X, Y, Ws, bs):
        grads = right(X, Y, *(array for pair in zip(Ws, bs, strict=True) for array in pair))
        return grads[::2], grads[1::2]

    def by_layer(X, Y, layers):
        return [{"weights": W, "bias": b} for W, b in pairs(X, Y, layers)]

    assert check_backprop(pairs, DEEP, rows=True, give="pairs").agrees
    assert check_backprop(lists, DEEP, rows=True).agrees
    assert check_backprop(by_layer, DEEP, rows=True, give="pairs").agrees


def test_arrays_worked_out_elsewhere_are_checked_on_their_own_batch_and_weights_of_any_size() -> None:
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(2, 6)), np.eye(2)[rng.integers(0, 2, 6)].T
    weights = {"W1": rng.normal(size=(3, 2)), "b1": rng.normal(size=(3, 1))}
    weights |= {"W2": rng.normal(size=(2, 3)), "b2": rng.normal(size=(2, 1))}
    grads = with_edits()(X, Y, *weights.values())
    config = RunConfig(hidden=(3,))
    assert check_backprop(grads, config, X=X, Y=Y, weights=weights).agrees
    wrong = check_backprop((grads[0] * 6, *grads[1:]), config, X=X, Y=Y, weights=weights)
    assert [(slip.name, slip.arrays) for slip in wrong.slips] == [("missing_mean", ("dW1",))]


def test_a_slip_in_one_layer_of_a_deep_network_is_placed() -> None:
    def f(X, Y, W1, b1, W2, b2, W3, b3):
        m = X.shape[1]
        A1 = np.maximum(Z1 := W1 @ X + b1, 0)
        A2 = np.maximum(W2 @ A1 + b2, 0)
        dZ3 = (_softmax((W3 @ A2 + b3).T).T - Y) / m
        dZ2 = W3.T @ dZ3  # without its mask
        dZ1 = W2.T @ dZ2 * (Z1 > 0)
        arrays = [(dZ1, X), (dZ2, A1), (dZ3, A2)]
        return [array for dZ, A in arrays for array in (dZ @ A.T, dZ.sum(axis=1, keepdims=True))]

    report = check_backprop(f, RunConfig(hidden=(9, 8)))
    assert [(slip.name, slip.arrays) for slip in report.slips] == [("mask_missing", ("dW1", "db1", "dW2", "db2"))]
    assert "in layer 2 alone" in str(report)


# ---------------------------------------------------------------------------------------------- what cannot be used


def _returns(*values):
    return lambda X, Y, W1, b1, W2, b2: values if len(values) != 1 else values[0]


GOOD = tuple(exercise().gradients().values())
BAD = [
    (_returns(None), "got None: is `return` missing?"),
    (_returns(*GOOD[:3]), "must be 4 arrays (dW1, db1, dW2, db2)"),
    (_returns(GOOD[0][:, :700], *GOOD[1:]), "dW1 must have the shape (10, 784), got (10, 700)"),
    (_returns(*GOOD[:3], GOOD[3][:9]), "db2 must have the shape (10, 1), got (9, 1)"),
    (
        _returns([[1.0] * 784] * 9 + [[1.0] * 783], *GOOD[1:]),
        "dW1 must be of shape (10, 784), got rows of unequal length",
    ),
    (_returns(*GOOD[:2], [["0.1"] * 10] * 9 + [["zero"] * 10], GOOD[3]), "dW2 must be of shape (10, 10), got the word"),
    (
        _returns(GOOD[0], GOOD[1] * np.nan, *GOOD[2:]),
        "db1 must be of shape (10, 1) of finite numbers, got NaN at [0, 0]",
    ),
    (_returns({"W1": GOOD[0]}), "the dict must name 2 arrays of weights"),
    (_returns("dW1"), "what is returned must be (dW1, db1, dW2, db2), got 'dW1'"),
    (lambda X, Y, W1, b1, W2, b2: X @ Y, "the function raised ValueError: matmul"),
    (lambda X: X, "the function must take X, Y and 4 arrays"),
    (3, "what is returned must be (dW1, db1, dW2, db2), got 3"),
]


@pytest.mark.parametrize(("f", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_what_cannot_be_used_is_a_sentence_that_names_the_array_and_what_was_expected(f, sentence: str) -> None:
    with pytest.raises(GivenError) as told:
        check_backprop(f)
    assert sentence in str(told.value)


def test_a_function_that_raises_is_told_what_it_was_given_and_where_it_failed() -> None:
    with pytest.raises(GivenError, match=r"It was given X \(784, 32\), Y \(10, 32\), W1 \(10, 784\).*rows=True"):
        check_backprop(with_edits(("W1 @ X", "X @ W1")))

    def fails(X, Y, W1, b1, W2, b2):
        raise KeyError("W3")

    with pytest.raises(GivenError, match=r"raised KeyError: 'W3' \(line \d+: raise KeyError"):
        check_backprop(fails)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"X": np.ones((784, 3))}, "X and Y must be given together"),
        ({"X": np.ones((3, 784)), "Y": np.eye(10)[:3]}, "as many images, in columns, got 784 and 10"),
        ({"X": np.ones((784, 3)), "Y": np.ones((10, 3))}, "Y must be one-hot"),
        (
            {"weights": (np.ones((10, 783)), np.ones((10, 1)), np.ones((10, 10)), np.ones((10, 1)))},
            "W1 must have the shape",
        ),
        ({"n_images": 0}, "n_images must be in [1, 5000], got 0"),
    ],
)
def test_a_batch_or_weights_that_do_not_fit_are_refused(given: dict, sentence: str) -> None:
    with pytest.raises(GivenError) as told:
        check_backprop(with_edits(), **given)
    assert sentence in str(told.value)


@pytest.mark.parametrize("settings", [{"model": "cnn"}, {"normalization": "batch"}, {"dropout": 0.2}])
def test_networks_whose_gradients_cannot_be_compared_are_refused(settings: dict) -> None:
    with pytest.raises(ConfigError, match="to check a backprop against"):
        check_backprop(with_edits(), RunConfig(**settings))


def test_what_the_function_does_to_its_arguments_changes_nothing() -> None:
    def in_place(X, Y, W1, b1, W2, b2):
        grads = with_edits()(X, Y, W1, b1, W2, b2)
        for array in (X, Y, W1, b1, W2, b2):
            array[...] = 0
        return grads

    assert check_backprop(in_place).agrees


def test_in_a_notebook_the_report_is_a_picture_with_a_panel_an_array_and_foreign_words_escaped() -> None:
    report: Report = check_backprop(with_edits(("1 / m * ", "")))
    page = report._repr_html_()
    assert page.count("<svg") == 4 and page.count("<circle") > 50
    assert "1/m is missing" in page and "<script" not in page
    assert "dW2 = dZ" not in page or "&gt;" in page or "A2 - Y" in page
