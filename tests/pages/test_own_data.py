"""Images of one's own on the page Data: read, changed where the guess is wrong, used on all pages, and deleted."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from nn_core import load_dataset
from nn_core.data import Dataset, npz
from nn_core.data.kept import kept_names
from nn_core.own_data import Choices, Found, Source, from_pen, keep, read
from tests.pages.looking import at, fails, notices, words
from ui.session import own_data
from ui.session.own_data import KEY, Bringing

DATA = "pages/look/data.py"
READ = npz._load


@pytest.fixture(autouse=True)
def kept_sets_are_real(app: Any, few: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "_load", lambda name, *file: few if name == "mnist" else READ(name, *file))


def brought(found: Found | None, problem: str = "") -> Bringing:
    """A set as it is when it has been read."""
    coming = Bringing("set.csv", lambda cancelled: from_pen())
    coming.found, coming.problem = found, problem
    coming.over.set()
    return coming


def errors(shown: Any) -> str:
    return " ".join(each.value for each in shown.error)


def light_digits(few: Dataset, n: int = 600) -> Found:
    labels = few.train_labels[:n].astype(np.int64)
    return Found("digits", 255 - few.train_images[:n], labels, tuple("0123456789"), 0, ("As it was found.",))


def test_letters_are_drawn_shown_used_and_deleted_again(app: Any):
    shown = at(app, DATA)
    shown.text_input(key="own-letters").set_value("XYZ").run()
    shown.button(key="own-draw").click().run()
    shown.session_state[KEY].over.wait(30)
    shown.run()
    assert not fails(shown) and "1,800 images of 28 x 28 pixels, 3 classes." in words(shown)
    assert "1,500 training and 300 test images." in words(shown)
    shown.button(key="own-use").click().run()
    (name,) = kept_names()
    assert not fails(shown) and f"The data set in use is {name}." in notices(shown)
    assert shown.session_state["draft"].dataset == name and f"Data set {name}" in words(shown)
    shown.button_group(key="data-digit").set_value("Y").run()
    n = int((load_dataset(name).train_labels == 1).sum())
    assert f"**Training images, digit Y**: 1 to 98 of {n:,}" in words(shown)
    shown.button(key="preset-98-in-seconds").click().run()  # a preset keeps the set, with all images that it has
    assert shown.session_state["draft"].dataset == name
    assert shown.session_state["draft"].n_train == len(load_dataset(name).train_labels)
    shown.button(key="own-use-mnist").click().run()
    assert (shown.session_state["draft"].dataset, shown.session_state["draft"].n_train) == ("mnist", 55_000)
    shown.button(key=f"own-delete-{name}").click().run()
    assert not fails(shown) and kept_names() == [] and f"{name} is deleted" in notices(shown)


def test_a_guess_is_shown_and_can_be_changed(app: Any, few: Dataset):
    app.session_state[KEY] = brought(light_digits(few))
    shown = at(app, DATA)
    assert not fails(shown) and "As it was found." in words(shown)
    turn = next(each for each in shown.toggle if str(each.key).startswith("own-inverted"))
    assert turn.value is True
    names = next(each for each in shown.text_input if str(each.key).startswith("own-names"))
    names.set_value("nought, one, two, three, four, five, six, seven, eight").run()
    assert "each of the 10 classes needs a name of its own" in errors(shown)
    names = next(each for each in shown.text_input if str(each.key).startswith("own-names"))
    names.set_value("nought, one, two, three, four, five, six, seven, eight, nine").run()
    shown.button(key="own-use").click().run()
    assert not fails(shown)
    data = load_dataset(shown.session_state["draft"].dataset)
    assert data.class_names[0] == "nought" and data.train_images[:, 0, 0].max() == 0


def test_of_more_than_ten_classes_ten_are_chosen(app: Any, few: Dataset):
    light = light_digits(few)
    many = Found("many", light.images, np.arange(600) % 12, tuple(f"c{number}" for number in range(12)))
    app.session_state[KEY] = brought(many)
    shown = at(app, DATA)
    assert next(each for each in shown.multiselect if str(each.key).startswith("own-classes")).value == list(range(10))
    shown.button(key="own-use").click().run()
    assert not fails(shown)
    assert load_dataset(shown.session_state["draft"].dataset).class_names == tuple(f"c{n}" for n in range(10))


def test_what_cannot_be_used_is_a_sentence_and_goes_away(app: Any):
    app.session_state[KEY] = brought(None, "'a.csv' is empty")
    shown = at(app, DATA)
    assert "set.csv cannot be used: 'a.csv' is empty." in errors(shown)
    shown.button(key="own-close").click().run()
    assert not fails(shown) and not errors(shown)


def test_a_run_on_a_set_of_ones_own_shows_its_names_on_every_page(app: Any, few: Dataset):
    light = light_digits(few)
    names = ("nought", "one", "two", "three", "four", "five", "six")
    data = keep(light, Choices(tuple(range(7)), names, inverted=True))
    shown = at(app, DATA)
    shown.button(key=f"own-use-{data.name}").click().run()
    shown = at(shown, "pages/play/train.py")
    shown.button(key="step").click().run()
    for page in (DATA, "pages/look/evaluate.py", "pages/look/weights.py", "pages/look/inside.py"):
        shown = at(shown, page)
        assert not fails(shown)


def test_on_a_shared_server_only_the_owner_adds_data_sets(app: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own_data, "may_add_data", lambda: False)
    monkeypatch.setattr("ui.session.may_add_data", lambda: False)
    shown = at(app, DATA)
    assert own_data.NO_FILES in words(shown) and not any(each.key == "own-draw" for each in shown.button)


def test_reading_that_is_cancelled_ends():
    cancelled = threading.Event()
    csv = b"1" + b",2" * 64 + b"\n"
    upload = own_data._Upload(csv * 100_000, cancelled)
    cancelled.set()
    coming = Bringing("rows.csv", lambda event: read([Source("rows.csv", upload)]), cancelled=cancelled)
    coming.work()
    assert coming.found is None and coming.problem == "it was cancelled"
