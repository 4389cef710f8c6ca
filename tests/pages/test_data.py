"""The page Data: images are counted, leafed through and taken to the canvas."""

from __future__ import annotations

import numpy as np

from tests.pages.looking import at, fails, words


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
