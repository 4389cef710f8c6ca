"""Every page, with and without a run: no exception, no traceback, and the numbers on it are those of the run."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.data.means import mean_images
from nn_core.explain.maps import strongest
from nn_core.explain.units import ORDERS, class_votes, first_shifts, unit_classes, unit_order
from nn_core.nn.metrics import cell_images, confusion_matrix, most_common_confusion
from nn_core.nn.mlp import MLP
from nn_core.nn.network import from_weights
from nn_core.runs.run import Run
from nn_core.search import SearchSpec, Values, create_search
from nn_core.search.worker import Worker
from nn_core.training.state import Parent
from nn_core.training.trainer import Trainer
from tests import ROOT
from ui import session
from ui.components import live_plot
from ui.panels import inside
from ui.session import panels, searches
from ui.words import plain

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("pages/*/*.py"))
HIDDEN = {"no hidden layer": (), "one unit": (1,), "the default": (32,), "two layers": (40, 12), "many": (600,)}

MODELS = {"mlp": {}, "cnn": {"model": "cnn", "channels": (3, 4), "normalization": "batch", "n_train": 400}}


def with_run(app: AppTest, mnist: Dataset, **settings) -> Run:
    """Make a run of these settings, some steps old and at rest, the one that the app shows."""
    run = session.registry().create(RunConfig(**{"n_train": 2_000, "batch_size": 50, **settings}), mnist)
    assert run.epoch_once().wait(30)
    while run.snapshot.is_training:
        time.sleep(0.01)
    app.session_state["run"] = run.id
    return run


def at(app: AppTest, page: str) -> AppTest:
    return app.run() if page == "pages/play/train.py" else app.switch_page(page).run()


def words(app: AppTest) -> str:
    """All sentences on the page."""
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption, *app.info])


def fails(app: AppTest) -> list[str]:
    """Tracebacks, and panels that could not be drawn."""
    return [*(shown.message for shown in app.exception), *(shown.value for shown in app.error)]


def menu(app: AppTest, place: str) -> Selectbox:
    """The menu of networks on the page."""
    return next(box for box in app.selectbox if box.key and re.fullmatch(rf"{place}-\w+", box.key))


def test_the_pages_are_found():
    assert {"pages/play/train.py", "pages/look/data.py", "pages/look/evaluate.py"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_without_a_run(app, page):
    assert not fails(at(app, page))


@pytest.mark.parametrize("network", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_a_trained_network(app, mnist, page, network):
    with_run(app, mnist, **network)
    assert not fails(at(app, page))


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("page", ["pages/look/weights.py", "pages/look/inside.py", "pages/look/evaluate.py"])
def test_the_pages_that_look_inside_show_networks_of_any_form(app, mnist, page, hidden):
    with_run(app, mnist, hidden=hidden)
    assert not fails(at(app, page))


@pytest.mark.parametrize("page", ["pages/look/weights.py", "pages/look/evaluate.py"])
def test_where_nothing_is_trained_a_page_says_so_and_offers_the_quick_network(app, page):
    shown = at(app, page)
    assert "appears here once" in words(shown)
    shown.button(key="empty-quick").click().run()
    assert not fails(shown) and "appears here once" not in words(shown)
    session.registry().close()


def test_where_settings_were_chosen_an_empty_page_offers_to_train_them(app):
    assert "empty-train" not in {button.key for button in app.button}
    app.session_state["draft"] = RunConfig(model="cnn", channels=(3,), n_train=400)
    shown = at(app, "pages/look/weights.py").button(key="empty-train").click().run()
    assert not fails(shown) and "appears here once" not in words(shown)
    run = session.registry().get(app.session_state["run"])
    assert run is not None and run.settings.channels == (3,)
    session.registry().close()


def test_a_refusal_is_told_once_a_setting_and_goes_with_the_next_change(app):
    app.session_state["draft"] = RunConfig(model="cnn", channels=(8, 16, 16), pool=2, kernel=3)
    shown = app.run()
    for kernel in (11, 9, 11):
        shown.select_slider(key="set-kernel").set_value(kernel).run()
    assert notices(shown).count("kernel must be at most") == 1 and "kernel 3 stays" in notices(shown)
    shown.select_slider(key="set-pool").set_value(3).run()
    assert "pool 2 stays" in notices(shown) and "kernel 3 stays" in notices(shown)
    shown.select_slider(key="set-kernel").set_value(2).run()
    assert not notices(shown)


def test_what_a_link_holds_in_vain_is_told_until_the_settings_change(app):
    app.query_params |= {"model": "cnn", "pool": "15", "lr": "0.3"}
    shown = app.run()
    assert "pool 15 is left out; the default 2 is used" in notices(shown.run())
    shown.button(key="preset-quick").click().run()
    assert not notices(shown)


# ---------------------------------------------------------------------------------------------- Draw


def test_before_there_is_a_run_the_network_of_the_project_reads(app):
    assert "Read by the network that comes with Glassnet" in words(at(app, "pages/play/draw.py"))


def test_the_sketch_is_read_by_whom_the_menu_says(app, mnist):
    other = with_run(app, mnist, hidden=(7,))
    with_run(app, mnist, model="cnn", channels=(3,), n_train=400)
    shown = at(app, "pages/play/draw.py")
    assert "Read by the network **conv 3, 5x5, dense 10**" in words(shown)
    menu(shown, "reader").set_value(other.id).run()
    assert not fails(shown) and "Read by a stored run, the network **784-7-10**" in words(shown)
    menu(shown, "reader").set_value("shipped").run()
    assert not fails(shown) and "Read by the network that comes with Glassnet" in words(shown)


def test_a_reader_chosen_by_hand_counts_though_a_run_has_just_begun(app):
    shown = at(app, "pages/play/draw.py")
    assert menu(shown, "reader").value == "shipped"
    shown.button(key="empty-quick").click().run()
    assert menu(shown, "reader").value == "live" and "Read by the network **784-32-10**" in words(shown)
    menu(shown, "reader").set_value("shipped").run()
    assert menu(shown, "reader").value == "shipped" and "Read by the network that comes with Glassnet" in words(shown)


def test_two_stored_runs_of_the_same_settings_are_told_apart_in_the_menu(app, mnist):
    alike = [with_run(app, mnist, hidden=(6,)) for _ in range(2)]
    with_run(app, mnist)
    shown = at(app, "pages/play/draw.py")
    for run in alike:
        menu(shown, "reader").set_value(run.id).run()
        assert menu(shown, "reader").value == run.id and not fails(shown)


def test_why_explains_the_network_that_has_read_the_sketch(app, mnist):
    other = with_run(app, mnist, hidden=(7,))
    with_run(app, mnist)
    shown = at(app, "pages/play/draw.py")
    shown.session_state["sketchpad"].put_digit(mnist.val_images[3])
    menu(shown.run(), "reader").set_value(other.id).run()
    shown.button(key="sketch-inside").click().run()
    shown = at(shown, "pages/look/inside.py")
    assert shown.button_group(
        key="inside-source"
    ).value == "sketch" and "Read by a stored run, the network **784-7-10**" in words(shown)
    menu(shown, "inside-reader").set_value("live").run()
    assert not fails(shown) and "Read by the network **784-32-10**" in words(shown)
    assert menu(at(shown, "pages/play/draw.py"), "reader").value == other.id  # there it still reads


def test_why_of_evaluate_explains_the_run_on_the_pages_whatever_read_before(app, mnist):
    with_run(app, mnist)
    shown = at(app, "pages/look/inside.py")
    menu(shown, "inside-reader").set_value("shipped").run()
    at(shown, "pages/look/evaluate.py").button(key="evaluate-inside").click().run()
    assert "Read by the network **784-32-10**" in words(at(shown, "pages/look/inside.py"))


def test_a_kernel_that_does_not_fit_is_refused_in_a_sentence_and_the_page_stays(app):
    app.session_state["draft"] = RunConfig(model="cnn", channels=(8, 16, 16), pool=2, kernel=3)
    shown = app.run()
    assert "Block 3 channels" in "".join(slider.label for slider in shown.select_slider)
    shown.select_slider(key="set-kernel").set_value(11).run()
    assert not fails(shown) and shown.session_state["draft"].kernel == 3
    said = "\n".join(str(part.value) for part in [*shown.warning, *shown.markdown, *shown.info, *shown.toast])
    assert "conv2: kernel must be at most 9x9" in said and "got 11" in said


def test_a_model_that_cannot_take_a_setting_puts_it_back_and_says_so(app):
    app.session_state["draft"] = RunConfig(normalization="layer", kernel=28, lr=0.3)
    shown = app.run().selectbox(key="set-model").set_value("cnn").run()
    assert not fails(shown)
    assert shown.session_state["draft"] == RunConfig(model="cnn", lr=0.3)
    assert "got layer. normalization is none now" in notices(shown) and "kernel is 5 now" in notices(shown)
    shown.selectbox(key="set-model").set_value("mlp").run()
    assert shown.session_state["draft"] == RunConfig(lr=0.3)


# ---------------------------------------------------------------------------------------------- Evaluate


def test_the_matrix_adds_up_to_the_split_and_agrees_with_the_run(app, mnist):
    run = with_run(app, mnist)
    shown = at(app, "pages/look/evaluate.py")
    scores, step = run.snapshot.scores, run.snapshot.step
    assert scores is not None and scores.confusion.sum() == 5_000
    assert f"{scores.confusion.trace():,} of 5,000 right ({scores.val_accuracy:.1%})" in words(shown)
    assert f"Validation at step {step}, n=5,000" in words(shown)
    support = shown.dataframe[0].value["images"]
    assert support.sum() == 5_000 and list(support) == list(np.bincount(mnist.val_labels))


def test_the_test_split_is_labelled_as_never_for_choosing(app, mnist):
    with_run(app, mnist)
    shown = at(app, "pages/look/evaluate.py")
    split = shown.button_group(key="evaluate-split")
    assert "Test: for the final report, never for choosing" in split.options
    split.set_value("test").run()
    assert not fails(shown) and "of 10,000 right" in words(shown)


def test_the_most_common_confusion_is_shown_until_a_cell_is_chosen(app, mnist):
    run = with_run(app, mnist)
    scores = run.snapshot.scores
    assert scores is not None
    true, read_as = np.argwhere(scores.confusion * (1 - np.eye(10)) == (scores.confusion * (1 - np.eye(10))).max())[0]
    n = scores.confusion[true, read_as]
    shown = at(app, "pages/look/evaluate.py")
    assert f"**{true} read as {read_as}** (the most common confusion): {n} of" in words(shown)
    app.session_state["chosen"] = {"cell": (3, 3)}
    assert f"**3 read as 3**: {scores.confusion[3, 3]} of" in words(shown.run())


def test_an_empty_cell_is_a_sentence(app, mnist):
    run = with_run(app, mnist)
    scores = run.snapshot.scores
    assert scores is not None
    true, read_as = (int(at) for at in np.argwhere(scores.confusion == 0)[0])
    app.session_state["chosen"] = {"cell": (true, read_as)}
    shown = at(app, "pages/look/evaluate.py")
    assert f"No validation image of {true} is read as {read_as} at step" in words(shown)
    assert not fails(shown)


# ---------------------------------------------------------------------------------------------- Inside


def test_inside_shows_every_layer_of_a_convolutional_network_and_what_each_place_sees(app, mnist):
    with_run(app, mnist, model="cnn", channels=(3, 4), dense_units=(6,), head="average", n_train=400)
    shown = at(app, "pages/look/inside.py")
    assert "sees rows" in words(shown) and "Zhou et al. 2016" not in words(shown)  # a hidden dense layer is behind
    (key,) = [group.key for group in shown.button_group if group.key and group.key.startswith("inside-layer")]
    for layer in ("1", "2"):
        shown.button_group(key=key).set_value(layer).run()
        assert not fails(shown)
    assert "no receptive field" in words(shown)


def test_a_channels_kernels_are_said_to_lie_on_what_is_before_it_one_or_many(app, mnist, monkeypatch):
    titles: dict[str, str] = {}

    def kept(figure, *, key, **options):
        titles[key] = figure.layout.title.text
        return live_plot.live_plot(figure, key=key, **options)

    monkeypatch.setattr(inside, "live_plot", kept)
    with_run(app, mnist, model="cnn", channels=(1, 3, 2), kernel=3, pool=1, n_train=400)
    shown = at(app, "pages/look/inside.py")
    (key,) = [group.key for group in shown.button_group if group.key and group.key.startswith("inside-layer")]
    for layer, title in enumerate(["kernel on the image", "kernel on the map before", "kernels on the 3 maps before"]):
        shown.button_group(key=key).set_value(str(layer)).run()
        assert titles["inside-kernels"] == f"Its {title}" and not fails(shown)
    assert titles["inside-image"].endswith(f", labelled {mnist.val_labels[0]}")


def test_a_dead_channel_is_named_and_no_image_is_said_to_excite_it(app, mnist):
    run = with_run(app, mnist, model="cnn", channels=(3, 4), n_train=400)
    weights = {name: values.copy() for name, values in run.snapshot.weights.items()}
    weights["conv1.b"][:] = (9, -99, 9)  # of every image the second channel sees less than it takes
    run.snapshot = replace(run.snapshot, weights=weights)
    assert "1 of 3 channels are dead, 0 for every validation image: 1." in words(at(app, "pages/look/inside.py"))
    app.session_state["chosen"]["inside-channel"] = 1
    assert "No image excites channel 1: it puts out 0 for all 5,000" in words(app.run()) and not fails(app)


def test_of_a_dead_channel_the_page_weights_shows_no_images(app, mnist):
    run = with_run(app, mnist, model="cnn", channels=(3, 4), n_train=400)
    weights = {name: values.copy() for name, values in run.snapshot.weights.items()}
    weights["conv1.b"][:] = (9, -99, 9)
    run.snapshot = replace(run.snapshot, weights=weights)
    assert "Largest outputs at any place, from" in words(at(app, "pages/look/weights.py"))
    app.session_state["chosen"]["unit"] = 1
    assert "No image excites channel 1: it puts out 0 for all 5,000" in words(app.run()) and not fails(app)


def test_behind_batch_normalization_the_page_weights_tells_its_shift(app, mnist):
    run = with_run(app, mnist, model="cnn", channels=(3,), normalization="batch", n_train=400)
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
def test_the_page_weights_names_what_is_picked_and_says_where_it_reads_linearly(app, mnist, settings, label, told):
    with_run(app, mnist, **settings)
    shown = at(app, "pages/look/weights.py")
    assert shown.number_input(key="weights-unit").label == label and not fails(shown)
    assert ("read linearly" in words(shown)) == (told is not None) and (told or "") in words(shown)


def test_behind_a_global_average_the_activation_map_is_the_exact_one(app, mnist):
    with_run(app, mnist, model="cnn", channels=(3,), head="average", n_train=400)
    assert "Zhou et al. 2016" in words(at(app, "pages/look/inside.py"))


def test_an_image_of_evaluate_and_a_sketch_can_be_looked_inside(app, mnist):
    with_run(app, mnist)
    shown = at(app, "pages/look/evaluate.py")
    shown.button(key="evaluate-inside").click().run()
    shown = at(shown, "pages/look/inside.py")
    split, index = shown.session_state["chosen"]["inside-image"]
    number = shown.number_input(key="inside-number")
    assert (number.label, number.value, split) == ("Validation image", index, "val")
    shown.session_state["sketchpad"].put_digit(mnist.val_images[3])
    shown.session_state["chosen"]["inside-source"] = "sketch"
    assert shown.run().button_group(key="inside-source").value == "sketch" and not fails(shown)
    assert "until then" not in words(shown) and not [box for box in shown.number_input if box.key == "inside-number"]
    shown.session_state["sketchpad"].clear()
    assert f"until then: validation image {index:,}." in words(shown.run())


# ---------------------------------------------------------------------------------------------- Data and Weights


def test_the_data_page_counts_and_leafs_through_a_digit(app, mnist):
    shown = at(app, "pages/look/data.py")
    shown.button_group(key="data-split").set_value("val").run()
    shown.button_group(key="data-digit").set_value("3").run()
    n = int((mnist.val_labels == 3).sum())
    assert f"**Validation images, digit 3**: 1 to 98 of {n}" in words(shown)
    shown.button(key="data-page-on").click().run()
    assert f"**Validation images, digit 3**: 99 to 196 of {n}" in words(shown)
    shown.button_group(key="data-digit").set_value("4").run()
    assert "**Validation images, digit 4**: 1 to 98" in words(shown)


def test_an_image_of_the_data_page_goes_to_the_canvas(app, mnist):
    shown = at(app, "pages/look/data.py")
    shown.button(key="data-canvas").click().run()
    assert not fails(shown)
    drawn = shown.session_state["sketchpad"].now
    assert np.array_equal(drawn.sketch.image, mnist.train_images[0])
    assert drawn.note.startswith(f"Training image 0, labelled {mnist.train_labels[0]}")


def test_the_chosen_unit_is_kept_over_a_page_switch_and_fits_a_smaller_network(app, mnist):
    with_run(app, mnist)
    shown = at(app, "pages/look/weights.py")
    shown.number_input(key="weights-unit").set_value(17).run()
    assert "**Unit 17**" in words(shown)
    assert "**Unit 17**" in words(at(at(shown, "pages/look/data.py"), "pages/look/weights.py"))
    with_run(app, mnist, hidden=(5,))
    assert "**Unit 4**" in words(shown.run()) and not fails(shown)


# ---------------------------------------------------------------------------------------------- explain/units.py


def weights_of(hidden: tuple[int, ...], seed: int = 0) -> dict[str, np.ndarray]:
    return MLP(RunConfig(hidden=hidden), np.random.default_rng(seed)).weights()


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_a_units_votes_are_the_change_of_the_logits_of_the_linear_network(hidden):
    weights = weights_of(hidden)
    n_units = weights["dense1.W"].shape[1]
    votes = class_votes(weights)
    assert votes.shape == (n_units, 10)
    for unit in (0, n_units - 1):
        signal = np.eye(n_units)[unit]  # this unit puts out 1, the others 0
        for number in range(2, len(hidden) + 2):
            signal = signal @ weights[f"dense{number}.W"]
        np.testing.assert_allclose(votes[unit], signal, rtol=1e-4, atol=1e-6)
        assert unit_classes(weights)[unit] == signal.argmax()


def test_without_a_hidden_layer_each_unit_is_its_own_class():
    assert list(unit_classes(weights_of(()))) == list(range(10))


@pytest.mark.parametrize("by", ORDERS)
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_every_order_holds_every_unit_once(hidden, by):
    weights = weights_of(hidden)
    assert sorted(unit_order(weights, by)) == list(range(weights["dense1.W"].shape[1]))


def test_by_norm_the_norms_fall_and_by_class_the_classes_rise():
    weights = weights_of((64,))
    norms = np.sqrt((weights["dense1.W"].astype(np.float64) ** 2).sum(axis=0))
    assert (np.diff(norms[unit_order(weights, "norm")]) <= 1e-6).all()
    assert (np.diff(unit_classes(weights)[unit_order(weights, "class")]) >= 0).all()
    with pytest.raises(ValueError, match="by must be one of index, norm, class, got 'size'"):
        unit_order(weights, "size")


def test_the_images_that_excite_a_unit_most_have_its_largest_activations(tiny):
    for hidden in ((32,), ()):
        model = from_weights(RunConfig(hidden=hidden, activation="sigmoid"), weights_of(hidden))
        outputs = model.activations(tiny.val_images)[0] if hidden else model.logits(tiny.val_images)
        found = strongest(model, tiny.val_images, 0, 12)
        indices = found.images[7]
        assert outputs[indices, 7].min() >= np.delete(outputs[:, 7], indices).max()
        np.testing.assert_allclose(found.values[7], outputs[indices, 7], rtol=1e-5)


def test_the_cells_share_out_all_images_and_each_is_sorted_by_confidence(tiny):
    probabilities = from_weights(RunConfig(), weights_of((32,))).predict_proba(tiny.val_images)
    counts = confusion_matrix(tiny.val_labels, probabilities.argmax(axis=1))
    found = []
    for true, read_as in np.ndindex(10, 10):
        members = cell_images(tiny.val_labels, probabilities, true, read_as)
        assert len(members) == counts[true, read_as]
        assert (np.diff(probabilities[members, read_as]) <= 0).all()
        found += list(members)
    assert sorted(found) == list(range(200))


def test_the_most_common_confusion_is_off_the_diagonal_and_none_where_all_is_right():
    counts = np.diag(np.full(10, 50))
    assert most_common_confusion(counts) is None
    counts[4, 9] = 3
    counts[9, 4] = 2
    assert most_common_confusion(counts) == (4, 9)


def test_the_mean_image_is_the_mean_of_its_class(tiny):
    means = mean_images(tiny.val_images, tiny.val_labels)
    assert means.shape == (10, 28, 28) and means.dtype == np.uint8
    members = [image.astype(float) for image, label in zip(tiny.val_images, tiny.val_labels, strict=True) if label == 6]
    np.testing.assert_allclose(means[6], sum(members) / len(members), atol=0.51)
    assert not mean_images(tiny.val_images[:0], tiny.val_labels[:0]).any()


def test_a_live_setting_changed_in_another_tab_is_shown_here_and_is_no_pending_change(
    app: AppTest, mnist: Dataset
) -> None:
    run = with_run(app, mnist)
    app.run()
    app.session_state["draft"] = run.settings
    app.run()
    run.change("lr", 0.3).wait(5)
    app.run()
    assert app.session_state["draft"].lr == 0.3
    assert app.select_slider(key="set-lr").value == 0.3
    assert not [button for button in app.button if button.key == "undo-draft"]


def test_a_value_that_the_browser_held_before_another_tab_changed_it_does_not_come_back_as_a_change_by_hand(
    app: AppTest, mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = with_run(app, mnist, lr=0.1)
    app.run()
    run.change("lr", 0.2).wait(5)  # in another tab
    app.run()
    for _ in range(3):  # a browser that has not yet heard of it
        app.select_slider(key="set-lr").set_value(0.1).run()
        assert app.select_slider(key="set-lr").value == 0.2 and run.settings.lr == 0.2
    assert len(run.snapshot.edits) == 1
    monkeypatch.setattr("ui.session.panels.ECHO_SECONDS", 0.0)  # some time later it is a hand
    app.select_slider(key="set-lr").set_value(0.1).run()
    assert run.settings.lr == 0.1 and len(run.snapshot.edits) == 2


def test_a_run_that_is_deleted_elsewhere_is_said_to_be_gone_and_train_does_not_begin_another(
    app: AppTest, mnist: Dataset
) -> None:
    run = with_run(app, mnist, lr=0.3)
    app.session_state["draft"] = run.settings
    app.run()
    session.registry().delete(run.id)
    n_runs = len(session.registry().runs())
    app.button(key="train").click().run()
    assert not fails(app) and [run.id in shown.value and "deleted" in shown.value for shown in app.warning] == [True]
    assert len(session.registry().runs()) == n_runs
    assert app.select_slider(key="set-lr").value == 0.3  # the settings are still there
    app.run()
    assert len(app.warning) == 1  # said once


def test_what_this_tab_has_chosen_itself_is_not_overwritten_by_another_tab(app: AppTest, mnist: Dataset) -> None:
    run = with_run(app, mnist)
    app.run()
    app.session_state["draft"] = run.settings.replace(lr=0.01, hidden=(8,))
    app.run()
    run.change("lr", 0.3).wait(5)
    app.run()
    assert (app.session_state["draft"].lr, app.session_state["draft"].hidden) == (0.01, (8,))


def test_the_speed_can_be_chosen_before_the_first_run_and_is_kept_over_a_reset(app: AppTest) -> None:
    app.select_slider(key="speed").set_value("1").run()
    app.button(key="step").click().run()
    first = session.registry().get(app.session_state["run"])
    assert first is not None and first.snapshot.speed == "1"
    app.button(key="reset").click().run()
    second = session.registry().get(app.session_state["run"])
    assert second is not None and second is not first and second.snapshot.speed == "1"
    assert app.select_slider(key="speed").value == "1"


def test_a_data_set_that_is_not_there_is_named_and_mnist_serves(app: AppTest) -> None:
    app.query_params["dataset"] = "nowhere"
    app.run()
    assert any("nowhere.npz is missing" in shown.value for shown in app.warning)
    assert app.session_state["draft"].dataset == "mnist"
    assert not fails(app)


def test_a_panel_whose_data_cannot_be_read_names_the_file_and_the_reason(app: AppTest) -> None:
    app.session_state["draft"] = RunConfig(dataset="nowhere")
    app.run()
    assert fails(app) and all("nowhere.npz is missing" in sentence for sentence in fails(app))


@pytest.mark.parametrize("name", ["ghost", "race"])
def test_what_is_no_run_in_the_address_is_dropped_without_harm(app: AppTest, name: str) -> None:
    app.query_params[name] = "../../etc-<b>nobody</b>"
    app.run()
    assert not fails(app) and not app.session_state[name]


def test_the_ghost_is_told_from_the_run_on_the_page_in_one_line(app: AppTest, mnist: Dataset) -> None:
    first = with_run(app, mnist, lr=0.3)
    with_run(app, mnist, lr=0.1)
    app.session_state["ghost"] = first.id
    app.run()
    said = "only lr differs: 0.1 against 0.3; same seed. Both started from the same weights."
    assert plain(said) in words(app)
    assert not fails(at(app, "pages/look/weights.py"))


# ---------------------------------------------------------------------------------------------- looking back


def look_at(app: AppTest, run: Run, step: int) -> AppTest:
    """Open the address of a run at a step."""
    app.query_params["run"], app.query_params["step"] = run.id, str(step)
    return app.run()


def notices(app: AppTest) -> str:
    return "\n".join(str(shown.value) for shown in app.warning)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_network_as_it_was_before_any_learning(app, mnist, page):
    run = with_run(app, mnist)
    shown = at(look_at(app, run, 0), page)
    assert not fails(shown) and not notices(shown)
    assert "step 0 · looking back" in words(shown) and "step 0 of 40 · looking back" in words(shown)


def test_the_matrix_of_step_0_is_that_of_the_untrained_network(app, mnist):
    run = with_run(app, mnist)
    shown = at(look_at(app, run, 0), "pages/look/evaluate.py")
    read_as = Trainer.initial_model(run.settings).predict_proba(mnist.val_images).argmax(axis=1)
    n_right = int((read_as == mnist.val_labels).sum())
    found = re.search(r"([\d,]+) of 5,000 right", words(shown))
    assert found and abs(int(found[1].replace(",", "")) - n_right) <= 5  # a frame has half the precision


def test_a_frame_that_is_looked_at_stays_though_the_film_drops_it(app, mnist):
    run = with_run(app, mnist)
    look_at(app, run, 5)
    run.snapshot = replace(run.snapshot, film=run.snapshot.film[:1])
    assert "step 5 · looking back" in words(app.run())


def test_a_command_to_the_run_ends_the_look_back(app, mnist):
    run = with_run(app, mnist)
    look_at(app, run, 0)
    shown = app.button(key="step").click().run()
    assert "looking back" not in words(shown) and run.snapshot.step == 41


def test_a_run_is_opened_as_it_is_now_though_it_was_left_while_looking_back(app, mnist):
    run = with_run(app, mnist)
    look_at(app, run, 8)
    app.button(key="reset").click().run()
    assert app.session_state["run"] != run.id and "looking back" not in words(app)
    app.query_params["run"] = run.id
    assert "looking back" not in words(app.run()) and "step 40" in words(app)


def test_a_run_that_a_restarted_server_brings_back_is_said_to_be_so_once(app, mnist):
    run = with_run(app, mnist)
    session.registry().close()
    session.registry.clear()
    again = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
    shown = look_at(again, run, 8)
    assert "brought back from disk at step 40; Train goes on from there" in notices(shown)
    assert "step 8 of 40 · looking back" in words(shown)
    second_tab = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
    assert not notices(look_at(second_tab, run, 8))


def test_a_run_that_is_brought_back_names_the_checkpoint_that_was_skipped(app, mnist):
    run = with_run(app, mnist)
    store = session.registry().store
    assert store is not None
    session.registry().close()
    session.registry.clear()
    store.run_folder(run.id).checkpoint_files()[0].path.write_bytes(b"nothing")
    at = store.load(run.id).checkpoint.step
    again = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
    said = notices(look_at(again, run, 0))
    assert f"brought back from disk at step {at:,}; Train goes on from there" in said
    assert f"The checkpoint of step 40 of run {run.id} was skipped" in said


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("41", "Step 41 of the address has not been made: the run stands at step 40"),
        ("abc", "step must be a whole number from 0 on, got 'abc'"),
        ("-3", "step must be a whole number from 0 on, got '-3'"),
        ("1.5", "step must be a whole number from 0 on, got '1.5'"),
        ("٣", "step must be a whole number from 0 on, got '٣'"),
        ("9" * 5000, "step must be a whole number from 0 on, got '9999"),
    ],
)
def test_a_step_in_the_address_that_there_is_not_is_answered_with_a_sentence(app, mnist, step, sentence):
    run = with_run(app, mnist)
    app.query_params["run"], app.query_params["step"] = run.id, step
    shown = app.run()
    assert not fails(shown) and sentence in notices(shown) and "looking back" not in words(shown)


def test_of_a_step_without_a_frame_the_nearest_before_it_is_shown_and_named(app, mnist):
    run = with_run(app, mnist)
    run.snapshot = replace(run.snapshot, film=tuple(frame for frame in run.snapshot.film if frame.step in (0, 8, 20)))
    shown = look_at(app, run, 13)
    assert "Of step 13 no frame is kept. The nearest one before it is shown, that of step 8." in notices(shown)
    assert "step 8 · looking back" in words(shown)


def test_a_step_without_a_run_in_the_address_is_answered_with_a_sentence(app):
    app.query_params["step"] = "5"
    assert "the address names no run that is here" in notices(app.run())


def test_a_branch_begins_with_the_frame_and_says_where_it_comes_from(app, mnist):
    run = with_run(app, mnist, eval_every=1_000)  # no checkpoint of a best network at an early step
    look_at(app, run, 8)
    frame = next(frame for frame in run.snapshot.film if frame.step == 8)
    shown = app.button(key="branch").click().run()
    new = session.registry().get(app.session_state["run"])
    assert new is not None and new.id != run.id and new.settings == run.settings
    assert new.snapshot.parent == Parent(run.id, 8, False) and new.snapshot.step == 8
    assert all(np.array_equal(new.snapshot.weights[name], W) for name, W in frame.weights().items())
    assert not fails(shown) and shown.button(key="parent").label.endswith("at step 8")
    assert "optimizer of this branch started anew" in str(shown.button(key="parent").help)
    back = shown.button(key="parent").click().run()
    assert app.session_state["run"] == run.id and "step 8 · looking back" in words(back)


def test_a_branch_that_cannot_keep_the_weights_is_refused_in_a_sentence(app, mnist):
    run = with_run(app, mnist)
    look_at(app, run, 8)
    app.session_state["draft"] = run.settings.replace(hidden=(8,))
    shown = app.button(key="branch").click().run()
    assert "There is no branch: hidden must stay 32" in notices(shown)
    assert app.session_state["run"] == run.id


def test_share_offers_links_to_the_settings_the_run_and_the_step(app, mnist):
    run = with_run(app, mnist)
    shown = look_at(app, run, 8)
    links = "\n".join(str(part.value) for part in shown.code)
    assert f"?run={run.id}\n" in links and f"?run={run.id}&step=8" in links and "?n_train=2000&" in links


def test_what_is_not_saved_is_said_by_the_status(app, mnist):
    run = with_run(app, mnist)
    run.snapshot = replace(run.snapshot, not_saved="The disk is full, so nothing is saved.")
    assert "The disk is full" in words(app.run()).replace("\\", "")


def test_when_a_run_that_was_asked_to_train_begins_the_whole_page_is_drawn_again(monkeypatch):
    """On a busy machine the page is drawn before the training begins: Train must then become Pause."""
    run = SimpleNamespace(settings=RunConfig(), snapshot=SimpleNamespace(is_training=False))
    for name, value in {"current_run": run, "looked_at_step": None, "pinned_id": None}.items():
        monkeypatch.setattr(panels, name, lambda value=value: value)
    before = panels._whole_page()
    assert panels._whole_page() == before
    run.snapshot.is_training = True
    assert panels._whole_page() != before


# ---------------------------------------------------------------------------------------------- Search


SPEC_OF_ONE = SearchSpec(RunConfig(n_train=300, hidden=(8,), epochs=1), {"lr": Values((0.1, 0.5))}, n_trials=1)


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a search of two trials that is done."""
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    spec = replace(SPEC_OF_ONE, sampler="grid", n_trials=2)
    name = tmp_path.name[:40]  # of its own: what reads a search outlives the test
    create_search(name, spec)
    Worker(name, tell=lambda line: None).work()
    return name


