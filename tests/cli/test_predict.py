"""`python -m nn_core predict`: what is on an image file, in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nn_core import RunConfig, Trainer, load_mnist
from nn_core.cli.main import main
from nn_core.sketch import read
from nn_core.store import Recorder, RunStore, RunWriter


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    """MNIST's first 7 among the test images, as it is."""
    data = load_mnist()
    path = tmp_path / "seven.png"
    Image.fromarray(data.test_images[np.flatnonzero(data.test_labels == 7)[0]]).save(path)
    return path


def drawn(path: Path, *strokes: list[tuple[int, int]], mode: str = "L") -> Path:
    picture = Image.new("L", (280, 280))
    for stroke in strokes:
        ImageDraw.Draw(picture).line(stroke, fill=255, width=16, joint="curve")
    if mode == "RGBA":  # white ink on nothing
        transparent = Image.new("RGBA", picture.size, "white")
        transparent.putalpha(picture)
        picture = transparent
    picture.save(path)
    return path


ONE, TWO = [(60, 60), (60, 220)], [(120, 90), (150, 60), (190, 70), (195, 110), (115, 220), (205, 220)]
CROSS = [[(60, 60), (220, 220)], [(60, 220), (220, 60)], [(140, 30), (140, 250)]]


def answered(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert main(["predict", "--json", *map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_mnist_image_is_read_as_it_is_in_words_and_as_json(seven, capsys):
    assert main(["predict", "--image", str(seven)]) == 0
    assert capsys.readouterr().out.startswith(f"{seven}: 7, sure, ")
    (image,) = answered(capsys, "--image", seven)["images"]
    (digit,) = image["digits"]
    theirs = read(np.asarray(Image.open(seven))[None])
    assert image["number"] == "7" and digit["verdict"] == "sure"
    assert digit["confidence"] == pytest.approx(theirs.confidence[0], abs=1e-5)
    assert len(digit["probabilities"]) == 10 and digit["raw_confidence"] == pytest.approx(theirs.raw[0].max(), abs=1e-5)


def test_a_sketch_of_two_digits_is_a_number_and_several_files_are_answered_in_their_order(tmp_path, capsys):
    twelve = drawn(tmp_path / "twelve.png", TWO, ONE)
    two = drawn(tmp_path / "two.png", TWO, mode="RGBA")
    images = answered(capsys, "--sketch", "--image", twelve, two)["images"]
    assert [image["number"] for image in images] == ["12", "2"]
    assert [len(image["digits"]) for image in images] == [2, 1]
    assert main(["predict", "--sketch", "--image", str(twelve)]) == 0
    assert ": 12 (1, sure, " in capsys.readouterr().out


def test_what_is_no_digit_is_told_so(tmp_path, capsys):
    cross = drawn(tmp_path / "cross.png", *CROSS)
    assert main(["predict", "--sketch", "--image", str(cross)]) == 0
    assert ": no digit (nearest to " in capsys.readouterr().out


def test_a_stored_run_reads_too(tmp_path, seven, capsys):
    store = RunStore(tmp_path / "runs")
    trainer = Trainer(RunConfig(hidden=(8,), n_train=400), load_mnist())
    Recorder(trainer, RunWriter(store, "0000000a", trainer.data)).keep("paused")
    (image,) = answered(capsys, "--image", seven, "--run", "0000000a", "--runs", store.folder)["images"]
    assert image["digits"][0]["verdict"] in ("unsure", "no digit"), "it has learned nothing"
    assert main(["predict", "--image", str(seven), "--run", "0000000b", "--runs", str(store.folder)]) == 2
    assert "0000000b" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("none.png", lambda path: None, "cannot be read: no such file"),
        ("text.png", lambda path: path.write_text("seven"), "is no image that can be read"),
        ("large.png", lambda path: Image.new("L", (5000, 10)).save(path), "at most 4,096 pixels a side, got 5,000"),
        ("sketch.png", lambda path: Image.new("L", (280, 280)).save(path), "must be 28 x 28 pixels, got 280 x 280"),
        ("long.png", lambda path: path.write_bytes(b"0" * 10_000_001), "at most 10,000,000 bytes, got 10,000,001"),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_sentence(tmp_path, capsys, name, make, said):
    make(tmp_path / name)
    assert main(["predict", "--image", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_sixteen_bits_a_pixel_are_read_like_eight(tmp_path, seven, capsys):
    deep = tmp_path / "deep.png"
    Image.fromarray(np.asarray(Image.open(seven)).astype(np.uint16) * 257).save(deep)
    (first, second) = answered(capsys, "--image", seven, deep)["images"]
    assert first["digits"] == second["digits"]


def test_a_truncated_file_gets_a_sentence(tmp_path, seven, capsys):
    path = tmp_path / "cut.png"
    path.write_bytes(seven.read_bytes()[:-60])
    assert main(["predict", "--image", str(path)]) == 2
    assert "cannot be read: it is damaged" in capsys.readouterr().err
