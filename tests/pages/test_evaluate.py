"""The page Evaluate: the numbers on it are those of the run."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

from nn_core import load_shipped
from nn_core.evaluation import fit_temperature
from nn_core.instruments.weight_average import averaged_weights
from nn_core.nn.losses import LinearSquaredError
from nn_core.nn.network import from_weights
from tests.pages.looking import at, fails, menu, words
from ui import session
from ui.panels.evaluate.menu import PICKED

EVALUATE = "pages/look/evaluate.py"


def view(app, name):
    """The page with one of its views."""
    shown = at(app, EVALUATE)
    return shown.button_group(key="evaluate-view").set_value(name).run()


def answers(run, images) -> np.ndarray:
    """What a run reads images as."""
    return np.asarray(run.snapshot.model.predict_proba(images).argmax(axis=1))


def test_the_matrix_adds_up_to_the_split_and_agrees_with_the_run(app, with_run, few):
    run = with_run()
    shown = at(app, "pages/look/evaluate.py")
    scores, step = run.snapshot.scores, run.snapshot.step
    assert scores is not None and scores.confusion.sum() == 500
    assert f"{scores.confusion.trace():,} of 500 right ({100 * scores.val_accuracy:.1f} %)" in words(shown)
    assert f"Validation at step {step}, n=500" in words(shown)
    support = shown.dataframe[0].value["images"]
    assert support.sum() == 500 and list(support) == list(np.bincount(few.val_labels))


def test_the_test_split_is_labelled_as_never_for_choosing(app, with_run):
    with_run()
    shown = at(app, "pages/look/evaluate.py")
    split = shown.button_group(key="evaluate-split")
    assert "Test (only for the final result)" in split.options
    split.set_value("test").run()
    assert not fails(shown) and "of 500 right" in words(shown)


def test_the_most_common_confusion_is_shown_until_a_cell_is_chosen(app, with_run):
    run = with_run()
    scores = run.snapshot.scores
    assert scores is not None
    true, read_as = np.argwhere(scores.confusion * (1 - np.eye(10)) == (scores.confusion * (1 - np.eye(10))).max())[0]
    n = scores.confusion[true, read_as]
    shown = at(app, "pages/look/evaluate.py")
    assert f"**{true} read as {read_as}** (the most common confusion): {n} of" in words(shown)
    app.session_state["chosen"] = {"cell": (3, 3)}
    assert f"**3 read as 3**: {scores.confusion[3, 3]} of" in words(shown.run())


def test_an_empty_cell_is_a_sentence(app, with_run):
    run = with_run()
    scores = run.snapshot.scores
    assert scores is not None
    true, read_as = (int(at) for at in np.argwhere(scores.confusion == 0)[0])
    app.session_state["chosen"] = {"cell": (true, read_as)}
    shown = at(app, "pages/look/evaluate.py")
    assert f"No validation image of {true} is read as {read_as} at step" in words(shown)
    assert not fails(shown)


def test_the_example_of_evaluate_counts_what_the_network_of_the_project_reads(app, few):
    shown = at(app, "pages/look/evaluate.py")
    read_as = load_shipped().predict_proba(few.val_images).argmax(axis=1)
    assert f"{int((read_as == few.val_labels).sum()):,} of 500 right" in words(shown)


def test_of_linear_outputs_it_says_what_is_shown_as_probabilities(app, with_run):
    with_run(loss="linear_mse")
    shown = at(app, "pages/look/evaluate.py")
    assert not fails(shown) and LinearSquaredError.about_probabilities in words(shown)


def test_the_averaged_network_is_a_choice_on_evaluate_and_a_reader_on_draw(app, with_run):
    run = with_run()
    shown = at(app, "pages/look/evaluate.py")
    app.session_state["evaluate-split"] = "average"
    shown = app.run()
    values = averaged_weights(run.snapshot.kept, run.snapshot.model.n_params)
    network = from_weights(run.snapshot.started_as, run.snapshot.weights)
    network.flat[...] = values
    data = session.dataset()
    right = int((network.predict(data.val_images) == data.val_labels).sum())
    assert not fails(shown) and f"{right:,} of 500 right" in words(shown)
    assert "Validation at step 40 (averaged weights)" in words(shown)
    drawn = at(app, "pages/play/draw.py")
    menu(drawn, "reader").set_value("average").run()
    assert not fails(drawn) and "its weights averaged over the newest ninth of the run · step 40" in words(drawn)


def test_the_accuracy_stands_with_its_interval_beside_the_two_likeliest(app, with_run, few):
    run = with_run()
    n_right = int((answers(run, few.val_images) == few.val_labels).sum())
    expected = binomtest(n_right, 500).proportion_ci(method="wilson")
    shown = words(at(app, EVALUATE))
    assert (
        f"accuracy **{n_right / 5:.1f} %** (95 % interval {100 * expected.low:.1f} to {100 * expected.high:.1f} %)"
        in shown
    )
    assert "the label among the two likeliest" in shown and "The test images are for the end" not in shown


def test_errors_are_leafed_through_and_filtered_by_label_and_answer(app, with_run, few):
    run = with_run()
    read_as = answers(run, few.val_images)
    wrong = read_as != few.val_labels
    shown = view(app, "errors")
    assert not fails(shown) and f"1 to {min(40, wrong.sum())} of {wrong.sum()}" in words(shown)
    label = int(few.val_labels[wrong][0])
    shown.selectbox(key="evaluate-errors-true-10").set_value(str(label)).run()
    n = int((wrong & (few.val_labels == label)).sum())
    assert f"**Labelled {label}, read as any**: 1 to {n} of {n}" in words(shown)
    shown.selectbox(key="evaluate-errors-read-10").set_value(str(label)).run()
    assert "None of these among 500 validation images at step 40." in words(shown) and not fails(shown)


def test_the_temperature_is_always_that_of_the_validation_images(app, with_run, few):
    run = with_run()
    fitted = fit_temperature(run.snapshot.model.logits(few.val_images), few.val_labels)
    shown = view(app, "confidence")
    assert not fails(shown) and f"T = {fitted:.2f}, fitted on these very images" in words(shown)
    shown.button_group(key="evaluate-split").set_value("test").run()
    assert not fails(shown) and f"T = {fitted:.2f}, fitted on the validation images" in words(shown)
    assert "The test images are for the end" in words(shown)


def test_the_ghost_stands_beside_the_run_with_mcnemars_test_and_the_difference_of_the_matrices(app, with_run, few):
    other, run = with_run(hidden=(4,)), with_run()
    app.session_state["ghost"] = other.id
    ours, theirs = (answers(each, few.val_images) == few.val_labels for each in (run, other))
    only_here, only_there = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    p = binomtest(only_here, only_here + only_there).pvalue
    shown = at(app, EVALUATE)
    assert f"{only_here} images are read rightly only here, {only_there} only there" in words(shown)
    assert ("That may be chance" in words(shown)) == (p >= 0.05)
    assert "Minus the other" in shown.button_group(key="evaluate-numbers-two").options
    shown.button_group(key="evaluate-numbers-two").set_value("difference").run()
    assert not fails(shown)
    assert not fails(view(app, "confidence"))


def test_any_stored_run_or_the_shipped_network_can_stand_beside_it_or_nobody(app, with_run):
    with_run()
    shown = at(app, EVALUATE)
    box = next(each for each in shown.selectbox if each.key and each.key.startswith(PICKED))
    assert box.value == "" and "McNemar" not in words(shown)
    box.set_value("shipped").run()
    assert not fails(shown) and "Beside **the network that comes with Glassnet**" in words(shown)


def test_the_robustness_is_measured_beside_the_page_and_can_be_cancelled(app, with_run, monkeypatch):
    monkeypatch.setattr("ui.panels.evaluate.robustness.N_IMAGES", 10)
    with_run()
    shown = view(app, "robustness")
    assert "The first 10 validation images" in words(shown)
    shown.button(key="robustness-measure").click().run()
    found = app.session_state["robustness"]
    assert found.over.wait(60) and found.share == 1
    shown.run()
    assert not fails(shown) and f"The mean of all is {100 * found.found[0].mean:.1f} %" in words(shown)
    table = shown.dataframe[0].value
    assert len(table) == 16 and table["mean"].iloc[15] == 100 * found.found[0].mean
    shown.button(key="robustness-measure").click().run()
    session_found = app.session_state["robustness"]
    session_found.cancelled.set()
    assert session_found.over.wait(10) and not session_found.problem
