"""Augmentation: what the formulas say, pixel by pixel; repeatable; fast enough to go unnoticed."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn_core import RunConfig, Trainer
from nn_core.config.run_config import all_settings
from nn_core.data import Dataset
from nn_core.data.augment import (
    AUGMENTATION_SETTINGS,
    BLOCK,
    Augmenter,
    augments,
    displacements,
    inverse_maps,
    noisy_labels,
)

EVERYTHING: dict[str, Any] = dict(
    shift=2, rotation=15, scale=0.2, shear=0.2, thickness=0.7, noise=0.1, elastic=30, elastic_sigma=3
)
SETTINGS: list[dict[str, Any]] = [*({name: EVERYTHING[name]} for name in AUGMENTATION_SETTINGS), EVERYTHING]


def augmenter(seed: int = 0, **settings: Any) -> Augmenter:
    return Augmenter(RunConfig(**settings), np.random.default_rng(seed), np.random.default_rng(99))


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def moved_by_hand(image: np.ndarray, forward: np.ndarray, centre_to: tuple[float, float]) -> np.ndarray:
    """Each pixel of the result read between the four pixels around the place that `forward` (2, 2) sends to it."""
    back = np.linalg.inv(forward)
    result = np.zeros((28, 28))

    def pixel(x: int, y: int) -> float:
        return float(image[y, x]) if 0 <= x < 28 and 0 <= y < 28 else 0.0

    for y in range(28):
        for x in range(28):
            sx, sy = back @ (x - centre_to[0], y - centre_to[1]) + 14.0
            x0, y0 = math.floor(sx), math.floor(sy)
            fx, fy = sx - x0, sy - y0
            result[y, x] = (1 - fy) * ((1 - fx) * pixel(x0, y0) + fx * pixel(x0 + 1, y0)) + fy * (
                (1 - fx) * pixel(x0, y0 + 1) + fx * pixel(x0 + 1, y0 + 1)
            )
    return result


def test_every_field_of_augmentation_is_known_here_and_off_unless_asked_for():
    fields = {k.name for k in all_settings() if k.group == "augmentation"}
    assert fields == {*AUGMENTATION_SETTINGS, "elastic_sigma"}
    assert not augments(RunConfig()) and not augments(RunConfig(elastic_sigma=2))
    assert all(augments(RunConfig(**settings)) for settings in SETTINGS)


def test_shift_rotation_scale_and_shear_are_one_map_of_the_textbook(tiny: Dataset):
    images = tiny.train_images[:12]
    got = augmenter(5, shift=3, rotation=40, scale=0.3, shear=0.4)(flat(images)).reshape(-1, 28, 28)
    u = np.random.default_rng(5).random((5, 12), dtype=np.float32) * 2.0 - 1
    for image, result, (turn, size, slant, right, down) in zip(images, got, u.T, strict=True):
        angle = math.radians(40 * turn)
        rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        forward = rotation @ np.array([[1, 0.4 * slant], [0, 1]]) * (1 + 0.3 * size)
        expected = moved_by_hand(image, forward, (14 + 3 * right, 14 + 3 * down))
        assert np.abs(result - expected).max() < 2.5  # places are rounded to 256ths of a pixel, greys to whole ones


@pytest.mark.parametrize(("right", "down"), [(0, 0), (1, 0), (0, -2), (-3, 2)])
def test_a_shift_by_whole_pixels_moves_them_unchanged(right: int, down: int, tiny: Dataset):
    moving = augmenter(shift=4)
    u = np.zeros((5, len(tiny.val_images)), np.float32)
    u[3], u[4] = right / 4, down / 4
    moving.rng = Drawing(u)  # type: ignore[assignment]
    got = moving(flat(tiny.val_images)).reshape(-1, 28, 28)
    wide = np.pad(tiny.val_images, ((0, 0), (8, 8), (8, 8)))
    assert np.array_equal(got, wide[:, 8 - down : 36 - down, 8 - right : 36 - right])


class Drawing:
    """A generator whose even draws in [-1, 1) are given."""

    def __init__(self, u: np.ndarray) -> None:
        self.u = u

    def random(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return (self.u + 1) / 2


def test_what_is_moved_out_of_the_image_is_gone():
    white = np.full((1, 784), 255, np.uint8)
    moving = augmenter(shift=8)
    moving.rng = Drawing(np.array([[0, 0, 0, 1, 0]], np.float32).T)  # type: ignore[assignment]
    got = moving(white).reshape(28, 28)
    assert not got[:, :8].any() and (got[:, 8:] == 255).all()


def test_the_draws_fill_the_range_that_was_asked_for(tiny: Dataset):
    u = np.random.default_rng(0).random((5, 4000)) * 2 - 1
    maps = inverse_maps(RunConfig(rotation=30), u) / 256
    turned = np.degrees(np.arctan2(-maps[1, :, 0], maps[0, :, 0]))
    assert -30 <= turned.min() < -29.9 and 29.9 < turned.max() <= 30
    sizes = 1 / np.sqrt(np.linalg.det(inverse_maps(RunConfig(scale=0.2), u)[:, :, :2].transpose(1, 0, 2) / 256))
    assert 0.8 <= sizes.min() < 0.801 and 1.199 < sizes.max() <= 1.2 + 1e-5


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_displacements_have_the_spread_of_blurred_noise_and_its_smoothness(sigma: float):
    fields = displacements(300, 34.0, sigma, np.random.default_rng(0)).astype(float)
    # the variance of a blurred field is that of U(-1, 1), 1/3, times the sum of the kernel's squares
    bell = np.exp(-0.5 * (np.arange(-50, 51) / sigma) ** 2)
    squares = ((bell / bell.sum()) ** 2).sum() ** 2
    assert fields.std() == pytest.approx(34 * math.sqrt(squares / 3), rel=0.05)
    neighbours = np.mean(fields[:, :, 1:] * fields[:, :, :-1]) / fields.var()
    assert neighbours == pytest.approx(math.exp(-1 / (4 * sigma**2)), abs=0.02)  # a blurred field's autocorrelation
    assert fields[:, 0, 0].std() == pytest.approx(fields[:, 14, 14].std(), rel=0.25)  # no calmer at the border


def test_an_elastic_distortion_reads_each_pixel_where_its_displacement_points(tiny: Dataset):
    images = tiny.train_images[:6]
    bending = augmenter(3, elastic=34, elastic_sigma=4)
    got = bending(flat(images)).reshape(-1, 28, 28)
    draws = np.random.default_rng(3)
    draws.random((5, 6), dtype=np.float32)
    chosen, signs = draws.integers(0, 256, (2, 6)), draws.integers(0, 2, (2, 6)) * 2 - 1
    fields = displacements(256, 34, 4, np.random.default_rng(99))
    wide = np.pad(images.astype(float), ((0, 0), (20, 20), (20, 20)))
    for i in range(6):
        for y in range(28):
            for x in range(28):
                sx = x + 20 + signs[0, i] * float(fields[chosen[0, i], y, x])
                sy = y + 20 + signs[1, i] * float(fields[chosen[1, i], y, x])
                x0, y0 = math.floor(sx), math.floor(sy)
                four = wide[i, y0 : y0 + 2, x0 : x0 + 2]
                weights = np.outer([y0 + 1 - sy, sy - y0], [x0 + 1 - sx, sx - x0])
                assert abs(float(got[i, y, x]) - (four * weights).sum()) < 2.5


def test_strokes_grow_and_shrink_toward_the_extremes_of_the_neighbourhood(tiny: Dataset):
    images = tiny.train_images[:40]
    got = augmenter(2, thickness=0.7)(flat(images)).reshape(-1, 28, 28)
    amounts = 0.7 * (np.random.default_rng(2).random(40, dtype=np.float32) * 2.0 - 1)
    for image, result, amount in zip(images, got, amounts, strict=True):
        wide = np.pad(image.astype(float), 1)
        five = [wide[1:-1, 1:-1], wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]]
        toward = np.max(five, axis=0) if amount > 0 else np.min(five, axis=0)
        assert np.abs(result - (image + abs(amount) * (toward - image))).max() <= 1.1
    ink = got.sum(axis=(1, 2)) - images.sum(axis=(1, 2), dtype=float)
    assert np.array_equal(ink > 0, amounts > 0)


def test_noise_has_the_deviation_that_was_asked_for_and_stays_a_grey():
    grey = np.full((300, 784), 128, np.uint8)
    got = augmenter(noise=0.1)(grey).astype(float)
    assert got.std() == pytest.approx(25.5, rel=0.01) and got.mean() == pytest.approx(128, abs=0.5)
    white = augmenter(noise=1.0)(np.full((10, 784), 255, np.uint8))
    assert white.max() == 255 and 0.4 < (white == 255).mean() < 0.6


# ---------------------------------------------------------------------------------------------- in batches


@pytest.mark.parametrize("values", SETTINGS, ids="-".join)
def test_images_are_left_as_they_are_and_each_time_is_another(values: dict[str, Any], tiny: Dataset):
    images = tiny.train_images[:100].copy()
    changing = augmenter(**values)
    first = changing(flat(images)).copy()
    second = changing(flat(images)).copy()
    assert np.array_equal(images, tiny.train_images[:100])
    assert first.dtype == np.uint8 and first.shape == (100, 784)
    assert not np.array_equal(first, second) and not np.array_equal(first, flat(images))


@pytest.mark.parametrize("values", SETTINGS, ids="-".join)
@settings(max_examples=6)
@given(st.lists(st.sampled_from([1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]), min_size=2, max_size=4))
def test_what_was_done_before_leaves_no_trace_but_the_generators_state(values: dict[str, Any], sizes: list[int]):
    images = np.random.default_rng(0).integers(0, 256, (3 * BLOCK + 5, 784), dtype=np.uint8)
    used, fresh = augmenter(1, **values), augmenter(2, **values)
    for m in sizes[:-1]:
        used(images[:m])
    fresh.rng.bit_generator.state = used.rng.bit_generator.state
    assert np.array_equal(used(images[: sizes[-1]]), fresh(images[: sizes[-1]]))


@pytest.mark.parametrize(("values", "most"), [(dict(shift=2, rotation=10, scale=0.1), 1.0), (EVERYTHING, 2.5)])
def test_a_batch_costs_little(values: dict[str, Any], most: float, tiny: Dataset):
    changing, images, times = augmenter(**values), flat(tiny.train_images[:128]), []
    for _ in range(30):
        started = time.perf_counter()
        changing(images)
        times.append(time.perf_counter() - started)
    assert min(times) * 1000 < 2 * most  # milliseconds; twice, for a busy machine


# ---------------------------------------------------------------------------------------------- in training


def test_augmentation_leaves_first_weights_order_and_scores_alone(tiny: Dataset):
    config = RunConfig(hidden=(6,), n_train=230, batch_size=64, eval_every=4)
    plain, changed = Trainer(config, tiny), Trainer(config.replace(rotation=15), tiny)
    assert np.array_equal(plain.model.flat, changed.model.flat)
    assert plain.score().train_loss == changed.score().train_loss
    assert plain.step() and changed.step()
    assert not np.array_equal(plain.model.flat, changed.model.flat)


@pytest.mark.parametrize("batch_size", [64, 0])
def test_resuming_with_augmentation_equals_never_having_stopped(batch_size: int, tiny: Dataset):
    config = RunConfig(hidden=(6,), batch_size=batch_size, dropout=0.2, eval_every=100, **EVERYTHING)
    straight = Trainer(config, tiny)
    for stop in range(9):
        resumed = Trainer.resume(straight.checkpoint(), tiny)
        for _ in range(3):
            assert resumed.step()
        for _ in range(3 if stop == 8 else 1):
            assert straight.step()
    assert np.array_equal(resumed.model.flat, straight.model.flat)


# ---------------------------------------------------------------------------------------------- labels


def test_a_share_of_the_labels_is_redrawn_among_all_digits():
    labels = np.full(20_000, 3, np.uint8)
    noisy = noisy_labels(labels, 0.4, np.random.default_rng(0))
    assert noisy.dtype == np.uint8 and (labels == 3).all()
    assert (noisy != 3).mean() == pytest.approx(0.4 * 0.9, abs=0.02)
    counts = np.bincount(noisy, minlength=10)
    assert counts[[0, 1, 2, 4, 5, 6, 7, 8, 9]] == pytest.approx(np.full(9, 800), abs=150)


def test_more_noise_holds_all_of_less():
    labels = np.random.default_rng(1).integers(0, 10, 5000).astype(np.uint8)
    less, more = (noisy_labels(labels, share, np.random.default_rng(0)) for share in (0.2, 0.6))
    changed = less != labels
    assert np.array_equal(more[changed], less[changed]) and (more != labels).sum() > 2 * changed.sum()


def test_training_scores_are_against_the_noisy_labels_and_validation_against_the_true(tiny: Dataset):
    config = RunConfig(hidden=(6,), label_noise=0.5, batch_size=50)
    trainer, again = Trainer(config, tiny), Trainer(config, tiny)
    assert np.array_equal(trainer.train_labels, again.train_labels)
    assert 0.4 < (trainer.train_labels != tiny.train_labels).mean() < 0.5
    assert not np.array_equal(trainer.train_labels, Trainer(config.replace(seed=1), tiny).train_labels)
    scores = trainer.score()
    predicted = trainer.model.predict(tiny.train_images)
    assert scores.train_accuracy == np.mean(predicted == trainer.train_labels)
    assert scores.val_accuracy == np.mean(trainer.model.predict(tiny.val_images) == tiny.val_labels)
    few = Trainer(config.replace(n_train=300), tiny)
    assert np.array_equal(few.train_labels, trainer.train_labels[:300])
