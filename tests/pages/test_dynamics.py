"""Dynamics: every instrument has a panel, which asks for it while open, and says what it shows or what is missing."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nn_core.instruments.forgetting import ImageCourse
from nn_core.instruments.measures.data_map import data_map
from nn_core.instruments.readings import NEVER_MEASURED
from nn_core.instruments.registry import INSTRUMENTS, is_measured
from nn_core.runs import Run
from tests.pages.looking import at, fails, look_at, words
from ui.panels.dynamics import histograms, images
from ui.panels.dynamics.panel import OPENED
from ui.panels.dynamics.panels import panels

PAGE = "pages/look/dynamics.py"


def one_step(run: Run) -> None:
    run.step_once().wait(10)
    while run.snapshot.is_training or run.snapshot.is_measured:
        time.sleep(0.01)


def opened(app: AppTest, *names: str) -> AppTest:
    """The page with these panels open and no others."""
    every = [panel.name for panel in panels(app.session_state["draft"])]
    app.session_state["chosen"] = {OPENED: {name: name in names for name in every}}
    for name in every:
        app.session_state[f"dynamics-panel-{name}"] = name in names
    return at(app, PAGE)


def charts(app: AppTest) -> list[str]:
    """What screen readers are told of each chart."""
    plots = [part.proto for part in app.get("bidi_component") if part.proto.component_name == "glassnet_live_plot"]
    return [json.loads(proto.bytes)["label"] for proto in plots if b'"label"' in proto.bytes]


def first_words(app: AppTest) -> list[str]:
    """The name of each chart."""
    return [label.split(":")[0] for label in charts(app)]


def pretend_click(monkeypatch: pytest.MonkeyPatch, of: str, **event: Any) -> None:
    """A click on the chart of this key, at the next run."""
    monkeypatch.setattr("ui.session.clicked", lambda key, name="click": dict(event) if key == of else None)


def test_every_panel_opens_and_explains_itself_after_a_step_with_all_of_them_open(app, with_run):
    run = with_run(optimizer="adam", lr=0.001, hidden=(8,), n_train=500)
    names = [panel.name for panel in panels(run.settings)]
    assert set(INSTRUMENTS) < set(names)
    opened(app, *names)
    one_step(run)
    shown = app.run()
    assert not fails(shown)
    said, drawn = html.unescape(words(shown)), first_words(shown)
    for name, each in INSTRUMENTS.items():
        if each.series(run.snapshot.series) and name != "class_accuracy":
            assert each.label in drawn, name
    for sentence in (
        "it would be 1 at a rate of about",
        "For this optimizer the line belongs to another panel: Preconditioned sharpness",
        r"$\frac{2 + 2 \beta_1}{(1 - \beta_1)\, \eta}$, is at **38,000**",
        "images per step would be wasteful; this run takes 50",
        "singular values beyond chance",
        "scorings: ",
    ):
        assert sentence in said, sentence
    assert "Only sigmoid and tanh saturate" in said and "nan" not in said.lower()
    helps = [caption.help for caption in shown.caption if caption.help]
    assert any("$$r = 1 -" in text and "Cockpit" in text and "Measured in every run" in text for text in helps)


ASKS = {"step_gauge": [], "forgetting": [], "noise_scale": ["noise_scale"], "spectrum": ["update_rank"]}


@pytest.mark.parametrize("panel", ASKS)
def test_a_panel_that_is_closed_asks_for_nothing_and_an_open_one_for_its_own(panel: str, app, with_run, monkeypatch):
    run = with_run()
    asked: list[str] = []
    monkeypatch.setattr(type(run), "measure", lambda self, names: asked.extend(names))
    assert not fails(opened(app, panel)) and asked == ASKS[panel]


def test_all_panels_are_drawn_against_lr_times_step(app, with_run):
    run = with_run()
    one_step(run)
    app.session_state["dynamics-axis"] = "lr_step"
    shown = opened(app, *(panel.name for panel in panels(run.settings)))
    assert not fails(shown)


def test_what_was_opened_and_closed_stays_so_over_a_change_of_pages(app, with_run):
    with_run()
    shown = opened(app, "distance")
    assert first_words(at(shown, "pages/look/evaluate.py")) != ["Distance from the start"]
    assert first_words(at(shown, PAGE)) == ["Distance from the start"]


def test_a_column_of_the_histograms_leads_the_time_machine_to_its_step(app, with_run, monkeypatch):
    run = with_run()
    shown = opened(app, "histograms")
    for _ in range(30):
        if f"A column is one of {len(run.snapshot.film)} kept frames. Click" in words(shown):
            break
        shown = app.run()  # the rest is counted while the panel goes on drawing itself
    else:
        raise AssertionError(words(shown))
    step = run.snapshot.film[3].step
    pretend_click(monkeypatch, histograms.KEY, customdata=step)
    shown = app.run()
    assert not fails(shown) and f"step {step:,} · looking back" in words(shown)


def test_looking_back_a_panel_says_what_was_measured_then(app, with_run):
    run = with_run()
    now = words(opened(app, "distance"))
    app.query_params["run"], app.query_params["step"] = run.id, "3"
    then = words(opened(look_at(app, run, 3), "distance"))
    distance = re.compile(r"Hidden layer 1 \*\*([\d.]+)\*\*")
    assert float(distance.search(then)[1]) < float(distance.search(now)[1])  # type: ignore[index]


def test_a_run_from_before_says_what_is_missing_in_each_panel(app, with_run, monkeypatch):
    run = with_run()
    shot = run.snapshot
    monkeypatch.setattr(type(run), "measure", lambda self, names: None)
    old = {name: one for name, one in shot.series.items() if not is_measured(name)}
    monkeypatch.setattr(run, "snapshot", type(shot)(**{**vars(shot), "series": old, "kept": {}}))
    shown = opened(app, "step_gauge", "class_accuracy", "map", "gradient_cosine")
    said = words(shown)
    assert not fails(shown) and not charts(shown)
    assert said.count(NEVER_MEASURED.split(":")[0]) == 3 and "press Train, or Step, with this panel open" in said


def test_an_instrument_that_fails_says_so_in_its_own_panel_and_the_others_go_on(app, with_run, monkeypatch):
    run = with_run()
    shot = run.snapshot
    off = {"step_gauge": "Switched off at step 7: there is not enough memory."}
    monkeypatch.setattr(run, "snapshot", type(shot)(**{**vars(shot), "switched_off": off}))
    shown = opened(app, "step_gauge", "distance")
    assert not fails(shown) and "Step gauge is switched off at step 7: there is not enough memory." in words(shown)
    assert first_words(shown) == ["Distance from the start"]


def test_a_suspect_is_looked_at_in_data_beside_others_of_its_digit(app, with_run, monkeypatch):
    run = with_run(label_noise=0.3)
    shown = opened(app, "map")
    course = ImageCourse.from_kept(run.snapshot.kept["forgetting"])
    assert course is not None
    suspect = int(data_map(course.p).suspects(5)[4])
    pretend_click(monkeypatch, images.MAP, customdata=suspect)
    shown = app.run()
    assert not fails(shown) and any("Data map of 2,000 images" in label for label in charts(shown))
    monkeypatch.undo()
    shown = app.button(key="dynamics-its-like").click().run()
    assert not fails(shown) and f"Training image {suspect:,}, labelled" in " ".join(charts(shown))
    assert "Training images, digit" in words(shown)


@pytest.mark.parametrize("settings", [{"hidden": ()}, {"model": "cnn", "channels": (2,), "n_train": 500}], ids=str)
def test_any_network_has_its_panels(settings, app, with_run):
    run = with_run(**settings)
    shown = opened(app, *(panel.name for panel in panels(run.settings)))
    assert not fails(shown) and "Singular values of the weights" in first_words(shown)
