"""Every page among runs whose files say what cannot be, and with curves and scores that are not finite."""

from __future__ import annotations

import json
import os
import threading
import tomllib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from nn_core.export import ExportError, to_archive
from nn_core.export.importing import bring_in
from nn_core.training import Series
from tests import ROOT
from tests.pages.looking import at, fails, notices, words
from tests.pages.test_all_pages import PAGES
from ui import session
from ui.components import run_rows
from ui.session import imports

SUMMARIES = [b"[" * 100_000, b"{}", b'{"step": 1e999}', b'{"config": {"wings": 2}}', b"\xff"]


def spoilt() -> None:
    """Some folders beside the runs of the app that are none."""
    store = session.store()
    assert store is not None
    for number, summary in enumerate(SUMMARIES):
        run = store.folder / f"bad0000{number}"
        run.mkdir()
        (run / "summary.json").write_bytes(summary)
    os.mkfifo(store.folder / "bad00000" / "label.json")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_good_run_among_bad_ones(app, with_run, page):
    with_run()
    spoilt()
    assert len(session.unreadable()) == len(SUMMARIES) and len(session.runs()) == 1
    assert not fails(at(app, page))


def test_where_no_run_can_be_read_the_list_says_so_and_opening_one_says_why(app):
    spoilt()
    shown = at(app, "pages/compare/runs.py")
    assert not fails(shown) and "The list of all runs" not in words(shown)
    app.query_params["run"] = "bad00001"
    app.run()
    assert not fails(app) and "bad00001" in notices(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_a_run_whose_curves_and_scores_are_not_finite(app, with_run, page):
    run = with_run()
    shot = run.snapshot
    series = {}
    for name, one in shot.series.items():
        points = one.points.copy()
        points[::2, 4], points[-1, 4] = np.inf, np.nan
        series[name] = Series(name, points)
    scores = replace(shot.scores, train_loss=float("inf"), val_loss=float("nan"), l2=float("inf"))
    run.snapshot = replace(shot, series=series, scores=scores)
    assert not fails(at(app, page))


def test_the_rows_of_all_runs_hold_no_number_that_json_does_not_know(app, with_run):
    with_run()
    spoilt()
    json.dumps(run_rows.rows(session.runs(), unreadable=session.unreadable()), allow_nan=False)


# ---------------------------------------------------------------------------------------------- imports


def test_the_page_promises_the_size_of_an_upload_that_the_server_takes(app):
    (uploader,) = at(app, "pages/compare/runs.py").get("file_uploader")
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert uploader.proto.max_upload_size_mb == config["server"]["maxUploadSize"]


def test_what_is_brought_in_on_the_page_is_on_all_pages_and_what_is_not_is_a_sentence(app, with_run, monkeypatch):
    monkeypatch.setattr(
        imports, "bring_in_apart", lambda data, name, store, **_: bring_in(data, name, store)
    )  # here without another process
    store = session.store()
    assert store is not None
    for content, sentence in (
        (to_archive(store, with_run().id), "Imported as run"),
        (b"PK", "Nothing was imported: the file is no zip archive"),
    ):
        uploader: Any = at(app, "pages/compare/runs.py").get("file_uploader")[0]
        uploader.upload("a.zip", content, "application/zip")
        app.run()
        assert not fails(app) and sentence in notices(app)
    assert len(session.runs()) == 2


def test_an_import_that_takes_long_is_shown_on_all_pages_and_can_be_cancelled(app, monkeypatch):
    def never_ends(*_: object, cancelled: threading.Event, **__: object) -> tuple[str, tuple[str, ...]]:
        assert cancelled.wait(60)
        raise ExportError("it was cancelled")

    monkeypatch.setattr(imports, "bring_in_apart", never_ends)
    monkeypatch.setattr(imports, "SOON_SECONDS", 0.0)
    uploader: Any = at(app, "pages/compare/runs.py").get("file_uploader")[0]
    uploader.upload("*a*.zip", b"PK", "application/zip")
    app.run()
    for page in ("pages/compare/runs.py", "pages/play/train.py"):
        assert r"\*a\*.zip is being imported" in words(at(app, page)), page
    app.button(key="cancel-import").click().run()
    assert "Nothing was imported: it was cancelled." in notices(app) and "is being imported" not in words(app)
    assert session.importing() is None and at(app, "pages/compare/runs.py").get("file_uploader")


def test_weights_that_leave_something_open_are_asked_about_on_all_pages_and_become_a_run(app, monkeypatch):
    monkeypatch.setattr(
        imports, "bring_in_apart", lambda data, name, store, *, answers, **_: bring_in(data, name, store, answers)
    )
    rng = np.random.default_rng(0)
    shapes = {"fc1.weight": (8, 784), "fc1.bias": (8,), "fc2.weight": (10, 8), "fc2.bias": (10,)}
    data = save({name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()})
    for answered in (False, True):
        uploader: Any = at(app, "pages/compare/runs.py").get("file_uploader")[0]
        uploader.upload("*net*.safetensors", data, "application/octet-stream")
        app.run()
        for page in ("pages/compare/runs.py", "pages/play/train.py"):
            assert r"\*net\*.safetensors leaves something open" in words(at(app, page)), page
        if not answered:
            app.button(key="cancel-import").click().run()
            assert session.importing() is None and not session.runs() and "leaves something" not in words(app)
            continue
        app.selectbox(key="import-activation").select("tanh")
        app.selectbox(key="import-input_scaling").select("standard")
        app.button(key="answer-import").click().run()
    assert not fails(app) and "Imported as run" in notices(app) and "activation tanh" in notices(app)
    ((run),) = session.runs()
    assert (run.config.activation, run.config.input_scaling, run.config.hidden) == ("tanh", "standard", (8,))


def test_an_upload_of_a_pickle_is_answered_with_how_to_convert_it(app, monkeypatch):
    monkeypatch.setattr(imports, "bring_in_apart", lambda data, name, store, **_: bring_in(data, name, store))
    uploader: Any = at(app, "pages/compare/runs.py").get("file_uploader")[0]
    uploader.upload("net.pt", b"\x80\x02.", "application/octet-stream")
    app.run()
    assert "net.pt is a pickle" in notices(app) and "safetensors" in notices(app) and not session.runs()
