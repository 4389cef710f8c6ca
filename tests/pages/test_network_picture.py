"""The network as a picture on Train: it shows the run at the step that is looked at, for the image that was chosen."""

from __future__ import annotations

import json

import pytest

from tests.pages.looking import fails, look_at, words


def drawn(app):
    """What the browser is sent of the picture."""
    parts = [
        part.proto for part in app.get("bidi_component") if part.proto.component_name == "glassnet_network_picture"
    ]
    assert len(parts) == 1, fails(app)
    return json.loads(parts[0].bytes)


@pytest.fixture
def picture(app, with_run):
    """A function that opens a run of these settings with its picture on the page."""

    def opened(**settings):
        run = with_run(**settings)
        app.session_state["train-under"] = "network"
        return app.run(), run

    return opened


def test_it_shows_the_run_reads_the_chosen_image_and_follows_the_time_machine(picture, few):
    app, run = picture(hidden=(20, 6))
    shown = drawn(app)
    assert [len(column["units"]) for column in shown["columns"]] == [16, 6]
    assert shown["columns"][0]["titles"][0] == "Hidden layer 1: 20 units, 4 not shown"
    assert shown["columns"][0]["titles"][2] == "16 of 20" and shown["columns"][1]["titles"][1] == "6 units"
    assert "4 of 20 units of hidden layer 1" in shown["label"]
    p = run.snapshot.model.predict_proba(few.val_images[:2])
    assert [output["p"] for output in shown["outputs"]] == pytest.approx(p[0].tolist(), abs=1e-5)
    assert f"Read as {p[0].argmax()} with" in words(app) and f"at step {run.snapshot.step}" in words(app)
    app.button(key="train-network-next").click().run()
    assert [output["p"] for output in drawn(app)["outputs"]] == pytest.approx(p[1].tolist(), abs=1e-5)
    assert f"Validation image 1, labelled {few.val_labels[1]}" == drawn(app)["caption"]
    then = run.snapshot.at(run.snapshot.film[0])
    p = then.model.predict_proba(few.val_images[1:2])[0]
    assert [one["p"] for one in drawn(look_at(app, run, then.step))["outputs"]] == pytest.approx(p.tolist(), abs=1e-5)


def test_a_switch_shows_gradients_and_a_slider_says_how_many_units(picture):
    app, _ = picture(hidden=(20,))
    app.session_state["train-network-carried"] = "gradients"
    app.slider(key="train-network-units-1-20").set_value(4).run()
    shown = drawn(app)
    assert shown["signed"] and len(shown["columns"][0]["units"]) == 4
    assert any(unit["lit"] < 0 for unit in shown["columns"][0]["units"]) or any(e[2] < 0 for e in shown["edges"][1])


def test_the_sketch_is_read_where_there_is_one(picture, few):
    app, run = picture()
    assert not [toggle for toggle in app.toggle if toggle.key == "train-network-sketch"]
    app.session_state["sketchpad"].put_digit(few.val_images[7])
    app.run().toggle(key="train-network-sketch").set_value(True).run()
    p = run.snapshot.model.predict_proba(app.session_state["sketchpad"].now.sketch.image[None])[0]
    assert drawn(app)["caption"] == "Your sketch" and drawn(app)["answer"] == int(p.argmax())
    assert not fails(app)


@pytest.mark.parametrize("settings", [{"hidden": ()}, {"model": "cnn", "channels": (2, 3), "n_train": 500}], ids=str)
def test_any_network_has_its_picture(settings, picture):
    app, _ = picture(**settings)
    assert not fails(app)
    columns = drawn(app)["columns"]
    assert all(unit["field"] for column in columns for unit in column["units"]) and len(columns) == len(
        settings.get("channels", ())
    )


@pytest.mark.parametrize(("layer", "says"), [(0, "**Unit 5**: norm"), (1, "Marked: unit 5")])
def test_a_click_on_a_unit_opens_it(layer, says, picture, monkeypatch):
    app, _ = picture(hidden=(20, 6))
    clicks = {"train-network": {"layer": layer, "unit": 5}}
    monkeypatch.setattr("ui.session.clicked", lambda key, name="click": clicks.get(key))
    assert says in words(app.run()) and not fails(app)


@pytest.mark.parametrize(("settings", "click", "weight"), [
    ({"hidden": (20, 6)}, {"layer": 1, "source": 7, "unit": 5}, "**dense2.W [7, 5]**"),
    ({"model": "cnn", "channels": (2, 3), "n_train": 500}, {"layer": 1, "source": 1, "unit": 2}, "**conv2.W [2, 1, "),
], ids=str)  # fmt: skip
def test_a_click_on_an_edge_follows_its_weight_on_the_page_backprop(settings, click, weight, picture, monkeypatch):
    app, _ = picture(**settings)
    monkeypatch.setattr("ui.session.clicked", lambda key, name="click": {"train-network": click}.get(key))
    assert f"Chosen: {weight}" in words(app.run()) and not fails(app)


def test_the_picture_moves_in_few_steps_only_while_the_network_trains(picture, monkeypatch):
    app, _ = picture()
    assert drawn(app)["live"] is False
    monkeypatch.setattr("ui.session.trains", lambda: True)
    assert drawn(app.run())["live"] is True
