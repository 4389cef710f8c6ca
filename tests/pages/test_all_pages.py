"""Every page, with and without a run: no exception, no traceback, and a way on where there is nothing to show."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nn_core.config.run_config import RunConfig
from tests import ROOT
from tests.pages.looking import at, fails, look_at, notices, unnamed, words
from ui import session
from ui.session import shipped

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("pages/*/*.py"))
LOOKING = ["pages/look/weights.py", "pages/look/inside.py", "pages/look/evaluate.py"]
HIDDEN = {"no hidden layer": (), "one unit": (1,), "the default": (32,), "two layers": (40, 12), "many": (600,)}
MODELS = {"mlp": {}, "cnn": {"model": "cnn", "channels": (3, 4), "normalization": "batch", "n_train": 400}}


def test_the_pages_are_found():
    assert {"pages/play/train.py", "pages/look/data.py", "pages/look/evaluate.py"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_without_a_run_and_every_button_on_it_has_a_name(app, page):
    shown = at(app, page)
    assert not fails(shown) and not unnamed(shown)


@pytest.mark.parametrize("network", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_a_trained_network_and_every_button_on_it_has_a_name(app, with_run, page, network):
    with_run(**network)
    shown = at(app, page)
    assert not fails(shown) and not unnamed(shown)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_network_as_it_was_before_any_learning(app, with_run, page):
    run = with_run()
    shown = at(look_at(app, run, 0), page)
    assert not fails(shown) and not notices(shown)
    assert "step 0 · looking back" in words(shown) and "step 0 of 40 · looking back" in words(shown)


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("page", LOOKING)
def test_the_pages_that_look_inside_show_networks_of_any_form(app, with_run, page, hidden):
    with_run(hidden=hidden)
    assert not fails(at(app, page))


@pytest.mark.parametrize("page", LOOKING)
def test_where_nothing_is_trained_a_page_shows_the_network_of_the_project_labelled_so(app, page):
    shown = at(app, page)
    assert not fails(shown) and "Until you train a network, this page shows the one that comes with" in words(shown)
    assert "**conv 32-64, 5x5, dense 64-10**" in words(shown)
    app.session_state["draft"] = RunConfig(model="cnn", channels=(3,), n_train=400)
    shown.run().button(key="empty-train").click().run()
    assert not fails(shown) and "comes with Glassnet" not in words(shown)
    run = session.registry().get(app.session_state["run"])
    assert run is not None and run.settings.channels == (3,), "what is trained are the settings of the sidebar"
    session.registry().close()


def test_another_data_set_is_not_read_by_the_network_of_the_project(app, monkeypatch):
    monkeypatch.setattr(shipped, "dataset", lambda: SimpleNamespace(name="fashion"))
    shown = at(app, "pages/look/evaluate.py")
    assert not fails(shown) and "Your network appears here once one is trained" in words(shown)


def test_one_press_on_race_trains(app):
    app.session_state["draft"] = RunConfig(n_train=400, epochs=1)
    shown = at(app, "pages/compare/race.py").button(key="race-rates").click().run()
    assert not fails(shown) and "race-rates" not in {button.key for button in shown.button}
    deadline = time.monotonic() + 30
    while not all(run.snapshot.step for run in session.registry().runs()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    session.registry().close()


def test_a_data_set_that_is_not_there_is_named_and_mnist_serves(app):
    app.query_params["dataset"] = "nowhere"
    app.run()
    assert any("nowhere.npz is missing" in shown.value for shown in app.warning)
    assert app.session_state["draft"].dataset == "mnist"
    assert not fails(app)


def test_a_panel_whose_data_cannot_be_read_names_the_file_and_the_reason(app):
    app.session_state["draft"] = RunConfig(dataset="nowhere")
    app.run()
    assert fails(app) and all("nowhere.npz is missing" in sentence for sentence in fails(app))


def test_what_is_not_saved_is_said_by_the_status(app, with_run):
    run = with_run()
    run.snapshot = replace(run.snapshot, not_saved="The disk is full, so nothing is saved.")
    assert "The disk is full" in words(app.run()).replace("\\", "")
