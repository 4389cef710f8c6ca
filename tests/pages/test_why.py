"""Why it says so: one panel for any image, whose sums are those of the network."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import load_shipped
from nn_core.machine.numbers import decimal
from tests.pages.looking import at, fails, words


def opened(app, page: str, key: str):
    shown = at(app, page)
    assert "rather than" not in str([box.options for box in shown.selectbox])  # closed, it works nothing out
    return shown.toggle(key=f"{key}-why").set_value(True).run()


@pytest.mark.parametrize(
    "settings",
    [{}, {"hidden": ()}, {"hidden": (8, 6), "normalization": "batch"}, {"model": "cnn", "channels": (3, 4)}],
    ids=["mlp", "none hidden", "batch norm", "cnn"],
)
def test_the_sum_on_evaluate_is_what_the_network_says_of_the_image(app, with_run, few, settings):
    run = with_run(**{"hidden": (8,), **settings})
    shown = opened(app, "pages/look/evaluate.py", "evaluate")
    assert not fails(shown)
    *_, index = app.session_state["chosen"]["evaluate-image"]
    logits = run.snapshot.model.logits(few.val_images[[index]])[0].astype(np.float64)
    second, first = np.sort(logits)[-2:]
    said = decimal(first - second)
    assert f"a difference of {said}" in words(shown) and f"the network says {said}." in words(shown)
    assert ("due to normalization" in words(shown)) == ("normalization" in settings)
    found = re.search(r"add up to (\S+); .* changes by (\S+) \(", words(shown))
    assert found is not None
    total, expected = (float(number.replace("−", "-")) for number in found.groups())
    assert total == pytest.approx(expected, rel=0.01, abs=0.011)
    assert words(shown).count("Labelled ") == 2


def test_another_digit_can_be_explained(app, with_run, few):
    run = with_run()
    shown = opened(app, "pages/look/evaluate.py", "evaluate")
    *_, index = app.session_state["chosen"]["evaluate-image"]
    menu = shown.selectbox(key="evaluate-why-target")
    at_logit = next(n for n, option in enumerate(menu.options) if option == "the logit of the answer")
    menu.set_value(at_logit).run()
    logit = run.snapshot.model.logits(few.val_images[[index]])[0].max()
    assert not fails(shown) and f"the network says {decimal(logit)}." in words(shown)


def test_without_a_run_an_image_of_data_is_explained_by_the_network_of_the_project(app, few):
    shown = opened(app, "pages/look/data.py", "data")
    shown.button_group(key="data-split").set_value("val").run()
    logits = np.sort(load_shipped().logits(few.val_images[:1])[0].astype(np.float64))
    assert not fails(shown) and f"a difference of {decimal(logits[-1] - logits[-2])}" in words(shown)


def test_a_sketch_is_explained_once_there_is_one(app):
    shown = at(app, "pages/play/draw.py")
    assert not [toggle for toggle in shown.toggle if toggle.key == "sketch-why"]
    shown.button(key="sketch-show").click().run()
    shown.toggle(key="sketch-why").set_value(True).run()
    assert not fails(shown) and "Integrated gradients add up to" in words(shown)
