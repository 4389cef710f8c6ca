"""The page Inside: every layer of the network that is chosen, on the image that is chosen."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from nn_core.config.choices import choices
from nn_core.explain.steps import softmax_steps
from tests.pages.looking import at, fails, menu, words
from ui.components import live_plot
from ui.panels import inside, outputs


def test_inside_shows_every_layer_of_a_convolutional_network_and_what_each_place_sees(app, with_run):
    with_run(model="cnn", channels=(3, 4), dense_units=(6,), head="average", n_train=400)
    shown = at(app, "pages/look/inside.py")
    assert "it sees rows" in words(shown) and "Zhou et al. 2016" not in words(shown)  # a hidden dense layer is behind
    (key,) = [group.key for group in shown.button_group if group.key and group.key.startswith("inside-layer")]
    for layer in ("1", "2"):
        shown.button_group(key=key).set_value(layer).run()
        assert not fails(shown)
    assert "it sees rows" not in words(shown), "a fully connected layer has no maps, and no box that says so"


def kept_titles(monkeypatch) -> dict[str, str]:
    """The titles of the page's charts by their key, as they are drawn."""
    titles: dict[str, str] = {}

    def kept(figure, *, key, **options):
        titles[key] = figure.layout.title.text
        return live_plot.live_plot(figure, key=key, **options)

    for panel in (inside, outputs):
        monkeypatch.setattr(panel, "live_plot", kept)
    return titles


@pytest.mark.parametrize("settings", [{}, {"hidden": ()}, {"hidden": (6, 5)}, {"model": "cnn", "channels": (3,)}])
def test_the_output_layer_is_shown_with_its_logits_and_softmax_worked_out_and_no_box_is_empty(
    app, with_run, few, monkeypatch, settings
):
    titles = kept_titles(monkeypatch)
    run = with_run(**settings, n_train=400)
    shown = at(app, "pages/look/inside.py")
    logits = run.snapshot.model.logits(few.val_images[:1])[0].astype(float)
    powers = np.exp(logits - logits.max())
    top = int(logits.argmax())
    assert f"For {top}: 1.000 / {powers.sum():.3f} gives {100 / powers.sum():.1f} %" in words(shown)
    assert titles["inside-logits"].startswith("Output layer: the logit") and not fails(shown)
    assert not shown.info, "what a network has not got takes no room"


@pytest.mark.parametrize("loss", choices("loss"))
def test_the_page_gives_the_answer_one_probability_whatever_the_loss(app, with_run, monkeypatch, loss):
    drawn = []

    def kept(figure, *, key, **options):
        drawn.append(f"{figure.layout.title.text} {figure.layout.meta['label']}")
        return live_plot.live_plot(figure, key=key, **options)

    for panel in (inside, outputs):
        monkeypatch.setattr(panel, "live_plot", kept)
    with_run(loss=loss)
    shown = at(app, "pages/look/inside.py")
    told = re.findall(r"(?:with|gives) ((?:over |less than )?[\d.]+ %)", " ".join([*drawn, words(shown)]))
    assert not fails(shown) and len(told) >= 2 and len(set(told)) == 1
    about = choices("loss")[loss].target.about_probabilities
    assert about in words(shown) and ("Softmax: subtract" in words(shown)) != bool(about)


def test_convolution_pooling_and_activation_of_a_channel_stand_apart(app, with_run, monkeypatch):
    titles = kept_titles(monkeypatch)
    with_run(model="cnn", channels=(3, 4), normalization="batch", n_train=400)
    at(app, "pages/look/inside.py")
    stages = [title for key, title in titles.items() if key.startswith("inside-stage")]
    assert stages == ["1 convolution", "2 max pooling", "3 normalization", "4 ReLU"]


def test_the_softmax_table_adds_up_and_names_the_digit_that_is_read():
    table = outputs.softmax_table(softmax_steps(np.log([1.0, 2.0, 5.0])), ["a", "b", "<c>"], ("#111", "#222", "#333"))
    rows = re.findall(r'<tr class="(\w*)">(.*?)</tr>', table)
    cells = [re.findall(r"<td>(.*?)</td>", row) for _, row in rows]
    assert [row[3:5] for row in cells] == [
        ["0.200", "12.5 %"],
        ["0.400", "25.0 %"],
        ["1.000", "62.5 %"],
        ["1.600", "100 %"],
    ]
    assert [name for name, _ in rows] == ["", "", "top", "sum"] and cells[2][0] == "&lt;c&gt;"


def test_a_channels_kernels_are_said_to_lie_on_what_is_before_it_one_or_many(app, with_run, few, monkeypatch):
    titles = kept_titles(monkeypatch)
    with_run(model="cnn", channels=(1, 3, 2), kernel=3, pool=1, n_train=400)
    shown = at(app, "pages/look/inside.py")
    (key,) = [group.key for group in shown.button_group if group.key and group.key.startswith("inside-layer")]
    for layer, title in enumerate(
        [
            "Kernel of channel 0 on the image",
            "Kernel of channel 0 on the map before",
            "Kernels of channel 0 on the 3 maps before",
        ]
    ):
        shown.button_group(key=key).set_value(str(layer)).run()
        assert titles["inside-kernels"] == title and not fails(shown)
    assert titles["inside-image"].endswith(f", labelled {few.val_labels[0]}")


def test_a_dead_channel_is_named_and_no_image_is_said_to_excite_it(app, with_run):
    run = with_run(model="cnn", channels=(3, 4), n_train=400)
    weights = {name: values.copy() for name, values in run.snapshot.weights.items()}
    weights["conv1.b"][:] = (9, -99, 9)  # of every image the second channel sees less than it takes
    run.snapshot = replace(run.snapshot, weights=weights)
    assert "1 of 3 channels are dead, 0 for every validation image: 1." in words(at(app, "pages/look/inside.py"))
    app.session_state["chosen"]["inside-channel"] = 1
    assert "No image excites channel 1: its output is 0 for all 500" in words(app.run()) and not fails(app)


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
