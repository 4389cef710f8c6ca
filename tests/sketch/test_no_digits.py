"""What is no digit: every kind of it, in the form that sketches get, and the detector that finds it out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nn_core import load_mnist
from nn_core.cli.main import main
from nn_core.sketch.no_digits.characters import LETTERS, SIGNS
from nn_core.sketch.no_digits.detector import Detector, load_detector
from nn_core.sketch.no_digits.kinds import KINDS, NOISE, no_digits
from nn_core.sketch.no_digits.training import Mixed
from nn_core.sketch.pen import Pen

N = 12


@pytest.fixture(scope="module")
def pen() -> Pen:
    data = load_mnist()
    return Pen(data.test_images[:200], data.test_labels[:200])


@pytest.mark.parametrize("kind", [*KINDS, NOISE])
def test_drawings_of_a_kind_have_ink_in_mnists_form_and_depend_on_the_generator_alone(pen, kind):
    images = no_digits(kind, N, np.random.default_rng(3), pen)
    assert images.shape == (N, 28, 28) and images.dtype == np.uint8
    assert (images.max(axis=(1, 2)) > 30).all(), "each can be seen"
    assert len(np.unique(images.reshape(N, -1), axis=0)) == N, "no two are alike"
    assert np.array_equal(no_digits(kind, N, np.random.default_rng(3), pen), images)
    assert not np.array_equal(no_digits(kind, N, np.random.default_rng(4), pen), images)
    assert no_digits(kind, 0, np.random.default_rng(3), pen).shape == (0, 28, 28)


@pytest.mark.parametrize("kind", [*KINDS])
def test_what_is_drawn_fills_twenty_pixels_about_its_centre_of_mass_as_digits_do(pen, kind):
    for image in no_digits(kind, N, np.random.default_rng(5), pen):
        rows, columns = np.nonzero(image > 20)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 22, "20 pixels, and soft edges"
        ink = image / image.sum()
        reach = np.arange(28) + 0.5
        for profile in (ink.sum(axis=1), ink.sum(axis=0)):
            at_border = profile[0] > 0 or profile[-1] > 0 or profile[1] > 0 or profile[-2] > 0
            assert abs(profile @ reach - 14.5) < 0.8 or at_border


def test_letters_that_hands_draw_like_digits_are_left_out():
    assert not {*"OoIlZzSs|0123456789"} & {*LETTERS, *SIGNS}
    assert {*"ABCDEFGHJKLMNPQRTUVWXY"} <= {*LETTERS}


def test_half_of_what_the_detector_learns_from_are_digits_and_each_epoch_has_others():
    mixed = Mixed(load_mnist(), 200, seed=0)
    first = np.zeros((200, 28, 28), np.uint8)
    mixed.epoch(first)
    second = first.copy()
    mixed.epoch(second)
    is_digit = mixed.labels == 0
    assert is_digit.sum() == 100 and set(mixed.labels) == {0, 1}
    changed = (first != second).any(axis=(1, 2))
    assert changed[is_digit].mean() > 0.7 and 0.1 < changed[~is_digit].mean() < 0.6
    assert (second.max(axis=(1, 2)) > 0).all()


def test_what_the_file_says_of_the_validation_images_is_what_the_detector_says():
    detector = load_detector()
    some = np.arange(0, 5000, 61)
    assert detector.val_odds is not None
    odds = Detector(detector.network).odds(load_mnist().val_images[some])
    assert np.allclose(odds, detector.val_odds[some], atol=1e-2), "float32 on another machine"


@pytest.mark.slow
def test_the_command_trains_a_detector_and_writes_a_file_that_can_be_loaded(tmp_path: Path, capsys):
    path = tmp_path / "small.safetensors"
    settings = ["--n-train", "1000", "--epochs", "3", "--channels", "4,8", "--batch-size", "32"]
    assert main(["ship", "--detector", "--json", "--out", str(path), *settings]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["bytes"] == path.stat().st_size and result["accuracy"] > 0.6  # half of them are digits
    detector = load_detector(path)
    assert detector.val_odds is not None and len(detector.val_odds) == 5000 and len(detector.about) == 1
