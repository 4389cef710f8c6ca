"""The page Evaluate: the numbers on it are those of the run."""

from __future__ import annotations

import numpy as np

from nn_core import load_shipped
from nn_core.instruments.weight_average import averaged_weights
from nn_core.nn.losses import LinearSquaredError
from nn_core.nn.network import from_weights
from tests.pages.looking import at, fails, menu, words
from ui import session


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
