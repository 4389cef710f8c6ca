"""The page Search: a search that is done, left, prolonged, and its trials opened."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nn_core.config.run_config import RunConfig, setting
from nn_core.search import SearchSpec, Values, create_search, suggested
from nn_core.search.worker import Worker
from tests.pages.looking import at, fails, notices, words
from ui.panels import search_results
from ui.panels.search_setup import FIRST
from ui.session import searches

SPEC_OF_ONE = SearchSpec(RunConfig(n_train=300, hidden=(8,), epochs=1), {"lr": Values((0.1, 0.5))}, n_trials=1)


@pytest.fixture
def searched(app: AppTest, tmp_path: Path) -> str:
    """The name of a search of two trials that is done, in the folder of runs of the app."""
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


def test_the_form_refuses_to_rank_losses_of_different_units_and_says_which(app):
    shown = at(app, "pages/compare/search.py")
    shown.multiselect(key="search-vary").set_value(["loss"]).run()
    assert not shown.button(key="search-start").disabled
    shown.selectbox(key="search-objective").set_value("val_loss").run()
    assert "loss must vary over losses of one unit where val" in notices(shown) and not fails(shown)
    assert shown.button(key="search-start").disabled


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
    while not re.search(r"%\*\* of the [\d,]+ test images", words(shown)):
        assert time.monotonic() < deadline
        shown = shown.run()
    assert not fails(shown)


def test_a_page_goes_on_looking_at_a_search_that_was_read_anew_while_it_was_drawn(monkeypatch):
    done: Any = SimpleNamespace(control="run", n_done=2, n_total=2)

    class ReadMeanwhile:
        is_behind = True

        @property
        def view(self):
            self.is_behind = False  # the reading comes right after the page has taken the old view
            return done

    watch = ReadMeanwhile()
    for name, answer in {"search_on_page": ("s", ""), "watch": watch, "workers_here": 0, "workers_waiting": []}.items():
        monkeypatch.setattr(searches, name, lambda answer=answer: answer)
    assert searches.search_view() is done
    assert searches.search_runs(), "the old view would stand until another control is touched"
    assert searches.search_view() is done
    assert not searches.search_runs()


def test_the_settings_of_a_trial_go_into_the_sidebar_and_its_run_is_shown_on_train(app, searched):
    shown = of_search(app, searched)
    shown.button(key="search-use").click().run()
    assert app.session_state["draft"].lr in (0.1, 0.5) and app.session_state["draft"].epochs == RunConfig().epochs
    assert app.session_state["draft"].hidden == (8,) and not fails(shown)
    shown.button(key="search-open").click().run()
    assert not fails(shown) and "search-open" not in {button.key for button in shown.button}
    assert shown.session_state["run"] and "pin-ghost" in {button.key for button in shown.button}, "Train is shown"


def test_all_columns_of_the_usual_search_fit_beside_its_chart_on_a_laptop():
    spec = SearchSpec(RunConfig(), {name: suggested(setting(name)) for name in FIRST})
    rows: Any = [SimpleNamespace(params={"lr": 0.0123, "batch_size": 512, "init": "xavier_normal"})]
    view: Any = SimpleNamespace(spec=spec, trials=rows)
    assert search_results._width(view) < search_results.TABLE_WIDTH


def test_a_trial_whose_run_lies_elsewhere_is_trained_again_from_its_settings(app, searched, tmp_path):
    shutil.rmtree(tmp_path / "searches" / searched)
    shown = of_search(app, searched)
    keys = {button.key for button in shown.button}
    assert "search-again" in keys and not {"search-open", "search-test"} & keys
