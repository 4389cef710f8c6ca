"""The page Weights: units and channels by name, and what they speak for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nn_core.explain.units import first_shifts
from nn_core.machine.numbers import decimal
from tests.pages.looking import at, fails, words
from ui.components import live_plot
from ui.panels import layer_weights


def test_of_a_dead_channel_the_page_weights_shows_no_images(app, with_run):
    run = with_run(model="cnn", channels=(3, 4), n_train=400)
    weights = {name: values.copy() for name, values in run.snapshot.weights.items()}
    weights["conv1.b"][:] = (9, -99, 9)
    run.snapshot = replace(run.snapshot, weights=weights)
    assert "Largest outputs at any place, from" in words(at(app, "pages/look/weights.py"))
    app.session_state["chosen"]["unit"] = 1
    assert "No image excites channel 1: its output is 0 for all 500" in words(app.run()) and not fails(app)


def test_behind_batch_normalization_the_page_weights_tells_its_shift(app, with_run):
    run = with_run(model="cnn", channels=(3,), normalization="batch", n_train=400)
    shift = first_shifts(run.snapshot.weights)[0]
    assert "**Channel 0**: norm" in words(at(app, "pages/look/weights.py"))
    assert f", shift {decimal(shift, 3)}" in words(app)


@pytest.mark.parametrize(
    ("settings", "label", "told"),
    [
        ({"hidden": ()}, "Template", None),
        ({"hidden": (8,), "normalization": "batch"}, "Unit", None),
        ({"hidden": (8, 8), "normalization": "layer"}, "Unit", "all weights behind it and their normalization"),
        (
            {"model": "cnn", "channels": (3,), "dense_units": (6,), "n_train": 400},
            "Channel",
            "all weights behind it mul",
        ),
    ],
)
def test_the_page_weights_names_what_is_picked_and_says_where_it_reads_linearly(app, with_run, settings, label, told):
    with_run(**settings)
    shown = at(app, "pages/look/weights.py")
    assert shown.number_input(key="weights-unit").label == label and not fails(shown)
    assert ("is an estimate" in words(shown)) == (told is not None) and (told or "") in words(shown)


def test_the_chosen_unit_is_kept_over_a_page_switch_and_fits_a_smaller_network(app, with_run):
    with_run()
    shown = at(app, "pages/look/weights.py")
    shown.number_input(key="weights-unit").set_value(17).run()
    assert "**Unit 17**" in words(shown)
    assert "**Unit 17**" in words(at(at(shown, "pages/look/data.py"), "pages/look/weights.py"))
    with_run(hidden=(5,))
    assert "**Unit 4**" in words(shown.run()) and not fails(shown)


@pytest.mark.parametrize(
    ("settings", "layers"),
    [
        ({}, ["Layer 1: 784 to 32", "Output layer: 32 to 10"]),
        ({"hidden": (40, 12)}, ["Layer 1: 784 to 40", "Layer 2: 40 to 12", "Output layer: 12 to 10"]),
        ({"hidden": (1024, 30)}, ["Layer 1: 784 to 1,024", "Layer 2: 1,024 to 30", "Output layer: 30 to 10"]),
        (
            {"model": "cnn", "channels": (3, 4), "dense_units": (6,), "n_train": 400},
            ["Convolution 1: 1 to 3", "Convolution 2: 3 to 4", "Layer 3: 64 to 6", "Output layer: 6 to 10"],
        ),
    ],
)
def test_every_layer_shows_all_its_weights(app, with_run, monkeypatch, settings, layers):
    seen: dict[str, str] = {}

    def kept(figure, *, key, **options):
        seen[key] = figure.layout.meta["label"]
        return live_plot.live_plot(figure, key=key, **options)

    monkeypatch.setattr(layer_weights, "live_plot", kept)
    run = with_run(**settings)
    shown = at(app, "pages/look/weights.py")
    (switch,) = [group for group in shown.button_group if group.key and group.key.startswith("weights-layer")]
    assert switch.options == layers
    names = layer_weights.layer_names(run.snapshot.weights)
    for name in names[1:]:
        shown.button_group(key=str(switch.key)).set_value(name).run()
        W = run.snapshot.weights[f"{name}.W"]
        assert not fails(shown) and f"{W.size:,} weights, half of them within" in words(shown)
        if W.ndim == 4:
            assert seen["weights-kernels"].startswith(f"{W.shape[0] * W.shape[1]} kernels")
        else:
            assert f"{W.shape[0]:,} x {W.shape[1]:,} weights" in seen["weights-matrix"]
    assert "**Unit 0**" not in words(shown)


def test_a_network_without_a_hidden_layer_has_no_layer_to_choose(app, with_run):
    with_run(hidden=())
    shown = at(app, "pages/look/weights.py")
    assert not [group for group in shown.button_group if group.key and group.key.startswith("weights-layer")]
