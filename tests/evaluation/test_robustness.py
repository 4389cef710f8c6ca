"""Spoilt images: against scipy, against what they must leave alone, and the same for every network."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.evaluation import moved
from nn_core.evaluation.corruptions import CORRUPTIONS, SWEEPS, as_bytes, as_floats
from nn_core.evaluation.robustness import N_MEASURED, Robustness, measure, spoilt_images
from nn_core.nn.network import build_model

UNCHANGED = {"scale": 1.0, "contrast": 1.0}  # the value of a sweep at which nothing changes; else 0


@pytest.fixture(scope="module")
def digits(tiny: Dataset) -> np.ndarray:
    return as_floats(tiny.val_images[:8])


def test_a_turn_is_that_of_scipy_about_the_centre_of_mnist(digits):
    turned = moved.placed(digits, degrees=30)
    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    inverse = np.array([[cos, sin], [-sin, cos]])
    centre = np.array([14.0, 14.0])
    for image, found in zip(digits, turned, strict=True):
        expected = ndimage.affine_transform(image, inverse, centre - inverse @ centre, order=1, mode="grid-constant")
        assert found == pytest.approx(expected, abs=1e-5)


def test_a_shift_by_whole_pixels_moves_the_digit_and_a_turn_by_hand_goes_anticlockwise(digits):
    assert moved.placed(digits, right=2, down=-1)[:, :-1, 2:] == pytest.approx(digits[:, 1:, :-2], abs=1e-6)
    dot = np.zeros((1, 28, 28), np.float32)
    dot[0, 14, 20] = 1  # to the right of the centre
    assert divmod(int(moved.placed(dot, degrees=90).argmax()), 28) == (8, 14)  # above it
    assert divmod(int(moved.placed(dot, size=0.5).argmax()), 28) == (14, 17)


@pytest.mark.parametrize("sigma", [0.7, 1.5])
def test_a_blur_is_scipys_gaussian(digits, sigma: float):
    for image, found in zip(digits, moved.blurred(digits, sigma), strict=True):
        assert found == pytest.approx(ndimage.gaussian_filter(image, sigma, mode="constant"), abs=2e-4)


def test_thicker_and_thinner_ink_are_scipys_dilation_and_erosion(digits):
    cross = ndimage.generate_binary_structure(2, 1)
    for image, thick, thin in zip(digits, moved.thickened(digits, 2), moved.thickened(digits, -1), strict=True):
        twice = ndimage.grey_dilation(ndimage.grey_dilation(image, footprint=cross), footprint=cross)
        assert thick == pytest.approx(twice) and thin == pytest.approx(
            ndimage.grey_erosion(image, footprint=cross, mode="constant", cval=1)
        )
    half = moved.thickened(digits, 0.5)
    assert half == pytest.approx((digits + moved.thickened(digits, 1)) / 2, abs=1e-6)


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda each: each.name)
def test_a_sweep_holds_the_images_as_they_are(tiny: Dataset, sweep):
    images = tiny.val_images[:8]
    value = UNCHANGED.get(sweep.name, 0.0)
    assert value in sweep.values and list(sweep.values) == sorted(sweep.values)
    same = spoilt_images(sweep.change, value, (1, 0, 0), images)
    assert np.abs(same.astype(int) - images).max() <= 1


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_a_corruption_spoils_more_with_its_strength_the_same_way_each_time_and_says_how(tiny: Dataset, corruption):
    images = tiny.val_images[:40]
    spoilt = [spoilt_images(corruption.spoil, s, (2, 0, 0), images) for s in corruption.strengths]
    far = [np.abs(each.astype(float) - images).mean() for each in spoilt]
    assert spoilt[0].dtype == np.uint8 and spoilt[0].shape == images.shape
    assert far == sorted(far) and far[0] > 0
    again = spoilt_images(corruption.spoil, corruption.strengths[0], (2, 0, 0), images)
    assert np.array_equal(again, spoilt[0])
    assert all(f"{strength:g}" in corruption.made for strength in corruption.strengths)


def test_there_are_fifteen_corruptions_of_five_strengths_with_names_of_their_own():
    assert len({each.name for each in CORRUPTIONS}) == len({each.label for each in CORRUPTIONS}) == 15
    assert {len(each.strengths) for each in CORRUPTIONS} == {5}


def test_the_mean_is_that_of_all_75_and_a_constant_answer_is_as_good_on_every_spoilt_image(tiny: Dataset):
    model = build_model(RunConfig(hidden=(), init="zeros"), np.random.default_rng(0))
    labels = tiny.val_labels[:30]
    zeros = float((labels == 0).mean())  # all logits are equal: everything is read as 0
    told: list[Robustness] = []
    found = measure(model, tiny.val_images[:30], labels, told.append)
    assert len(told) == N_MEASURED and told[0].mean is None and found.share == 1
    assert found.clean == zeros and found.mean == pytest.approx(zeros)
    assert {share for row in [*found.curves.values(), *found.table.values()] for share in row} == {zeros}
    read = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert read["n"] == 30 and len(read["corruptions"]) == 15 and len(read["curves"]) == 7
    rows = [each["accuracy"] for each in read["corruptions"].values()]
    assert read["mean_corruption_accuracy"] == pytest.approx(np.mean(rows))


def test_bytes_become_floats_and_come_back():
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    assert np.array_equal(as_bytes(as_floats(every)), every)
    assert as_bytes(np.array([-1.0, 2.0])).tolist() == [0, 255]
