"""Looking back: every step of the address is answered, and a branch goes on from a frame."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from nn_core.training.state import Parent
from nn_core.training.trainer import Trainer
from tests.pages.looking import at, fails, look_at, new_tab, notices, words
from ui import session


def test_the_matrix_of_step_0_is_that_of_the_untrained_network(app, with_run, few):
    run = with_run()
    shown = at(look_at(app, run, 0), "pages/look/evaluate.py")
    read_as = Trainer.initial_model(run.settings).predict_proba(few.val_images).argmax(axis=1)
    n_right = int((read_as == few.val_labels).sum())
    found = re.search(r"([\d,]+) of 500 right", words(shown))
    assert found and abs(int(found[1].replace(",", "")) - n_right) <= 5  # a frame has half the precision


def test_a_frame_that_is_looked_at_stays_though_the_film_drops_it(app, with_run):
    run = with_run()
    look_at(app, run, 5)
    run.snapshot = replace(run.snapshot, film=run.snapshot.film[:1])
    assert "step 5 · looking back" in words(app.run())


def test_a_command_to_the_run_ends_the_look_back(app, with_run):
    run = with_run()
    look_at(app, run, 0)
    shown = app.button(key="step").click().run()
    assert "looking back" not in words(shown) and run.snapshot.step == 41


def test_a_run_is_opened_as_it_is_now_though_it_was_left_while_looking_back(app, with_run):
    run = with_run()
    look_at(app, run, 8)
    app.button(key="reset").click().run()
    assert app.session_state["run"] != run.id and "looking back" not in words(app)
    app.query_params["run"] = run.id
    assert "looking back" not in words(app.run()) and "step 40" in words(app)


def test_a_run_that_a_restarted_server_brings_back_is_said_to_be_so_once(app, with_run):
    run = with_run()
    session.registry().close()
    session.registry.clear()
    again = new_tab()
    shown = look_at(again, run, 8)
    assert "brought back from disk at step 40; Train goes on from there" in notices(shown)
    assert "step 8 of 40" in words(shown) and "looking back" in words(shown)
    second_tab = new_tab()
    assert not notices(look_at(second_tab, run, 8))


def test_a_run_that_is_brought_back_names_the_checkpoint_that_was_skipped(app, with_run):
    run = with_run()
    store = session.registry().store
    assert store is not None
    session.registry().close()
    session.registry.clear()
    store.run_folder(run.id).checkpoint_files()[0].path.write_bytes(b"nothing")
    at = store.load(run.id).checkpoint.step
    again = new_tab()
    said = notices(look_at(again, run, 0))
    assert f"brought back from disk at step {at:,}; Train goes on from there" in said
    assert f"The checkpoint of step 40 of run {run.id} was skipped" in said


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("41", "The run has not reached step 41 of this link: it is at step 40"),
        ("abc", "step must be a whole number from 0 on, got 'abc'"),
        ("-3", "step must be a whole number from 0 on, got '-3'"),
        ("1.5", "step must be a whole number from 0 on, got '1.5'"),
        ("٣", "step must be a whole number from 0 on, got '٣'"),
        ("9" * 5000, "step must be a whole number from 0 on, got '9999"),
    ],
)
def test_a_step_in_the_address_that_there_is_not_is_answered_with_a_sentence(app, with_run, step, sentence):
    run = with_run()
    app.query_params["run"], app.query_params["step"] = run.id, step
    shown = app.run()
    assert not fails(shown) and sentence in notices(shown) and "looking back" not in words(shown)


def test_of_a_step_without_a_frame_the_nearest_before_it_is_shown_and_named(app, with_run):
    run = with_run()
    run.snapshot = replace(run.snapshot, film=tuple(frame for frame in run.snapshot.film if frame.step in (0, 8, 20)))
    shown = look_at(app, run, 13)
    assert "No frame of step 13 is kept. This is the nearest one before it, of step 8." in notices(shown)
    assert "step 8 · looking back" in words(shown)


def test_a_step_without_a_run_in_the_address_is_answered_with_a_sentence(app):
    app.query_params["step"] = "5"
    assert "the link names no run that is here" in notices(app.run())


def test_a_branch_begins_with_the_frame_and_says_where_it_comes_from(app, with_run):
    run = with_run(eval_every=1_000)  # no checkpoint of a best network at an early step
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


def test_a_branch_that_cannot_keep_the_weights_is_refused_in_a_sentence(app, with_run):
    run = with_run()
    look_at(app, run, 8)
    app.select_slider(key="set-hidden-0").set_value(8).run()
    shown = app.button(key="branch").click().run()
    assert "There is no branch: hidden must stay 32" in notices(shown)
    assert app.session_state["run"] == run.id


def test_share_offers_links_to_the_settings_the_run_and_the_step(app, with_run):
    run = with_run()
    shown = look_at(app, run, 8)
    links = "\n".join(str(part.value) for part in shown.code)
    assert f"?run={run.id}&n_train=2000" in links and f"?run={run.id}&step=8" in links and "?n_train=2000&" in links
