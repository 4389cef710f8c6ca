"""The page Train and its sidebar: settings that are refused, that another tab changes, and runs side by side."""

from __future__ import annotations

import json

import pytest

from nn_core.config.run_config import RunConfig
from tests.pages.looking import at, fails, notices, words
from ui import session
from ui.components import live_plot
from ui.components.run_table import View
from ui.panels import overlay
from ui.sidebar.top_bar import glance
from ui.words import plain


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
    assert "pool 15 is left out; the default, 2, is used." in notices(shown.run())
    shown.button(key="preset-quick").click().run()
    assert not notices(shown)


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


def test_a_live_setting_changed_in_another_tab_is_shown_here_and_is_no_pending_change(app, with_run):
    run = with_run()
    app.run()
    app.session_state["draft"] = run.settings
    app.run()
    run.change("lr", 0.3).wait(5)
    app.run()
    assert app.session_state["draft"].lr == 0.3
    assert app.select_slider(key="set-lr").value == 0.3
    assert not [button for button in app.button if button.key == "undo-draft"]


def test_a_value_that_the_browser_held_before_another_tab_changed_it_does_not_come_back_as_a_change_by_hand(
    app, with_run, monkeypatch
):
    run = with_run(lr=0.1)
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


def test_a_run_that_is_deleted_elsewhere_is_said_to_be_gone_and_train_does_not_begin_another(app, with_run):
    run = with_run(lr=0.3)
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


def test_what_this_tab_has_chosen_itself_is_not_overwritten_by_another_tab(app, with_run):
    run = with_run()
    app.run()
    app.session_state["draft"] = run.settings.replace(lr=0.01, hidden=(8,))
    app.run()
    run.change("lr", 0.3).wait(5)
    app.run()
    assert (app.session_state["draft"].lr, app.session_state["draft"].hidden) == (0.01, (8,))


def test_the_speed_can_be_chosen_before_the_first_run_and_is_kept_over_a_reset(app):
    app.select_slider(key="speed").set_value("1").run()
    app.button(key="step").click().run()
    first = session.registry().get(app.session_state["run"])
    assert first is not None and first.snapshot.speed == "1"
    app.button(key="reset").click().run()
    second = session.registry().get(app.session_state["run"])
    assert second is not None and second is not first and second.snapshot.speed == "1"
    assert app.select_slider(key="speed").value == "1"


@pytest.mark.parametrize("name", ["ghost", "race"])
def test_what_is_no_run_in_the_address_is_dropped_without_harm(app, name):
    app.query_params[name] = "../../etc-<b>nobody</b>"
    app.run()
    assert not fails(app) and not app.session_state[name]


def test_the_ghost_is_told_from_the_run_on_the_page_in_one_line(app, with_run):
    first = with_run(lr=0.3)
    with_run(lr=0.1)
    app.session_state["ghost"] = first.id
    app.run()
    said = "one setting differs: learning rate 0.1 against 0.3; same seed. Both started from the same weights."
    assert plain(said) in words(app)
    assert not fails(at(app, "pages/look/weights.py"))


def test_losses_that_do_not_compare_are_said_to_beside_the_ghost_in_a_race_and_under_runs(app, with_run, monkeypatch):
    titles = []

    def kept(figure, *, key, **options):
        titles.append((key, figure.layout.title.text))
        return live_plot.live_plot(figure, key=key, **options)

    monkeypatch.setattr(overlay, "live_plot", kept)
    runs = [with_run(loss="linear_mse"), with_run()]
    app.session_state["ghost"], app.session_state["race"] = runs[0].id, [run.id for run in runs]
    shown = app.run()
    assert "Their losses cannot be compared: here nats, in the ghost half the squared error." in words(shown)
    app.session_state["chosen"]["runs-view"] = View(selected=tuple(run.id for run in runs))
    for page, key in (("race", "race-loss"), ("runs", "overlay-loss")):
        titles.clear()
        assert not fails(at(app, f"pages/compare/{page}.py"))
        ((title, units),) = [text.split(", in ") for drawn, text in titles if drawn == key]
        assert title == "Loss" and set(units.split(" or ")) == {"nats", "half the squared error"}


def test_the_first_page_says_what_it_is_shows_digits_that_are_read_and_has_one_button_that_trains(app):
    assert app.title[0].value == "Watch a neural network learn to read"
    (picture,) = [part for part in app.get("bidi_component")
                  if part.proto.component_name == "glassnet_network_picture"]  # fmt: skip
    assert len(json.loads(picture.proto.bytes)["columns"]) == 3 and "Read as " in words(app)
    assert "55,000 handwritten digits" in words(app) and "Read by the network that comes with Glassnet" in words(app)
    assert [button.label for button in app.main.button if button.proto.type == "primary"] == [
        "Train",
        "Train a network",
    ]
    app.button(key="empty-train").click().run()
    assert not fails(app) and not app.title and app.session_state["run"]
    session.registry().close()


def test_the_accuracy_of_the_bar_is_the_last_one_at_or_before_the_step_that_is_looked_at(app, with_run):
    run = with_run()
    scores = run.snapshot.scores
    assert scores is not None
    assert f"<b>{100 * scores.val_accuracy:.1f} %</b>" in glance(run.snapshot)
    assert "step 40 · paused</span>" in glance(run.snapshot)
    first = run.snapshot.series["val/accuracy"].until(0).last
    assert f"<b>{100 * first:.1f} %</b>" in glance(run.snapshot.at(run.snapshot.film[0]))
