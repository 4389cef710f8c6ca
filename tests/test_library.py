"""What a student looks for in the library: files of networks, an own image, curves as a table, a slip explained."""

from __future__ import annotations

import io
import math
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nn_core
from nn_core import ConfigError, RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.nn.network import build_model

SMALL = RunConfig(hidden=(12,), n_train=600, batch_size=50)
CNN = RunConfig(model="cnn", channels=(3,), normalization="batch", n_train=300, batch_size=50)


# ---------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("config", [SMALL, CNN, SMALL.replace(hidden=(), input_scaling="standard")])
def test_a_network_comes_back_from_its_file_with_its_settings_and_answers_alike(
    config: RunConfig, tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    trainer = Trainer(config, tiny)
    trainer.train_epochs(1)
    path = nn_core.save(trainer.model, tmp_path / "mine")
    assert path == tmp_path / "mine.npz"
    again = nn_core.load(path)
    assert again.config == trainer.model.config
    assert np.array_equal(again.logits(tiny.val_images), trainer.model.logits(tiny.val_images))
    with np.load(path) as arrays:
        assert set(trainer.model.weights()) <= set(arrays.files)


@pytest.mark.parametrize("what", ["no zip", "cut off", "no settings", "other settings", "other shapes"])
def test_what_is_no_saved_network_is_one_sentence(what: str, tiny: Dataset, tmp_path: Path):
    path = nn_core.save(Trainer(SMALL, tiny).model, tmp_path / "mine.npz")
    data = path.read_bytes()
    parts = {member: zipfile.ZipFile(io.BytesIO(data)).read(member) for member in zipfile.ZipFile(path).namelist()}
    if what in ("no zip", "cut off"):
        path.write_bytes(b"no zip" if what == "no zip" else data[: len(data) // 2])
    else:
        del parts["config.json"]
        if what != "no settings":
            other = b'{"lr": -1}' if what == "other settings" else SMALL.replace(hidden=(13,)).to_json().encode()
            parts["config.json"] = other
        with zipfile.ZipFile(path, "w") as archive:
            for name, member in parts.items():
                archive.writestr(name, member)
    with pytest.raises(ValueError, match=r"mine\.npz") as refused:
        nn_core.load(path)
    assert "\n" not in str(refused.value)


# ---------------------------------------------------------------------------------------------- own images


def photo(digit: np.ndarray, side: int = 300) -> Image.Image:
    """A digit with a pencil on paper that is not quite white."""
    large = Image.fromarray(digit).resize((side, side))
    return Image.fromarray((235 - np.asarray(large).astype(int) * 180 // 255).astype(np.uint8)).convert("RGB")


def test_an_image_of_ones_own_is_read_in_one_call_and_it_is_said_how(mnist: Dataset, tmp_path: Path):
    network = nn_core.load_shipped()
    right = 0
    for at in range(20):
        photo(mnist.val_images[at]).save(tmp_path / "photo.png")
        own = nn_core.own_image(tmp_path / "photo.png")
        right += int(network.predict(own.batch)[0] == mnist.val_labels[at])
    assert right >= 19
    assert own.image.shape == (28, 28) and own.image[0, 0] == 0
    assert "It has 300 x 300 pixels. It is dark on light, and was turned" in repr(own)
    assert "its centre of mass to the middle" in repr(own)


def test_an_array_is_taken_as_bytes_or_shares_and_its_polarity_may_be_said(mnist: Dataset):
    digit = mnist.val_images[3]
    plain = nn_core.own_image(digit)
    assert not any("dark on light" in sentence for sentence in plain.said)
    assert np.array_equal(nn_core.own_image(digit / 255).image, plain.image)
    assert np.array_equal(nn_core.own_image(255 - digit, inverted=True).image, plain.image)
    assert np.array_equal(nn_core.own_image(np.dstack([digit] * 3)).image, plain.image)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.full((28, 28), 200, np.uint8), "nearly even, from 200 to 200"),
        (np.full((28, 28), np.nan), r"pixels must be in \[0, 255\] or \[0, 1\]"),
        (np.zeros((2, 28, 28, 1), np.uint8), r"must have shape \(H, W\), \(H, W, 3\) or \(H, W, 4\), got"),
    ],
)
def test_what_is_no_image_is_one_sentence(image: np.ndarray, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        nn_core.own_image(image)


# ---------------------------------------------------------------------------------------------- training


def test_training_tells_after_every_epoch_and_has_a_point_for_each(tiny: Dataset):
    trainer, told = Trainer(SMALL.replace(eval_every=1_000), tiny), []
    trainer.train_epochs(3, progress=lambda one: told.append((one.epoch, one.scores.val_accuracy)))  # type: ignore[union-attr]
    curve = trainer.history["val/accuracy"]
    assert [epoch for epoch, _ in told] == [1, 2, 3] and [a for _, a in told] == curve.value[-3:].tolist()
    assert set(curve.epoch) >= {1, 2, 3}


def test_what_the_progress_raises_ends_the_training(tiny: Dataset):
    def enough(trainer: Trainer) -> None:
        raise KeyboardInterrupt

    trainer = Trainer(SMALL, tiny)
    with pytest.raises(KeyboardInterrupt):
        trainer.train_epochs(5, progress=enough)
    assert trainer.epoch == 1


def test_the_scores_of_every_epoch_leave_the_training_as_it_is(tiny: Dataset):
    at_once, one_by_one = Trainer(SMALL, tiny), Trainer(SMALL, tiny)
    at_once.train_epochs(3)
    while one_by_one.epoch < 3 - 1e-9:
        one_by_one.step()
    assert np.array_equal(at_once.model.flat, one_by_one.model.flat)


def test_a_history_is_a_data_frame_with_a_row_a_step(tiny: Dataset):
    trainer = Trainer(SMALL, tiny)
    trainer.train_epochs(2)
    frame = trainer.history.to_frame()
    assert frame.index.name == "step" and frame.index.is_monotonic_increasing and frame.index.is_unique
    assert set(frame.columns) == {"epoch", "images", "seconds", *trainer.history}
    for name, series in trainer.history.items():
        kept = frame[name].dropna()
        assert (
            kept.tolist() == series.value[~np.isnan(series.value)].tolist()
            and kept.index.tolist() == series.step.tolist()
        )
    assert math.isnan(frame["val/loss"].iloc[5]) or len(frame["val/loss"].dropna()) > 5
    assert nn_core.Trainer(SMALL, tiny).history.to_frame().empty


# ---------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("given", "meant"),
    [({"optimiser": "adam"}, "optimizer"), ({"learn_rate": 1, "hiden": (3,)}, ""), ({"LR": 1}, "lr")],
)
def test_a_setting_that_there_is_not_is_named_and_what_was_meant(given: dict[str, Any], meant: str):
    with pytest.raises(ConfigError, match=f"no setting is called '{next(iter(given))}'") as refused:
        RunConfig(**given)
    assert not meant or f"did you mean {meant!r}?" in str(refused.value)


def test_a_file_of_a_network_that_is_damaged_anywhere_is_refused_in_a_sentence_or_still_whole(tmp_path: Path):
    model = build_model(RunConfig(hidden=(3,)), np.random.default_rng(0))
    content = nn_core.save(model, tmp_path / "whole.npz").read_bytes()
    path, refused = tmp_path / "damaged.npz", 0
    for at in range(0, len(content), max(1, len(content) // 300)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
        try:
            nn_core.load(path)
        except ValueError as error:
            refused += str(path) in str(error) and "\n" not in str(error)
    assert refused > 200
