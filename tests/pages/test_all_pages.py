"""Every page, with and without a run: no exception, no traceback, and a way on where there is nothing to show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nn_core.config.run_config import RunConfig
from tests import ROOT
from tests.pages.looking import at, fails, look_at, notices, words
from ui import session

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("pages/*/*.py"))
HIDDEN = {"no hidden layer": (), "one unit": (1,), "the default": (32,), "two layers": (40, 12), "many": (600,)}
MODELS = {"mlp": {}, "cnn": {"model": "cnn", "channels": (3, 4), "normalization": "batch", "n_train": 400}}


def test_the_pages_are_found():
    assert {"pages/play/train.py", "pages/look/data.py", "pages/look/evaluate.py"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_without_a_run(app, page):
    assert not fails(at(app, page))


@pytest.mark.parametrize("network", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_a_trained_network(app, with_run, page, network):
    with_run(**network)
    assert not fails(at(app, page))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_network_as_it_was_before_any_learning(app, with_run, page):
    run = with_run()
    shown = at(look_at(app, run, 0), page)
    assert not fails(shown) and not notices(shown)
    assert "step 0 · looking back" in words(shown) and "step 0 of 40 · looking back" in words(shown)


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("page", ["pages/look/weights.py", "pages/look/inside.py", "pages/look/evaluate.py"])
def test_the_pages_that_look_inside_show_networks_of_any_form(app, with_run, page, hidden):
    with_run(hidden=hidden)
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
