"""The page Backprop: one training step, stage by stage, of any network or of the one that comes with Glassnet."""

from __future__ import annotations

import pytest

from tests.pages.looking import at, fails, look_at, notices, words

PAGE = "pages/understand/backprop.py"


def title(app) -> str:
    """The stage that is shown."""
    return next(part.value for part in app.main.markdown if ":small[:gray[stage" in part.value)


@pytest.mark.parametrize("settings", [{}, {"hidden": (), "optimizer": "adam"}, {"model": "cnn", "channels": (3, 4)},
                                      {"normalization": "batch", "l2": 0.01, "dropout": 0.2}], ids=str)  # fmt: skip
def test_every_stage_of_any_network_is_shown_with_formula_code_and_numbers(app, with_run, settings):
    with_run(**settings, n_train=400)
    shown = at(app, PAGE)
    seen = [title(shown)]
    (stages,) = [box for box in shown.selectbox if box.label == "Stage"]
    for number in (2, len(stages.options) - 5, len(stages.options) - 1):
        shown.session_state["chosen"]["backprop-at"] = number
        shown.run()
        assert not fails(shown) and shown.latex and shown.code
        seen.append(title(shown))
    assert len(set(seen)) == 4 and "New weights" in seen[-1] and "Input X" in seen[0]
    assert shown.button(key="backprop-next").disabled
    assert ("Dropout is left out" in words(shown)) == ("dropout" in settings)
    shown.button(key="backprop-first").click().run()
    assert title(shown) == seen[0]


def test_without_a_run_the_network_that_comes_with_glassnet_is_walked(app):
    shown = at(app, PAGE)
    assert not fails(shown) and "**conv 32-64, 5x5, dense 64-10** in the example network" in words(shown)
    assert "this page shows the one that comes with" in words(shown)


def test_a_frame_of_the_time_machine_is_walked_as_it_was(app, with_run):
    run = with_run(optimizer="adam")
    shown = at(look_at(app, run, 0), PAGE)
    assert not fails(shown) and "only the weights are kept" in words(shown) and "at step 0" in words(shown)
    assert not notices(shown)


def test_the_mini_batch_the_sketch_and_the_trials_of_a_weight_are_there(app, with_run, few):
    with_run()
    shown = at(app, PAGE)
    shown.button_group(key="backprop-source").set_value("batch").run()
    assert not fails(shown) and "Training images 0 to 3" in words(shown)
    shown.button_group(key="backprop-source").set_value("sketch").run()
    assert "until then: training image 0" in words(shown)
    shown.session_state["sketchpad"].put_digit(few.val_images[3])
    shown.run().selectbox(key="backprop-target").set_value("7").run()
    shown.button_group(key="backprop-section").set_value("change").run()
    shown.slider[-1].set_value(shown.slider[-1].max).run()
    assert not fails(shown) and "right for small changes" in words(shown)
    shown.button_group(key="backprop-section").set_value("check").run()
    assert "Press the button" in words(shown)
    shown.button(key="backprop-check").click().run()
    assert not fails(shown) and "The largest relative error is" in words(shown)


def test_weights_that_are_given_are_walked_and_what_is_wrong_is_a_sentence(app):
    shown = at(app, PAGE)
    shown.button_group(key="backprop-whose").set_value("given").run()
    assert not fails(shown) and "**2-2-2**, loss " in words(shown) and "as they are given" in words(shown)
    assert [getattr(button, "label", "") for button in shown.get("download_button")][-2:] == ["Solution", "Worksheet"]
    shown.text_area(key="backprop-given").set_value("W1\n1,2\n3\nx\n1,2\ny\n1").run()
    assert not fails(shown) and "W1: row 2 has 1 numbers, row 1 has 2; all must have as many." in notices(shown)
    shown.text_area(key="backprop-given").set_value("W1\n1,2\nx\n3\ny\n1").run()
    assert not notices(shown) and "**1-2**, loss " in words(shown)
