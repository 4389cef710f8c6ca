"""The page Backprop: one training step, stage by stage, of any network or of the one that comes with Glassnet."""

from __future__ import annotations

import json

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
    shown.button_group(key="backprop-form").set_value("text").run()
    shown.text_area(key="backprop-given").set_value("W1\n1,2\n3\nx\n1,2\ny\n1").run()
    assert not fails(shown) and "W1: row 2 has 1 numbers, row 1 has 2; all must have as many." in notices(shown)
    shown.text_area(key="backprop-given").set_value("W1\n1,2\nx\n3\ny\n1").run()
    assert not notices(shown) and "**1-2**, loss " in words(shown)


def drawn(app):
    """What the browser is sent of the network's picture."""
    parts = [part.proto for part in app.get("bidi_component")
             if part.proto.component_name == "glassnet_network_picture"]  # fmt: skip
    assert len(parts) == 1, fails(app)
    return json.loads(parts[0].bytes)


def stand(app, part: str):
    """Go to the stage whose title begins so."""
    (stages,) = [box for box in app.selectbox if box.label == "Stage"]
    at = next(number for number, name in enumerate(stages.options) if name.split(" ", 1)[1].startswith(part))
    app.session_state["chosen"]["backprop-at"] = at
    return app.run()


def test_the_picture_is_lit_by_the_stage_and_a_click_on_an_edge_or_a_unit_shows_its_numbers(app, with_run, monkeypatch):
    with_run(hidden=(6,))
    shown = stand(at(app, PAGE), "A1")
    picture = drawn(shown)
    assert picture["columns"][0]["titles"][0] == "A1  Hidden layer 1: 6 units" and picture["stage"]["at"] == 0
    assert picture["edges"][0] and not picture["edges"][1] and picture["outputs"][0]["words"] == ""
    shown.button_group(key="backprop-section").set_value("check").run()
    picture = drawn(stand(shown, "dW2"))
    assert picture["carried"][1] == "gradient of the weight, dW2, to" and picture["stage"] == {"at": 1, "edges": True}
    source, unit = picture["edges"][1][0][:2]
    clicks = {"backprop-picture": {"layer": 1, "source": source, "unit": unit}}
    monkeypatch.setattr("ui.session.clicked", lambda key, name="click": clicks.get(key))
    shown.run()
    assert f"**dense2.W [{source}, {unit}]**" in words(shown) and "**Back:** its gradient" in words(shown)
    assert drawn(shown)["chosen"] == {"layer": 1, "place": unit, "from": source}
    clicks["backprop-picture"] = {"layer": 0, "unit": 4}
    shown.run()
    assert "**dense1.b [4]**" in words(shown) and drawn(shown)["chosen"] == {"layer": 0, "place": 4}
    assert not fails(shown)


def test_any_network_and_a_homework_has_its_picture_at_every_stage(app, with_run):
    with_run(model="cnn", channels=(2, 3), n_train=400)
    shown = at(app, PAGE)
    shown.button_group(key="backprop-source").set_value("batch").run()
    (image,) = [box for box in shown.number_input if box.label == "Image drawn"]
    image.set_value(2)
    assert drawn(stand(shown, "dP1"))["caption"].startswith("Image 2 of the batch, labelled") and not fails(shown)
    shown.button_group(key="backprop-whose").set_value("given").run()
    picture = drawn(stand(shown, "New weights"))
    assert picture["inputs"] == ["0.05", "0.1"] and picture["shape"] == [2, 1] and not fails(shown)
    assert [unit["words"] != "" for unit in picture["columns"][0]["units"]] == [True, True]


def test_while_the_run_trains_on_the_page_says_at_which_step_it_stands_still_and_takes_the_newest_when_asked(
    app, with_run, monkeypatch
):
    run = with_run()
    assert "this page stands still" not in words(at(app, PAGE))
    monkeypatch.setattr("ui.panels.backprop.walk.newer_step", lambda of: of.step + 1_500)
    app.run()
    held = f"held at step {run.snapshot.step:,}] It trains on, at step {run.snapshot.step + 1_500:,} now"
    assert held in words(app) and not fails(app)
    app.button(key="backprop-newest").click().run()
    assert app.session_state["chosen"]["backprop-newest"] == 1 and not fails(app)
    app.button_group(key="backprop-whose").set_value("given").run()
    assert "this page stands still" not in words(app)


def test_tables_and_text_hold_the_same_and_tables_of_other_sizes_keep_what_fits(app):
    shown = at(app, PAGE)
    shown.button_group(key="backprop-whose").set_value("given").run()
    tables = shown.dataframe
    assert [frame.value.shape for frame in tables[:6]] == [(2, 2), (1, 2), (2, 2), (1, 2), (1, 2), (1, 1)]
    assert tables[0].value.to_numpy().tolist() == [[0.15, 0.25], [0.2, 0.3]]
    shown.text_input(key="backprop-sizes").set_value("3-2-2-4").run()
    assert "**3-2-2-4**, loss" in words(shown) and not fails(shown)
    assert shown.dataframe[0].value.to_numpy().tolist() == [[0.15, 0.25], [0.2, 0.3], [0, 0]]
    shown.text_input(key="backprop-sizes").set_value("3-20-4").run()
    assert "sizes: the units of layer 1 must be in \\[1, 16\\], got 20." in notices(shown) and not fails(shown)
    shown.button_group(key="backprop-form").set_value("text").run()
    assert '"W1": [[0.15, 0.25], [0.2, 0.3], [0.0, 0.0]]' in (shown.text_area(key="backprop-given").value or "")
    shown.text_area(key="backprop-given").set_value("W1\n1,2\nx\n3\n5\ny\n1\n0").run()
    shown.button_group(key="backprop-form").set_value("tables").run()
    assert shown.text_input(key="backprop-sizes").value == "1-2" and not notices(shown) and not fails(shown)
    assert [frame.value.to_numpy().tolist() for frame in shown.dataframe[:4]] == [
        [[1, 2]], [[0, 0]], [[3], [5]], [[1], [0]]
    ]  # fmt: skip


@pytest.mark.parametrize(("settings", "name", "index", "chosen"), [
    ({"hidden": (6,)}, "dense1.W", (400, 3), "dense1.W [59, 3]"),
    ({"model": "cnn", "channels": (2, 3), "n_train": 400}, "conv2.W", (1, 0, 4, 4), "conv2.W [1, 0, 2, 3]"),
], ids=str)  # fmt: skip
def test_a_click_on_a_pixel_of_a_filter_or_on_a_cell_of_a_kernel_chooses_its_weight(
    settings, name, index, chosen, app, with_run, monkeypatch
):
    with_run(**settings)
    at(app, PAGE).session_state["chosen"]["backprop-weight"] = (name, index)
    clicks = {"backprop-filter": {"y": 2, "x": 3}}
    monkeypatch.setattr("ui.session.clicked", lambda key, name="click": clicks.get(key))
    assert f"**{chosen}**" in words(app.run()).replace("\\", "") and not fails(app)
