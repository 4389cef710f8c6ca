"""Weights that are given: they are read from JSON and CSV, walked, put on paper; what is wrong is a sentence."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from nn_core.config.run_config import RunConfig
from nn_core.explain.walkthrough.chain import chain
from nn_core.explain.walkthrough.given import (
    EXAMPLE,
    arrays_of,
    as_json,
    given_network,
    read_given,
    read_sizes,
    resized,
)
from nn_core.explain.walkthrough.sheet import sheet
from nn_core.explain.walkthrough.step import take_step
from nn_core.explain.walkthrough.update import update_lines

CSV = "W1\n0.15,0.25\n0.2,0.3\nb1\n0.35,0.35\nW2\n0.4,0.5\n0.45,0.55\nb2\n0.6,0.6\nx\n0.05,0.1\ny\n0,1\n"


def the_example():
    given = read_given(EXAMPLE)
    model = given_network(given, RunConfig(activation="sigmoid", loss="linear_mse", optimizer="sgd", lr=0.5))
    return take_step(model, given.x, given.labels)


def test_a_homework_of_two_inputs_comes_out_as_it_does_by_hand():
    """The forward pass and the output layer's update, worked out here with plain numbers."""
    step = the_example()
    hidden = [1 / (1 + np.exp(-(0.05 * a + 0.1 * b + 0.35))) for a, b in ((0.15, 0.2), (0.25, 0.3))]
    outputs = [0.4 * hidden[0] + 0.45 * hidden[1] + 0.6, 0.5 * hidden[0] + 0.55 * hidden[1] + 0.6]
    assert step.logits[0] == pytest.approx(outputs)
    assert step.data_loss == pytest.approx((outputs[0] ** 2 + (outputs[1] - 1) ** 2) / 2)
    assert step.after["dense2.W"][0, 1] == pytest.approx(0.5 - 0.5 * hidden[0] * (outputs[1] - 1))


def test_csv_gives_the_same_as_json_and_biases_may_be_left_out():
    first, second = read_given(EXAMPLE), read_given(CSV)
    assert all((first.weights[name] == second.weights[name]).all() for name in first.weights)
    assert (first.x == second.x).all() and (first.labels == second.labels).all() and second.outline == "2-2-2"
    without = read_given("W1\n1,2\nx\n3\ny\n1")
    assert without.outline == "1-2" and not without.weights["dense1.b"].any()


@pytest.mark.parametrize(("changed", "sentence"), [
    ({"W2": [[1, 2]]}, "W2 must have 2 rows, one for each unit of layer 1, got 1"),
    ({"W1": [[1, 2], [3]]}, "W1: row 2 has 1 numbers, row 1 has 2"),
    ({"W1": [[1, "two"], [3, 4]]}, "W1: every value must be a number, got 'two'"),
    ({"x": [[1, float("nan")]]}, "x: every value must be in [-1,000,000, 1,000,000], got nan"),
    ({"b1": [1, 2, 3]}, "b1 must have 2 numbers, as W1 has columns, got 3"),
    ({"y": [5]}, "y: a class must be a whole number from 0 to 1, got 5"),
    ({"y": [0, 1, 1]}, "y must be 1 class numbers, or 1 rows of 2 with a single 1, got 3 numbers"),
    ({"x": [[1, 2]] * 9, "y": [0] * 9}, "x must have 1 to 8 rows, one for each image, got 9"),
    ({"W7": [[1]]}, "a network may have 5 layers at most, got 7"),
    ({"Q": 1}, "'Q' is none of them"),
    ({"x": 10**400}, "x must be a list of rows"),
    ({"x": [[10**400, 1]]}, "x: every value must be a number"),
])  # fmt: skip
def test_what_is_wrong_is_named_with_what_was_expected(changed, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read_given(json.dumps(json.loads(EXAMPLE) | changed))


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "x is missing"), ("{", "the text is no JSON"), ("1,2\nW1", "line 1 must be the name of an array"),
    ("W1\n1,nan\nx\n1\ny\n0", "W1: every value must be in"), ("W1\nx\n1\ny\n0", "W1 must be a list of rows"),
])  # fmt: skip
def test_a_text_that_cannot_be_read_is_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read_given(text)


def test_the_sheet_has_every_number_and_the_worksheet_blanks_for_what_is_computed():
    step = the_example()
    lines = [*chain(step, "dense1.W", (0, 0)), *update_lines(step, "dense1.W", (0, 0))]
    whole, blank = sheet(step, "2-2-2", lines), sheet(step, "2-2-2", lines, blanks=True)
    for values in (*step.data_gradients.values(), *step.after.values(), step.logits):
        for value in values.reshape(-1):
            shown = f"{value:.6g}".replace("-", "−")
            assert f">{shown}<" in whole
    assert 'class="blank"' not in whole and lines[0].result in whole and lines[0].result not in blank
    assert blank.count('class="blank"') > 20 and ">0.15<" in blank and f">{step.logits[0, 0]:.6g}<" not in blank


def test_numbers_of_tables_are_read_as_they_stand_there_and_other_sizes_keep_what_fits():
    given = read_given(EXAMPLE)
    again = read_given(as_json({name: values.tolist() for name, values in arrays_of(given).items()}))
    assert again.sizes == given.sizes and again.labels.tolist() == given.labels.tolist()
    for name, values in given.weights.items():
        np.testing.assert_array_equal(again.weights[name], values)
    larger = resized(given, (3, 2, 4, 3), 2)
    assert larger.x.tolist() == [[0.05, 0.1, 0], [0, 0, 0]] and larger.labels.tolist() == [1, 0]
    assert larger.weights["dense1.W"].tolist() == [[0.15, 0.25], [0.2, 0.3], [0, 0]]
    assert larger.weights["dense3.b"].tolist() == [0, 0, 0]
    smaller = resized(larger, (2, 2), 1)
    assert smaller.weights.keys() == {"dense1.W", "dense1.b"} and smaller.labels.tolist() == [1]


@pytest.mark.parametrize(("text", "says"), [
    ("2", "2 to 6 whole numbers like 2-2-2"), ("2-x-2", "2 to 6 whole numbers"), ("2--2", "2 to 6 whole numbers"),
    ("1-2-3-4-5-6-7", "2 to 6 whole numbers"), ("785-2", r"inputs must be in \[1, 784\], got 785"),
    ("2-0-2", r"units of layer 1 must be in \[1, 16\], got 0"),
    ("2-1", r"units of layer 1 must be in \[2, 16\], got 1"),
])  # fmt: skip
def test_sizes_that_are_none_are_a_sentence(text, says):
    with pytest.raises(ValueError, match=says):
        read_sizes(text)


def test_sizes_are_read_as_an_outline_is_written():
    assert read_sizes(" 784-16-10 ") == (784, 16, 10)
