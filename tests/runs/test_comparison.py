"""Runs beside one another: names that tell them apart, settings in rows, and the same start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nn_core.config.run_config import RunConfig, all_settings
from nn_core.runs.comparison import MAX_NAME, changed_while_training, same_start, side_by_side, telling_names
from nn_core.training.state import Edit

SMALL = RunConfig(hidden=(4,))


@pytest.mark.parametrize("change", [{"lr": 0.3}, {"batch_size": 7}, {"l2": 0.1}, {"optimizer": "adam"}, {"epochs": 3}])
def test_networks_of_one_seed_start_alike_whatever_trains_them(change):
    assert same_start(SMALL, SMALL.replace(**change))


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"hidden": (5,)}, {"hidden": (4, 4)}, {"init": "uniform"}, {"normalization": "layer"}]
)
def test_networks_of_another_seed_form_or_initialization_do_not_start_alike(change):
    assert not same_start(SMALL, SMALL.replace(**change))


def test_zeros_of_another_seed_are_not_called_the_same_start():
    zeros = SMALL.replace(init="zeros")
    assert same_start(zeros, zeros.replace(lr=1.0)) and not same_start(zeros, zeros.replace(seed=3))


def test_the_rows_that_differ_are_those_whose_settings_differ():
    a, b = SMALL.replace(lr=0.3), SMALL.replace(lr=0.1, seed=5)
    rows = side_by_side([a, b])
    assert {row.setting for row in rows if row.differs} == {item.name for item in a.differences(b)} == {"lr", "seed"}
    assert next(row.values for row in rows if row.setting == "lr") == ("0.3", "0.1")


def test_a_setting_that_one_of_the_runs_does_not_use_is_said_to_be_unused_there():
    rows = {row.setting: row for row in side_by_side([SMALL, SMALL.replace(optimizer="momentum", momentum=0.5)])}
    assert rows["momentum"].values == ("not used", "0.5") and rows["momentum"].differs
    assert "momentum" not in {row.setting for row in side_by_side([SMALL, SMALL])}


def test_a_name_says_what_differs_and_nothing_that_is_alike():
    configs = [RunConfig(l2=0.1, lr=0.1), RunConfig(l2=0.1, lr=0.3)]
    assert telling_names(configs, ["", ""]) == ["lr 0.1", "lr 0.3"]
    assert telling_names(configs, ["mine", ""]) == ["mine", "lr 0.3"]
    assert telling_names([RunConfig(lr=0.3)], [""]) == ["lr 0.3"]
    adam = [RunConfig(), RunConfig(optimizer="adam")]  # whose beta1 and beta2 have nothing to differ from
    assert telling_names(adam, ["", ""]) == ["optimizer sgd", "optimizer adam"]


def test_networks_of_different_models_are_named_by_what_they_are_first():
    unlike = [RunConfig(), RunConfig(model="cnn", channels=(4, 8), input_scaling="standard")]
    names = telling_names(unlike, ["", ""])
    assert names == ["784-32-10, input_scaling unit", "conv 4-8, 5x5, dense 10, input_scaling stan…"]


@given(some.lists(some.tuples(some.sampled_from(["", "a", "b" * 100]), some.sampled_from([0.1, 0.3])), max_size=8))
def test_no_two_runs_have_one_name(made):
    names = telling_names([RunConfig(lr=lr) for _, lr in made], [own for own, _ in made])
    assert len(set(names)) == len(made) == len(names)
    assert all(0 < len(name) <= MAX_NAME + 4 for name in names)


def test_what_was_changed_live_is_told_by_run():
    edits = [Edit(10, "lr", 0.1, 0.2), Edit(20, "lr", 0.2, 0.3), Edit(30, "l2", 0.0, 0.1)]
    assert changed_while_training({"here": edits, "in the ghost": []}) == "Changed while training: l2, lr here."
    assert changed_while_training({"here": ()}) == ""


def test_every_setting_is_in_some_row():
    fields = {row.setting for name in ("batch", "layer") for row in side_by_side([RunConfig(normalization=name)])}
    assert {item.name for item in all_settings() if RunConfig().in_use(item)} <= fields
