"""The vital signs on Train: what they say of a healthy run, of a sick one, of one that was never measured."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator, Mapping

import pytest
from streamlit.testing.v1 import AppTest

from nn_core.instruments.look import Look
from nn_core.instruments.readings import NEVER_MEASURED
from nn_core.instruments.registry import INSTRUMENTS, Band, instrument, is_measured, times
from nn_core.runs import Run
from tests.pages.looking import fails, look_at
from ui import session


@pytest.fixture
def sick() -> Iterator[str]:
    """An instrument, registered for the time of a test, that finds everything broken."""

    @instrument(
        "sickness",
        label="Sickness <b>",
        formula="s",
        source="Nobody 2026",
        reading="How sick a layer is.",
        check="By hand.",
        needs="network",
        bands=(Band(0.0, "broken", "Everything is sick for this test.", times(0.5)),),
        order=0,
    )
    def sickness(look: Look) -> Mapping[str, float]:
        return dict.fromkeys(look.matrices(look.model.flat), 7.25)

    yield "sickness"
    del INSTRUMENTS["sickness"]


def strip(app: AppTest) -> str:
    """The words of the strip; "" where it is not shown."""
    shown = [part.proto for part in app.get("bidi_component") if part.proto.component_name == "glassnet_vital_strip"]
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", json.loads(shown[0].json)).split())) if shown else ""


def one_step(run: Run) -> None:
    run.step_once().wait(10)
    while run.snapshot.is_training:
        time.sleep(0.01)


def signs(app: AppTest) -> AppTest:
    app.session_state["train-under"] = "vital"
    return app.run()


def test_every_figure_of_a_healthy_run_has_its_state_in_words_and_every_one_is_explained(app, with_run):
    run = with_run()
    one_step(run)
    shown = signs(app)
    said = strip(shown)
    assert not fails(shown)
    for label in ("Step gauge", "Learning rate 0.1", "Gradient", "Update / weight", "Dead units", "Distance from"):
        assert label in said
    assert "Hidden layer 1, step 41: Dead units 0.0 %" in said and "on 500 validation images, without dropout" in said
    assert "● fine" in said and "nan" not in said.lower()
    assert INSTRUMENTS["step_gauge"].reading in said and "Saturated units" not in said
    assert not [button.key for button in shown.button if button.key == "vital-fix"]
    shown.session_state["train-under"] = "filters"
    assert not strip(shown.run())


def test_what_is_broken_is_said_first_with_a_fix_that_the_button_applies(sick: str, app, with_run):
    run = with_run()
    one_step(run)
    shown = signs(app)
    assert "■ broken Hidden layer 1, Sickness <b> 7.25: Everything is sick for this test." in strip(shown)
    assert "Sickness <b>" in shown.selectbox(key="vital-over-time").options
    before = run.settings.lr
    shown.button(key="vital-fix").click().run()
    assert not fails(shown) and run.settings.lr == before / 2


def test_looking_back_it_says_what_was_measured_then_and_offers_no_fix(sick: str, app, with_run):
    run = with_run()
    one_step(run)
    shown = signs(look_at(app, run, 3))
    at = session.registry().get(run.id).snapshot.film  # type: ignore[union-attr]
    step = max(frame.step for frame in at if frame.step <= 3)
    assert "step 2: Update / weight" in strip(shown) and step in (2, 3) and "step 41" not in strip(shown)
    assert not [button.key for button in shown.button if button.key == "vital-fix"]


def test_a_run_that_was_never_measured_opens_and_says_that_its_signs_are_missing(app, with_run, monkeypatch):
    run = with_run()
    shot = run.snapshot
    old = {name: one for name, one in shot.series.items() if not is_measured(name)}
    monkeypatch.setattr(run, "snapshot", type(shot)(**{**vars(shot), "series": old}))
    shown = signs(app)
    assert not fails(shown) and NEVER_MEASURED in strip(shown)


def test_an_instrument_that_was_switched_off_says_so_in_the_strip(app, with_run, monkeypatch):
    run = with_run()
    shot = run.snapshot
    off = {"step_gauge": "Switched off at step 7: there is not enough memory."}
    monkeypatch.setattr(run, "snapshot", type(shot)(**{**vars(shot), "switched_off": off}))
    shown = signs(app)
    assert not fails(shown) and f"Step gauge : {off['step_gauge']}" in strip(shown)


def test_the_ghosts_value_is_told_beside_that_of_the_run(app, with_run):
    first, second = with_run(lr=0.3), with_run(lr=0.1)
    app.session_state["ghost"] = first.id
    app.session_state["run"] = second.id
    shown = signs(app)
    assert not fails(shown) and "The ghost there: 0.3" in strip(shown)


@pytest.mark.parametrize("settings", [{"hidden": ()}, {"model": "cnn", "channels": (2,), "n_train": 500}], ids=str)
def test_any_network_has_its_signs(settings, app, with_run):
    with_run(**settings)
    shown = signs(app)
    assert not fails(shown) and "Output, step" in strip(shown)
    assert ("Block 1, step" in strip(shown)) == ("model" in settings)
