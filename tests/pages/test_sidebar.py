"""The sidebar: what reaches the run and what does not, and the way back from a slip."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from streamlit.testing.v1 import AppTest

from nn_core.export.source import from_snapshot
from nn_core.runs.run import Run
from tests import ROOT
from tests.pages.looking import at, fails, look_at, notices, words
from ui import session
from ui.components.run_rows import rows


def slide(app: AppTest, name: str, value: Any) -> AppTest:
    return app.select_slider(key=f"set-{name}").set_value(value).run()


def has(app: AppTest, key: str) -> bool:
    return key in {button.key for button in app.button}


def values(run: Run, name: str) -> list[tuple]:
    return [(edit.old, edit.new) for edit in run.snapshot.edits if edit.setting == name]


# ---------------------------------------------------------------------------------------------- one slip


def test_a_live_change_is_taken_back_by_one_press_which_is_itself_a_change_that_can_be_taken_back(app, with_run):
    run = with_run()
    shown = slide(app.run(), "lr", 10.0)
    assert run.settings.lr == 10 and not has(shown, "redo-live")
    assert "Learning rate 0.1, as it was up to step 40" in shown.button(key="undo-live").help
    shown.button(key="undo-live").click().run()
    assert run.settings.lr == 0.1 and values(run, "lr") == [(0.1, 10.0), (10.0, 0.1)]
    assert app.select_slider(key="set-lr").value == 0.1 and not has(app, "undo-live")
    app.button(key="redo-live").click().run()
    assert run.settings.lr == 10 and has(app, "undo-live") and not fails(app)


def test_changes_are_taken_back_one_by_one_in_the_order_of_their_making(app, with_run):
    run = with_run()
    slide(app.run(), "lr", 10.0)
    slide(app, "l2", 0.001)
    app.button(key="undo-live").click().run()
    assert (run.settings.lr, run.settings.l2) == (10.0, 0.0)
    app.button(key="undo-live").click().run()
    assert (run.settings.lr, run.settings.l2) == (0.1, 0.0)


# ---------------------------------------------------------------------------------------------- looking back


def test_while_looking_back_the_sidebar_edits_the_branch_and_the_run_keeps_what_it_was_trained_with(app, with_run):
    run = with_run(lr=0.2)
    shown = slide(look_at(app, run, 8), "lr", 0.5)
    assert "For a branch from step 8" in words(shown) and "Takes effect now" not in words(shown)
    assert run.settings.lr == 0.2 and run.snapshot.edits == () and "1 changed" in words(shown)
    assert app.query_params["lr"] == "0.5"  # of the branch, so that F5 finds it again
    new = branch_of(app)
    assert new.settings.lr == 0.5 and run.settings.lr == 0.2 and not fails(app)
    assert "Takes effect now" in words(app) and app.select_slider(key="set-lr").value == 0.5


def branch_of(app: AppTest) -> Run:
    app.button(key="branch").click().run()
    new = session.registry().get(app.session_state["run"])
    assert new is not None
    return new


def test_back_in_the_present_the_sidebar_is_the_runs_again_and_train_goes_on_with_it(app, with_run):
    run = with_run(lr=0.2)
    slide(look_at(app, run, 8), "lr", 0.5)
    app.button(key="step").click().run()
    assert app.session_state["run"] == run.id and run.snapshot.step == 41
    assert run.settings.lr == 0.2 and app.select_slider(key="set-lr").value == 0.2


def test_an_earlier_step_is_shown_with_the_settings_of_then_and_a_branch_begins_with_them(app, with_run):
    run = with_run(lr=0.2)
    slide(app.run(), "lr", 1.0)
    app.button(key="step").click().run()
    app.query_params.clear()
    look_at(app, run, 8)
    assert app.select_slider(key="set-lr").value == 0.2
    assert branch_of(app).settings.lr == 0.2 and run.settings.lr == 1.0


def test_what_waited_for_a_new_network_comes_along_into_a_branch_where_it_can(app, with_run):
    run = with_run()
    app.run()
    app.session_state["draft"] = run.settings.replace(optimizer="adam", hidden=(8,))
    app.run()
    look_at(app, run, 8)
    new = branch_of(app)
    assert new.settings.optimizer == "adam" and new.settings.hidden == (32,) and not notices(app)


def test_a_change_that_no_update_has_followed_is_not_told_of_the_run(app, with_run):
    run = with_run(lr=0.2)
    slide(app.run(), "lr", 0.5)
    assert run.settings.lr == 0.5
    shown = at(app, "pages/play/draw.py")
    shown.button(key="sketch-show").click().run()
    assert "lr 0.2" in words(shown) and "lr 0.5" not in words(shown)
    assert from_snapshot(run.snapshot, "", run.created).config.lr == 0.2
    (row,) = [row for row in rows(session.runs(), current=None, ghost=None) if row["id"] == run.id]
    assert "changed while training" not in str(row)
    run.step_once().wait(10)
    assert from_snapshot(run.snapshot, "", run.created).config.lr == 0.5
    (row,) = [row for row in rows(session.runs(), current=None, ghost=None) if row["id"] == run.id]
    assert "changed while training: lr" in str(row)


# ---------------------------------------------------------------------------------------------- remedies


def test_a_network_whose_units_are_dead_is_restarted_with_the_remedy(app, with_run):
    run = with_run(lr=10.0, epochs=1)
    fix = app.run().button(key="fix")
    assert fix.label == "Restart with learning rate 0.1"
    fix.click().run()
    new = session.registry().get(app.session_state["run"])
    assert new is not None and new.id != run.id and new.settings == run.settings.replace(lr=0.1)
    session.registry().close()


def test_a_remedy_goes_with_the_change_that_it_asked_for_until_there_are_scores_of_after_it(app, with_run):
    run = with_run(lr=0.0001, epochs=1)
    assert app.run().button(key="fix").label == "Set learning rate 0.03"
    slide(app, "lr", 0.03)
    assert not has(app, "fix") and run.settings.lr == 0.03
    run.epoch_once().wait(10)


# ---------------------------------------------------------------------------------------------- links to runs


def test_a_link_to_a_run_carries_its_settings_which_are_opened_where_the_run_is_not_known(app, with_run):
    run = with_run(lr=0.2, hidden=(12,))
    shown = look_at(app, run, 8)
    links = [str(code.value) for code in shown.code if f"run={run.id}" in str(code.value)]
    assert len(links) == 2 and all("lr=0.2" in link and "hidden=12" in link for link in links)
    other = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
    for name, value in parse_qsl(urlsplit(links[1]).query):
        other.query_params[name] = "feedface" if name == "run" else value
    other.query_params.pop("step")
    said = notices(other.run())
    assert "not on this server any more. Its settings are open: press Train" in said
    assert other.select_slider(key="set-lr").value == 0.2


def test_a_link_that_tells_no_settings_is_not_said_to_open_them(app):
    app.query_params["run"] = "feedface"
    assert "not on this server any more. The link does not tell its settings." in notices(app.run())
