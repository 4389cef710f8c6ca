"""A training step in the picture of its network: at every stage it shows the numbers that the stage shows."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core.config.run_config import RunConfig
from nn_core.explain.walkthrough.given import EXAMPLE, given_network, read_given
from nn_core.explain.walkthrough.picture import StepPicture
from nn_core.explain.walkthrough.stages import BACKWARD, FORWARD, UPDATE, stages
from nn_core.explain.walkthrough.step import take_step
from tests.explain.test_walkthrough import CNN, a_step

ANY = [
    {"hidden": (6, 5)},
    {"hidden": ()},
    {"hidden": (6,), "normalization": "layer", "activation": "tanh", "l2": 0.01},
    CNN,
    {**CNN, "normalization": "batch", "pooling": "average", "head": "average"},
]


def scenes(step, image=0, n_shown=100):
    picture = StepPicture(step, image, n_shown)
    return picture, [(stage, picture.at(stage)) for stage in stages(step)]


def named(arrays):
    return {array.name: array.values for array in arrays}


@pytest.mark.parametrize("settings", ANY, ids=str)
@pytest.mark.parametrize("m", [1, 3])
def test_at_every_stage_the_units_are_lit_by_the_array_that_the_stage_shows(settings, m):
    step = a_step(m=m, **settings)
    seen = 0
    for stage, scene in scenes(step, m - 1)[1]:
        first = stage.arrays[0]
        lit = {each.symbol: each.values for each in scene.layers if each.symbol}
        if stage.part == UPDATE or first.name not in lit:
            continue
        seen += 1
        values = first.values[m - 1]
        if values.ndim == 3:
            values = values.max(axis=(1, 2)) if stage.part == FORWARD else values.sum(axis=(1, 2))
        np.testing.assert_array_equal(lit[first.name], values)
    assert seen >= 2 * len([each for each in step.passed if "W" in each.layer.params])


@pytest.mark.parametrize("settings", ANY, ids=str)
def test_forward_nothing_is_lit_before_the_pass_has_come_to_it_and_backward_likewise(settings):
    step = a_step(**settings)
    lit = [
        (stage.part, [each.values is not None for each in scene.layers], [bool(len(e.values)) for e in scene.edges])
        for stage, scene in scenes(step)[1]
    ]
    assert lit[0][1] == lit[0][2] == [False] * len(lit[0][1])
    for part, backward in ((FORWARD, False), (BACKWARD, True)):
        counts = [sum(layers) for of, layers, _ in lit if of == part]
        assert counts == sorted(counts) and counts[-1] == len(lit[0][1])
        for of, layers, edges in lit:
            if of == part:
                ordered = layers[::-1] if backward else layers
                assert ordered == sorted(ordered, reverse=True)
                assert not any(e and not on for e, on in zip(edges, layers, strict=True))


@pytest.mark.parametrize("settings", [{"hidden": (6, 5)}, {"hidden": ()}], ids=str)
def test_edges_carry_weight_times_activation_weight_times_delta_the_gradient_and_the_change(settings):
    step = a_step(m=2, **settings)
    n = len(settings["hidden"]) + 1
    for stage, scene in scenes(step, 1)[1]:
        arrays = named(stage.arrays)
        for gap, edges in enumerate(scene.edges):
            passed = next(each for each in step.passed if each.name == f"dense{gap + 1}")
            W, at = passed.layer.params["W"], (edges.sources, edges.targets)
            expected = {
                "weight × activation": W[at] * passed.x[1][edges.sources],
                "weight × delta": W[at] * passed.dout[1][edges.targets],
                f"gradient of the weight, dW{gap + 1}": step.data_gradients[f"dense{gap + 1}.W"][at],
                "change of the weight": (step.after[f"dense{gap + 1}.W"] - step.before[f"dense{gap + 1}.W"])[at],
            }[scene.carried[gap]]
            np.testing.assert_array_equal(edges.values, expected)
        if stage.of == "W":
            assert scene.carried[scene.at] == f"gradient of the weight, dW{scene.at + 1}" and scene.on_edges
            assert f"dW{scene.at + 1}" in arrays
    assert scene.at == n and scene.carried == ("change of the weight",) * n


@pytest.mark.parametrize("settings", ANY, ids=str)
def test_every_edge_stands_for_a_weight_between_its_ends_whose_gradient_it_carries(settings):
    step = a_step(**settings)
    picture, every = scenes(step)
    for stage, scene in every:
        if stage.of != "W":
            continue
        edges = scene.edges[scene.at]
        for source, unit, value in zip(edges.sources, edges.targets, edges.values, strict=True):
            name, index = picture.weight_of((scene.at, int(source), int(unit)))
            assert step.data_gradients[name][index] == value
            ends = (index[1], index[0]) if len(index) == 4 else index
            assert ends[1] == unit and (len(index) == 4 or len(step.before[name]) > len(picture.shown[scene.at - 1])
                                        or ends[0] == source)  # fmt: skip
            assert picture.edge_of(name, index) == (scene.at, source, unit)
            bias = picture.weight_of((scene.at, None, int(unit)))
            assert bias[0].endswith(".b") and picture.edge_of(*bias) == (scene.at, None, unit)


def test_a_chosen_weight_is_drawn_though_it_is_not_among_the_strongest():
    step = a_step(hidden=(6, 5))
    picture = StepPicture(step)
    weakest = np.unravel_index(np.abs(step.data_gradients["dense2.W"]).argmin(), (6, 5))
    for stage in stages(step):
        plain = picture.at(stage).edges[1]
        more = picture.at(stage, picture.edge_of("dense2.W", tuple(int(i) for i in weakest))).edges[1]
        if stage.title.startswith("dW2"):
            assert [*zip(more.sources, more.targets, strict=True)][len(plain.values) :] == [weakest]
            assert more.values[-1] == step.data_gradients["dense2.W"][weakest]
        assert len(more.values) >= len(plain.values)


def test_a_homework_of_two_inputs_has_its_picture_and_the_step_stays_as_it_was():
    given = read_given(EXAMPLE)
    step = take_step(given_network(given, RunConfig(activation="sigmoid")), given.x, given.labels)
    before = [each.dx.copy() for each in step.passed]
    picture, every = scenes(step)
    assert picture.graph.image.tolist() == [[0.05], [0.1]]
    assert picture.graph.columns[0].pictures.tolist() == [[[0.15], [0.2]], [[0.25], [0.3]]]
    sums = next(scene for stage, scene in every if stage.title.startswith("Z1"))
    assert sums.layers[0].values == pytest.approx([0.05 * 0.15 + 0.1 * 0.2 + 0.35, 0.05 * 0.25 + 0.1 * 0.3 + 0.35])
    assert all((a == each.dx).all() for a, each in zip(before, step.passed, strict=True))
    assert picture.of.model is step.model
