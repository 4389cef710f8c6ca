"""The page Inside: every layer of the network that is chosen, on the image that is chosen."""

from __future__ import annotations

from dataclasses import replace

from tests.pages.looking import at, fails, menu, words
from ui.components import live_plot
from ui.panels import inside


def test_inside_shows_every_layer_of_a_convolutional_network_and_what_each_place_sees(app, with_run):
    with_run(model="cnn", channels=(3, 4), dense_units=(6,), head="average", n_train=400)
    shown = at(app, "pages/look/inside.py")
    assert "sees rows" in words(shown) and "Zhou et al. 2016" not in words(shown)  # a hidden dense layer is behind
    (key,) = [group.key for group in shown.button_group if group.key and group.key.startswith("inside-layer")]
    for layer in ("1", "2"):
        shown.button_group(key=key).set_value(layer).run()
        assert not fails(shown)
    assert "no receptive field" in words(shown)


def test_a_channels_kernels_are_said_to_lie_on_what_is_before_it_one_or_many(app, with_run, few, monkeypatch):
    titles: dict[str, str] = {}

    def kept(figure, *, key, **options):
        titles[key] = figure.layout.title.text
        return live_plot.live_plot(figure, key=key, **options)

    monkeypatch.setattr(inside, "live_plot", kept)
    with_run(model="cnn", channels=(1, 3, 2), kernel=3, pool=1, n_train=400)
    shown = at(app, "pages/look/inside.py")
    (key,) = [group.key for group in shown.button_group if group.key and group.key.startswith("inside-layer")]
    for layer, title in enumerate(["kernel on the image", "kernel on the map before", "kernels on the 3 maps before"]):
        shown.button_group(key=key).set_value(str(layer)).run()
        assert titles["inside-kernels"] == f"Its {title}" and not fails(shown)
    assert titles["inside-image"].endswith(f", labelled {few.val_labels[0]}")


def test_a_dead_channel_is_named_and_no_image_is_said_to_excite_it(app, with_run):
    run = with_run(model="cnn", channels=(3, 4), n_train=400)
    weights = {name: values.copy() for name, values in run.snapshot.weights.items()}
    weights["conv1.b"][:] = (9, -99, 9)  # of every image the second channel sees less than it takes
    run.snapshot = replace(run.snapshot, weights=weights)
    assert "1 of 3 channels are dead, 0 for every validation image: 1." in words(at(app, "pages/look/inside.py"))
    app.session_state["chosen"]["inside-channel"] = 1
    assert "No image excites channel 1: it puts out 0 for all 500" in words(app.run()) and not fails(app)


def test_behind_a_global_average_the_activation_map_is_the_exact_one(app, with_run):
    with_run(model="cnn", channels=(3,), head="average", n_train=400)
    assert "Zhou et al. 2016" in words(at(app, "pages/look/inside.py"))


def test_an_image_of_evaluate_and_a_sketch_can_be_looked_inside(app, with_run, few):
    with_run()
    shown = at(app, "pages/look/evaluate.py")
    shown.button(key="evaluate-inside").click().run()
    shown = at(shown, "pages/look/inside.py")
    split, index = shown.session_state["chosen"]["inside-image"]
    number = shown.number_input(key="inside-number")
    assert (number.label, number.value, split) == ("Validation image", index, "val")
    shown.session_state["sketchpad"].put_digit(few.val_images[3])
    shown.session_state["chosen"]["inside-source"] = "sketch"
    assert shown.run().button_group(key="inside-source").value == "sketch" and not fails(shown)
    assert "until then" not in words(shown) and not [box for box in shown.number_input if box.key == "inside-number"]
    shown.session_state["sketchpad"].clear()
    assert f"until then: validation image {index:,}." in words(shown.run())


def test_why_explains_the_network_that_has_read_the_sketch(app, with_run, few):
    other = with_run(hidden=(7,))
    with_run()
    shown = at(app, "pages/play/draw.py")
    shown.session_state["sketchpad"].put_digit(few.val_images[3])
    menu(shown.run(), "reader").set_value(other.id).run()
    shown.button(key="sketch-inside").click().run()
    shown = at(shown, "pages/look/inside.py")
    assert shown.button_group(
        key="inside-source"
    ).value == "sketch" and "Read by a stored run, the network **784-7-10**" in words(shown)
    menu(shown, "inside-reader").set_value("live").run()
    assert not fails(shown) and "Read by the network **784-32-10**" in words(shown)
    assert menu(at(shown, "pages/play/draw.py"), "reader").value == other.id  # there it still reads


def test_why_of_evaluate_explains_the_run_on_the_pages_whatever_read_before(app, with_run):
    with_run()
    shown = at(app, "pages/look/inside.py")
    menu(shown, "inside-reader").set_value("shipped").run()
    at(shown, "pages/look/evaluate.py").button(key="evaluate-inside").click().run()
    assert "Read by the network **784-32-10**" in words(at(shown, "pages/look/inside.py"))