def of_search(app: AppTest, name: str) -> AppTest:
    """The Search page with this search, as it has been read."""
    app.session_state["search"] = (name, "")
    shown = at(app, "pages/compare/search.py")
    deadline = time.monotonic() + 30
    while "Other searches" not in {button.label for button in shown.button}:  # until then it is being read
        assert time.monotonic() < deadline
        shown = shown.run()
    return shown


def test_a_search_that_is_done_is_left_for_the_form_of_another(app, searched):
    shown = of_search(app, searched)
    shown.button(key="search-back").click().run()
    assert not fails(shown) and "search-back" not in {button.key for button in shown.button}
    assert any(button.label.startswith("Search: ") for button in shown.button)


def test_the_ranges_of_a_search_outlive_a_page_switch(app):
    shown = at(app, "pages/compare/search.py")
    slider = next(slider for slider in shown.select_slider if slider.key == "search-lr")
    slider.set_value((0.01, 0.1)).run()
    at(app, "pages/look/data.py")
    again = at(app, "pages/compare/search.py")
    assert next(slider for slider in again.select_slider if slider.key == "search-lr").value == (0.01, 0.1)


def test_a_search_that_is_done_goes_on_with_twenty_trials_more(app, searched, monkeypatch):
    asked = []

    def start_none(*arguments, **options):
        asked.append(arguments)
        return []

    monkeypatch.setattr(searches, "start_workers", start_none)
    name = f"{searched}b"[-40:]
    create_search(name, replace(SPEC_OF_ONE, sampler="random"))
    Worker(name, tell=lambda line: None).work()
    of_search(app, searched)
    assert "search-more" not in {button.key for button in app.button}, "a grid has no more"
    shown = of_search(app, name).button(key="search-more").click().run()
    deadline = time.monotonic() + 30
    while "search-on" not in {button.key for button in shown.button}:
        assert time.monotonic() < deadline
        shown = shown.run()
    assert not fails(shown) and asked == [(name, 2)]
    assert shown.get("progress")[0].proto.text.startswith("1 of 21 trials")


def test_the_test_accuracy_of_a_trial_is_shown_once_it_is_known(app, searched):
    shown = of_search(app, searched)
    shown.button(key="search-test").click().run()
    deadline = time.monotonic() + 30
    while "of the 10,000 test images" not in words(shown):
        assert time.monotonic() < deadline
        shown = shown.run()
    assert not fails(shown)


def test_a_trial_whose_run_lies_elsewhere_is_trained_again_from_its_settings(app, searched, tmp_path):
    shutil.rmtree(tmp_path / "searches" / searched)
    shown = of_search(app, searched)
    keys = {button.key for button in shown.button}
    assert "search-again" in keys and not {"search-open", "search-test"} & keys
