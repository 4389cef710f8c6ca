"""The charts of a search: settings by their labels, numbers in order, and the line to beat."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nn_core.config.run_config import RunConfig, setting
from nn_core.data import Dataset
from nn_core.search import SearchSpec, SearchView, Shape, Span, Values, create_search
from nn_core.search.study import load_study
from nn_core.search.watch import read_search
from nn_core.search.worker import Worker
from ui.charts import search as charts
from ui.components.live_plot import to_json

SIZES = (512, 16, 128, 32, 64)
VARY: dict[str, Span | Values | Shape] = {
    "batch_size": Values(SIZES),
    "lr": Span(0.01, 1.0, log=True),
    "activation": Values(("relu", "tanh")),
    "hidden": Shape(4, 8, 1, 2),
}


@pytest.fixture(scope="module")
def view(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> SearchView:
    """A search of six trials over a setting of each kind, with the score of what it began with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSNET_RUNS", str(tmp_path_factory.mktemp("search")))
        spec = SearchSpec(RunConfig(n_train=300, hidden=(8,), epochs=1), VARY, "random", "none", n_trials=6)
        create_search("kinds", spec, score_default=True)
        Worker("kinds", tell=lambda line: None).work()
        return read_search(load_study("kinds"))


def texts_of(figure: object) -> str:
    return to_json({"figure": figure.to_dict()}).decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [name for name in charts.CHARTS if name not in ("curves", "pareto", "timeline")])
def test_no_chart_of_a_search_shows_the_name_of_a_field_or_a_word_of_optunas(view: SearchView, name: str):
    _, draw, _ = charts.CHARTS[name]
    text = texts_of(draw(view, False, False))
    for raw in ("batch_size", "hidden.width", "Objective Value", "Intermediate Value", '"lr"', '"relu"', "'ReLU'"):
        assert raw not in text, raw
    if name in ("slice", "parallel", "contour", "importances"):
        assert all(setting(each).label in text for each in ("batch_size", "lr", "activation"))


def axis_titled(figure: object, title: str) -> dict:
    layout = json.loads(texts_of(figure))["figure"]["layout"]
    axes = [axis for key, axis in layout.items() if key[1:5] == "axis"]
    return next(axis for axis in axes if axis.get("title", {}).get("text") == title)


@pytest.mark.parametrize("name", ["slice", "contour"])
def test_numbers_that_were_listed_lie_along_an_axis_of_numbers(view: SearchView, name: str):
    axis = axis_titled(charts.CHARTS[name][1](view, False, False), "Batch size")
    assert axis["type"] == "log" and sorted(axis["tickvals"]) == sorted(SIZES)


def test_parallel_coordinates_have_listed_numbers_in_their_order(view: SearchView):
    figure = charts.CHARTS["parallel"][1](view, False, False).to_dict()
    marks = [
        (mark["y"], int(mark["text"])) for mark in figure["layout"]["annotations"] if mark["text"] in map(str, SIZES)
    ]
    numbers = [number for _, number in sorted(marks)]
    assert len(numbers) > 2 and numbers == sorted(numbers)


def test_the_score_of_the_settings_that_a_search_began_with_is_the_line_to_beat(view: SearchView):
    assert view.default is not None and 0 < view.default.values[0] < 1
    assert view.n_done == 6 and len(view.trials) == 6, "it is no trial"
    dashed = [trace for trace in charts.CHARTS["curves"][1](view, False, False).data if trace.line.dash == "dash"]
    assert [trace.name for trace in dashed] == [charts.DEFAULT]
    assert dashed[0].y[-1] == pytest.approx(100 * view.default.values[0])
    (line,) = charts.CHARTS["history"][1](view, False, False).layout.shapes
    assert line.y0 == line.y1 == pytest.approx(100 * view.default.values[0])


def test_the_curves_of_a_search_without_trials_have_the_axes_that_they_will_have(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    create_search("empty", SearchSpec(RunConfig(n_train=300, epochs=3), {"lr": Span(0.01, 1.0)}))
    layout = charts.CHARTS["curves"][1](read_search(load_study("empty")), False, False).layout
    assert layout.yaxis.range == (0, 100) and layout.yaxis.ticksuffix == " %" and layout.xaxis.range == (0.5, 3.5)
    assert "first" in layout.annotations[0].text
