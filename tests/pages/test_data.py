"""The page Data: images are counted, leafed through and taken to the canvas."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig
from nn_core.data import Dataset, npz
from nn_core.machine.numbers import percent
from nn_core.runs import Run
from tests import ROOT
from tests.pages.looking import at, fails, notices, words
from ui import session
from ui.panels.gallery import SPLITS

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("pages/*/*.py"))


def test_the_data_page_counts_and_leafs_through_a_digit(app, few):
    shown = at(app, "pages/look/data.py")
    shown.button_group(key="data-digit").set_value("3").run()
    n = int((few.train_labels == 3).sum())
    assert f"**Training images, digit 3**: 1 to 98 of {n:,}" in words(shown)
    shown.button(key="data-page-on").click().run()
    assert f"**Training images, digit 3**: 99 to 196 of {n:,}" in words(shown)
    shown.button_group(key="data-digit").set_value("4").run()
    assert "**Training images, digit 4**: 1 to 98" in words(shown)
    shown.button_group(key="data-split").set_value("val").run()
    n = int((few.val_labels == 4).sum())
    assert f"**Validation images, digit 4**: 1 to {n} of {n}" in words(shown)


def test_an_image_of_the_data_page_goes_to_the_canvas(app, few):
    shown = at(app, "pages/look/data.py")
    shown.button(key="data-canvas").click().run()
    assert not fails(shown)
    drawn = shown.session_state["sketchpad"].now
    assert np.array_equal(drawn.sketch.image, few.train_images[0])
    assert drawn.note.startswith(f"Training image 0, labelled {few.train_labels[0]}")


@pytest.fixture
def without_threes(app, few: Dataset, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The app on data in which one class has no images in any split, and a run that was trained on it."""
    kept: dict[str, Any] = {}
    for name in SPLITS:
        images, labels = few.split(name)
        kept |= {f"{name}_images": images[labels != 3], f"{name}_labels": labels[labels != 3]}
    data = replace(few, identity="no threes", **kept)
    monkeypatch.setattr(npz, "_load", lambda *file: data)
    run = session.registry().create(RunConfig(n_train=2_000, batch_size=50), data)
    assert run.epoch_once().wait(30)
    while run.snapshot.is_training:
        time.sleep(0.01)
    app.session_state["run"] = run.id
    return run


@pytest.mark.parametrize("page", PAGES)
def test_a_class_without_images_breaks_no_page(app, without_threes, page: str):
    shown = at(app, page)
    assert not fails(shown) and not notices(shown)


def test_a_class_without_images_is_said_to_have_none_and_not_to_be_the_hardest(app, without_threes):
    shown = at(app, "pages/look/data.py")
    shown.button_group(key="data-digit").set_value("3").run()
    assert "The training images of this data set have none of 3." in words(shown) and not fails(shown)
    shown = at(app, "pages/look/evaluate.py")
    assert "the hardest digit is 3" not in words(shown)
    table = shown.dataframe[0].value.set_index("digit")
    assert table.loc["3"].isna().sum() == 3 and table.loc["3", "images"] == 0
    told = [value for name, value in zip(table.index, table["F1"], strict=True) if name != "3"]
    assert f"mean F1 {percent(np.mean(told) / 100)};" in words(shown)
