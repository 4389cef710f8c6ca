"""The page Weights: units and channels by name, and what they speak for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nn_core.explain.units import first_shifts
from tests.pages.looking import at, fails, words


def test_of_a_dead_channel_the_page_weights_shows_no_images(app, with_run):
    run = with_run(model="cnn", channels=(3, 4), n_train=400)
    weights = {name: values.copy() for name, values in run.snapshot.weights.items()}
    weights["conv1.b"][:] = (9, -99, 9)
    run.snapshot = replace(run.snapshot, weights=weights)
    assert "Largest outputs at any place, from" in words(at(app, "pages/look/weights.py"))
    app.session_state["chosen"]["unit"] = 1
    assert "No image excites channel 1: it puts out 0 for all 500" in words(app.run()) and not fails(app)


def test_behind_batch_normalization_the_page_weights_tells_its_shift(app, with_run):
    run = with_run(model="cnn", channels=(3,), normalization="batch", n_train=400)
    shift = first_shifts(run.snapshot.weights)[0]
    assert "**Channel 0**: norm" in words(at(app, "pages/look/weights.py"))
    assert f", shift {shift:z.3f}" in words(app)


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
    assert ("read linearly" in words(shown)) == (told is not None) and (told or "") in words(shown)


def test_the_chosen_unit_is_kept_over_a_page_switch_and_fits_a_smaller_network(app, with_run):
    with_run()
    shown = at(app, "pages/look/weights.py")
    shown.number_input(key="weights-unit").set_value(17).run()
    assert "**Unit 17**" in words(shown)
    assert "**Unit 17**" in words(at(at(shown, "pages/look/data.py"), "pages/look/weights.py"))
    with_run(hidden=(5,))
    assert "**Unit 4**" in words(shown.run()) and not fails(shown)
