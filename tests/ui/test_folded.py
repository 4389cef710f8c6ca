"""The settings that the sidebar folds away: each in one panel, shown when its button is pressed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from nn_core import RunConfig
from nn_core.config.run_config import all_settings
from nn_core.data import Dataset
from tests import ROOT
from ui import session
from ui.sidebar import folded

FOLDED = [item for item in all_settings() if item.folded]


@pytest.fixture
def app() -> Iterator[AppTest]:
    yield AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
    session.registry().close()
    session.registry.clear()


def opened(app: AppTest, *panels: str, **settings: Any) -> AppTest:
    """The first page with these panels open, under these settings."""
    for name in panels:
        app.session_state[f"panel-{name}"] = True
    app.session_state["draft"] = RunConfig(**settings)
    app.run()
    assert not app.exception and not app.error
    return app


def keys(app: AppTest) -> set[str]:
    return {str(widget.key) for widget in [*app.select_slider, *app.selectbox, *app.number_input]}


def test_the_most_used_settings_are_never_folded_away():
    plain = {"lr", "batch_size", "l2", "dropout", "hidden", "n_train", "activation", "init", "optimizer", "epochs"}
    assert plain.isdisjoint(item.name for item in FOLDED)


def test_every_folded_setting_is_in_one_panel():
    held = {name: [item.name for item in FOLDED if folded.panel_of(item) == name] for name in folded.PANELS}
    assert all(held.values()) and sorted(chain(*held.values())) == sorted(item.name for item in FOLDED)


def test_a_closed_panel_costs_no_widget(app: AppTest):
    assert keys(opened(app)).isdisjoint(f"set-{item.name}" for item in FOLDED)


def test_an_open_panel_shows_what_matters_under_the_present_choices(app: AppTest):
    shown = keys(opened(app, *folded.PANELS))
    assert {"set-l1", "set-normalization", "set-schedule", "set-rotation", "set-gain", "set-label_noise"} <= shown
    assert shown.isdisjoint({"set-warmup", "set-decay_factor", "set-elastic_sigma"})
    shown = keys(opened(app, *folded.PANELS, schedule="one_cycle", elastic=34))
    assert {"set-warmup", "set-elastic_sigma"} <= shown and "set-decay_factor" not in shown


def test_a_setting_changed_in_a_panel_changes_the_draft(app: AppTest):
    page = opened(app, "augmentation")
    page.select_slider(key="set-rotation").set_value(15.0).run()
    assert not page.exception and page.session_state["draft"].rotation == 15


def test_what_cannot_work_together_is_said_and_not_taken(app: AppTest):
    page = opened(app, "regularization", hidden=())
    page.selectbox(key="set-normalization").set_value("batch").run()
    assert page.session_state["draft"].normalization == "none"
    assert "normalization batch cannot work with hidden none" in page.warning[0].value


def test_the_preview_has_the_digits_as_they_are_over_changed_ones(tiny: Dataset):
    config = RunConfig(rotation=30)
    picture = folded.preview_picture(config, tiny.train_images, tiny.train_labels)
    assert picture.dtype == np.uint8 and picture.shape == (3 * 56, 10 * 56)
    small = picture[::2, ::2].reshape(3, 28, 10, 28).swapaxes(1, 2)
    for digit in range(10):
        assert np.array_equal(small[0, digit], tiny.train_images[tiny.train_labels == digit][0])
        assert not np.array_equal(small[1, digit], small[0, digit])
        assert not np.array_equal(small[1, digit], small[2, digit])
    assert np.array_equal(picture, folded.preview_picture(config, tiny.train_images, tiny.train_labels))
