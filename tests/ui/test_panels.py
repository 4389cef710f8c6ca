"""When a panel draws the whole page again, and that two panels of a page agree."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st

from nn_core.config.run_config import RunConfig
from nn_core.instruments.dead_units import dead_units
from nn_core.instruments.look import Look, n_probed
from nn_core.nn.network import build_model
from ui import session
from ui.panels import verdict
from ui.session import panels


def test_when_a_run_that_was_asked_to_train_begins_the_whole_page_is_drawn_again(monkeypatch: pytest.MonkeyPatch):
    """On a busy machine the page is drawn before the training begins: Train must then become Pause."""
    run = SimpleNamespace(settings=RunConfig(), snapshot=SimpleNamespace(is_training=False))
    for name, value in {"current_run": run, "looked_at_step": None, "pinned_id": None}.items():
        monkeypatch.setattr(panels, name, lambda value=value: value)
    before = panels._whole_page()
    assert panels._whole_page() == before
    run.snapshot.is_training = True
    assert panels._whole_page() != before


def test_an_import_that_is_begun_in_one_panel_is_shown_by_the_whole_page(monkeypatch: pytest.MonkeyPatch):
    for name in ("current_run", "looked_at_step", "pinned_id"):
        monkeypatch.setattr(panels, name, lambda: None)
    monkeypatch.setattr(st, "session_state", state := {"import": object()})
    during = panels._whole_page()
    assert panels._whole_page() == during
    state["import"] = None
    assert panels._whole_page() != during


def test_the_verdict_and_the_vital_signs_count_the_same_dead_units(monkeypatch: pytest.MonkeyPatch):
    config, told = RunConfig(model="cnn", channels=(8, 16), dense_units=(6,)), dict[str, Any]()
    model = build_model(config, np.random.default_rng(0))
    W, b = model.parts["conv1"].params["W"], model.parts["conv1"].params["b"]
    W[...], b[:4], b[4:] = np.abs(W), -0.001, 1.0  # four channels answer to bright images alone
    images = np.zeros((1_000, 28, 28), np.uint8)
    probed = n_probed(config)
    images[probed + 10 :] = 255  # bright where the vital signs do not look
    data: Any = SimpleNamespace(val_images=images)
    for name, value in {"dataset": data, "looked_at_step": None}.items():
        monkeypatch.setattr(session, name, lambda value=value: value)
    monkeypatch.setattr(verdict, "verdicts", lambda seen: told.update(dead=seen.dead))
    shot: Any = SimpleNamespace(model=model, config=config, step=7, status="paused", series={}, weights={}, epoch=1.0)
    verdict._verdicts_on(shot)
    shares = dead_units(Look(model, config, data, np.empty(0))).values()
    assert probed < 1_000 and [round(share * n) for share, n in zip(shares, (8, 16, 6), strict=True)] == told["dead"]
    assert told["dead"][0] == 4
