"""The same number is the same on every page, and each kind of number is written in one way."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nn_core.config.run_config import RunConfig
from nn_core.training.history import Series
from tests.pages.looking import at, fails, look_at, words
from tests.pages.test_all_pages import PAGES
from ui import session
from ui.components import live_plot
from ui.session.readers import live_caption
from ui.sidebar.top_bar import glance

WITHOUT_A_SPACE = re.compile(r"\d%(?!\d|\{)")
YEAR = r"(?:18|19|20)\d\d\b"  # of papers
WITHOUT_A_COMMA = re.compile(rf"(?<![\w.,#/=-])(?!{YEAR})\d{{4,}}(?![\w.,]?\d|\w|/)")


@pytest.fixture
def charts(monkeypatch) -> list[dict[str, Any]]:
    """The figures that were sent to the browser."""
    sent: list[dict[str, Any]] = []
    send = live_plot.to_json

    def keep(message):
        sent.append(json.loads(send(message)))
        return send(message)

    monkeypatch.setattr(live_plot, "to_json", keep)
    return sent


def written(part: Any) -> Iterator[str]:
    """All that is written in a figure: titles, labels, texts, hover texts."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for name, value in part.items():
            if name not in ("source", "uid", "uirevision", "color", "colorscale", "font", "tickformat"):
                yield from written(value)
    elif isinstance(part, list):
        for value in part:
            yield from written(value)


def all_texts(app) -> list[str]:
    """Everything on the page that is not code: sentences, names and help of the controls."""
    named = [*app.button, *app.toggle, *app.selectbox, *app.select_slider, *app.markdown, *app.metric]
    texts = [words(app), *(getattr(one, "label", "") or "" for one in named), *(one.help or "" for one in named)]
    return [re.sub(r"`[^`]*`|\$[^$]*\$|:[\w-]+\[|:material/\w+:", " ", text) for text in texts]


def far_on(run) -> None:
    """Let the run stand at step 12,345, after 1,234.5 seconds, where every count wants a comma."""
    shot = run.snapshot
    scores = replace(shot.scores, step=12345)
    series = {name: Series(name, one.points * np.array([400, 1, 400, 400, 1.0])) for name, one in shot.series.items()}
    run.snapshot = replace(shot, step=12345, images_seen=1234567, seconds=1234.5, scores=scores, series=series)


@pytest.mark.parametrize("page", PAGES)
def test_shares_have_a_space_before_their_sign_and_large_counts_a_comma(app, with_run, charts, page):
    far_on(with_run(hidden=(1024,)))
    shown = at(app, page)
    assert not fails(shown)
    texts = [*all_texts(shown), *written([sent["figure"] for sent in charts if sent.get("figure")])]
    wrong = [text for text in texts if WITHOUT_A_SPACE.search(text) or WITHOUT_A_COMMA.search(text)]
    assert wrong == []


def test_a_run_at_rest_has_one_accuracy_on_all_pages(app, with_run, charts):
    run = with_run()
    share = f"{100 * run.snapshot.scores.val_accuracy:.1f} %"
    assert f"<b>{share}</b>" in glance(run.snapshot)
    shown = at(app, "pages/play/train.py")
    assert f"**{share}** validation" in words(shown)
    assert any(f"Curves of accuracy: validation {share}" in sent.get("label", "") for sent in charts)
    assert f"of 500 right ({share})" in words(at(app, "pages/look/evaluate.py"))
    assert any(sent.get("label", "").endswith(f": {share} on the diagonal") for sent in charts)


def test_the_card_of_a_racer_says_where_its_curve_ends(app):
    app.session_state["draft"] = RunConfig(n_train=400, epochs=1)
    shown = at(app, "pages/compare/race.py").button(key="race-rates").click().run()
    runs = session.registry().runs()
    deadline = time.monotonic() + 30
    while not all(run.snapshot.status == "finished" for run in runs):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    said = words(shown.run())
    for run in runs:
        assert f"**{100 * run.snapshot.series['val/accuracy'].last:.1f} %** validation" in said
    session.registry().close()


def test_where_an_accuracy_is_of_an_earlier_step_that_step_is_said(app, with_run):
    run = with_run()
    scored = [int(step) for step in run.snapshot.series["val/accuracy"].step]
    frame = next(frame for frame in run.snapshot.film if frame.step not in scored)
    before = max(at for at in scored if at < frame.step)
    assert f"step {frame.step} of 40, scored at {before} · looking back" in words(look_at(app, run, frame.step))
    assert f"step {frame.step}, scored at {before} · " in glance(run.snapshot.at(frame))
    assert f"%, scored at {before}" in live_caption(run.snapshot.at(frame), looking_back=True)
