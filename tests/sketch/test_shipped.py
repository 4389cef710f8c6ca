"""The network that comes with the project: its file, what it reads, and the command that makes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nn_core import load_mnist, load_shipped
from nn_core.cli.main import main
from nn_core.nn.network import Network
from nn_core.sketch.redraw import Redrawn
from nn_core.sketch.shipped import SHIPPED
from nn_core.sketch.to_mnist import to_mnist


@pytest.fixture(scope="module")
def shipped() -> Network:
    return load_shipped()


def test_the_file_is_small_and_the_network_reads_the_test_images_well(shipped):
    data = load_mnist()
    assert SHIPPED.stat().st_size < 500_000
    assert (shipped.predict(data.test_images[:1000]) == data.test_labels[:1000]).mean() >= 0.99


def test_it_gives_probabilities_and_the_same_ones_every_time(shipped):
    images = load_mnist().val_images[:40]
    probabilities = shipped.predict_proba(images)
    assert probabilities.shape == (40, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(load_shipped().predict_proba(images), probabilities)


HANDS = {  # strokes on a canvas of 280: corners, and the digit; hands that MNIST has few of
    "a 1 with flag and foot": (1, [[(90, 110), (140, 40), (140, 240)], [(90, 240), (190, 240)]]),
    "a barred 7": (7, [[(70, 50), (210, 50), (120, 240)], [(100, 150), (190, 145)]]),
    "an open 4": (4, [[(90, 40), (80, 150), (200, 150)], [(180, 40), (175, 240)]]),
    "an angular 2": (2, [[(80, 60), (180, 50), (195, 110), (75, 235), (205, 235)]]),
    "a 9 with a straight leg": (9, [[(190, 60), (120, 40), (85, 90), (130, 130), (190, 90)], [(190, 50), (190, 240)]]),
}


@pytest.mark.parametrize("width", [6, 14, 26])
@pytest.mark.parametrize("hand", HANDS)
def test_it_reads_hands_that_mnist_has_few_of_with_thin_and_thick_pens(shipped, hand, width):
    from PIL import Image, ImageDraw

    digit, strokes = HANDS[hand]
    canvas = Image.new("L", (280, 280))
    for corners in strokes:
        ImageDraw.Draw(canvas).line(corners, fill=255, width=width, joint="curve")
    assert shipped.predict(to_mnist(np.asarray(canvas)).image[None])[0] == digit


def test_the_command_trains_a_network_and_writes_a_file_that_can_be_loaded(tmp_path: Path, capsys):
    path = tmp_path / "small.safetensors"
    settings = ["--n-train", "400", "--epochs", "3", "--channels", "4,8", "--batch-size", "32"]
    assert main(["ship", "--json", "--out", str(path), *settings]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    model, data = load_shipped(path), load_mnist()
    assert result["bytes"] == path.stat().st_size
    assert result["test_accuracy"] == (model.predict(data.test_images) == data.test_labels).mean()
    assert result["test_accuracy"] > 0.3  # ten times 40 images of it, three epochs


def test_every_epoch_shows_other_images_of_the_same_digits():
    data = load_mnist()
    images = data.train_images[:200]
    redrawn = Redrawn(images, data.train_labels[:200], seed=0)
    first, second = np.empty_like(images), np.empty_like(images)
    redrawn.epoch(first)
    redrawn.epoch(second)
    same = (first == images).all(axis=(1, 2))
    assert 0.02 < same.mean() < 0.4, "some are as they are"
    assert (first != second).any(axis=(1, 2)).mean() > 0.8
    again = np.empty_like(images)
    Redrawn(images, data.train_labels[:200], seed=0).epoch(again)
    assert np.array_equal(again, first)
