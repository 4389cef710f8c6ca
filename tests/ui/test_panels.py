"""When a panel draws the whole page again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nn_core.config.run_config import RunConfig
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
