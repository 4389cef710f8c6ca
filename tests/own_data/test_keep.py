"""What was read is shaped as chosen, kept once under its hash, and trained on like any other set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer, load_dataset
from nn_core.cli.main import main
from nn_core.data import DataError, Dataset
from nn_core.data.kept import kept_folder, kept_names
from nn_core.own_data import METHODS, Choices, Found, from_pen, from_scikit_learn, keep, prepared, read, shaped
from nn_core.own_data.keep import delete
from nn_core.own_data.more import STROKES
from nn_core.store import RunStore
from tests.own_data import forms


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def digits(mnist: Dataset) -> Found:
    return Found("digits", mnist.train_images[:600], mnist.train_labels[:600].astype(np.int64), tuple("0123456789"))


# ---------------------------------------------------------------------------------------------- choices


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (28, 28), (20, 30), (64, 64)])
def test_images_of_any_size_get_28_rows_and_columns_and_keep_their_middle(method: str, rows: int, columns: int):
    images = np.zeros((60, rows, columns), np.uint8)
    images[:, rows // 4 : 3 * rows // 4, columns // 4 : 3 * columns // 4] = 200
    found = Found("squares", images, np.arange(60) % 2, ("a", "b"))
    out, _, _ = shaped(found, Choices((0, 1), ("a", "b"), method=method))
    assert out.shape == (60, 28, 28) and out.dtype == np.uint8
    ink = out[0].astype(float)
    centre = (ink.sum(axis=1) @ np.arange(28)) / ink.sum(), (ink.sum(axis=0) @ np.arange(28)) / ink.sum()
    assert np.allclose(centre, 13.5, atol=0.75) and ink.max() == 200
    if method != "framed":
        assert ink.mean() == pytest.approx(50, rel=0.12)  # a quarter of the area stays a quarter


def test_dark_on_light_is_noticed_and_turned_and_bright_on_dark_left_alone(digits: Found):
    assert not Choices.guessed(digits).inverted
    light = Found("light", 255 - digits.images, digits.labels, digits.classes)
    guess = Choices.guessed(light)
    assert guess.inverted and np.array_equal(shaped(light, guess)[0], digits.images)


def test_ten_of_many_classes_are_taken_under_names_of_ones_choice(digits: Found):
    many = Found("many", digits.images, np.arange(600) % 20, tuple(f"c{at}" for at in range(20)))
    assert Choices.guessed(many).names == tuple(f"c{at}" for at in range(10))
    images, labels, _ = shaped(many, Choices((17, 3), ("seventeen", "three")))
    members = np.flatnonzero(np.isin(many.labels, (17, 3)))
    assert np.array_equal(images, digits.images[members])
    assert labels.tolist() == [0 if many.labels[at] == 17 else 1 for at in members]


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        (Choices((0,), ("a",)), "2 to 10 classes here, as networks here have 10 outputs, got 1"),
        (Choices((0, 0), ("a", "b")), "classes must be different ones"),
        (Choices((0, 1), ("a", "a")), "each of the 2 classes needs a name of its own, got a, a"),
        (Choices((0, 1), ("a", "b"), method="best"), "method must be one of smooth, blocky, framed, got 'best'"),
    ],
)
def test_choices_that_make_no_sense_are_a_sentence(choices: Choices, sentence: str, digits: Found):
    with pytest.raises(DataError, match=sentence):
        prepared(digits, choices)


# ---------------------------------------------------------------------------------------------- keeping


def test_a_set_is_kept_once_under_its_hash_with_its_names_and_can_be_deleted(digits: Found):
    names = ("nought", "one", "two", "three", "four", "five", "six", "seven")
    eight = Choices(tuple(range(8)), names)
    one, again = keep(digits, eight, "My digits!"), keep(digits, eight, "My digits!")
    assert one.name == again.name == f"my_digits_{one.identity[:8]}" and kept_names() == [one.name]
    assert one.class_names == (*names, "unused 9", "unused 10")
    n = len(one.train_labels) + len(one.val_labels) + len(one.test_labels)
    assert n == (digits.labels < 8).sum()
    delete(one.name)
    with pytest.raises(DataError, match=f"{one.name}.npz is missing"):
        load_dataset(one.name)


def test_no_name_leads_out_of_the_folder(digits: Found):
    for name in ("../../etc/passwd", "a/b_12345678", "mnist", "x_1234567"):
        with pytest.raises(DataError, match="no data set of that name is kept"):
            delete(name)
    assert keep(digits, title="../../x").name.startswith("x_")


def test_test_images_of_its_own_stay_test_images_and_others_are_set_apart_evenly(digits: Found):
    own = Found("own", digits.images, digits.labels, digits.classes, n_test=100)
    ready = prepared(own, Choices.guessed(own))
    assert np.array_equal(ready.arrays["x_test"], digits.images[-100:]) and len(ready.arrays["x_train"]) == 500
    apart = prepared(digits, Choices.guessed(digits))
    counts = np.bincount(digits.labels)
    assert np.array_equal(np.bincount(apart.arrays["y_test"]), np.round(counts / 6))
    together = np.concatenate([apart.arrays["x_train"], apart.arrays["x_test"]])
    assert sorted(map(bytes, together)) == sorted(map(bytes, digits.images))


def test_a_set_that_is_too_small_says_how_many_images_it_needs():
    small = Found("small", np.zeros((200, 28, 28), np.uint8), np.arange(200) % 2, ("a", "b"))
    with pytest.raises(DataError, match="at least 300 training images, this one has 166"):
        keep(small)


# ---------------------------------------------------------------------------------------------- learning from it


def test_letters_of_ones_choice_are_drawn_and_learned():
    assert set(STROKES) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    data = keep(from_pen("xyz", each=150))
    assert data.class_names[:3] == ("X", "Y", "Z")
    trainer = Trainer(RunConfig(dataset=data.name, hidden=(16,), n_train=300, batch_size=20), data)
    trainer.train_epochs(5)
    assert trainer.score().val_accuracy > 0.9
    with pytest.raises(DataError, match="letters must be some of A to Z, got '1'"):
        from_pen("AB1")


def test_the_digits_of_sklearn_are_enlarged():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    found = from_scikit_learn()
    assert found.images.shape == (1797, 8, 8) and found.images.max() == 255
    assert len(keep(found).test_labels) == 299


def test_a_run_on_a_set_of_ones_own_is_trained_listed_and_resumed_by_name(
    digits: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = forms.table(tmp_path / "Kaggle train.csv", digits.images, digits.labels)
    options = ["--epochs", "1", "--hidden", "8", "--quiet", "--json"]
    assert main(["train", "--data", str(path), *options]) == 0
    printed = capsys.readouterr()
    result: dict[str, Any] = json.loads(printed.out)
    name = result["config"]["dataset"]
    assert f"The set is kept as {name}." in printed.err and name.startswith("kaggle_train_")
    assert result["config"]["n_train"] == len(load_dataset(name).train_labels) < 500  # all that there are
    assert main(["train", "--resume", result["run"], "--quiet"]) == 0
    assert main(["data", "list"]) == 0
    assert f"{name}  499 training and 101 test images of 0, 1, 2" in capsys.readouterr().out
    assert kept_folder().is_dir() and len(RunStore().runs()) == 1
    assert main(["data", "delete", name]) == 0
    assert main(["train", "--resume", result["run"], "--quiet"]) == 2
    assert f"{name}.npz is missing" in capsys.readouterr().err


def test_a_guess_is_told_and_can_be_changed_on_the_command_line(
    digits: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    paths = forms.pair(tmp_path, 255 - digits.images, digits.labels)
    assert main(["data", "look", *map(str, paths)]) == 0
    printed = capsys.readouterr().out
    assert "600 images of 28 x 28 pixels, 10 classes." in printed and "dark on light; they are turned" in printed
    wanted = ["--classes", "7,1,3,4,5,6,8", "--names", "seven,one,three,four,five,six,eight", "--invert", "no"]
    assert main(["data", "keep", *map(str, paths), *wanted, "--title", "sevens", "--json"]) == 0
    data = load_dataset(json.loads(capsys.readouterr().out)["name"])
    assert data.class_names[:2] == ("seven", "one") and data.train_images[:, 0, 0].min() == 255
    assert main(["data", "look", *map(str, paths), "--classes", "7,x"]) == 2
    assert "classes must be some of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got 'x'" in capsys.readouterr().err


def test_a_relative_path_is_found_again_from_another_folder(
    digits: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    ready = prepared(digits, Choices.guessed(digits))
    np.savez(tmp_path / "here" / "own.npz", **ready.arrays)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path / "here")
    options = ["--n-train", "400", "--epochs", "1", "--hidden", "8", "--quiet", "--json"]
    assert main(["train", "--dataset", "own.npz", *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["config"]["dataset"] == str(tmp_path / "here" / "own.npz")
    monkeypatch.chdir(tmp_path / "there")
    assert main(["train", "--resume", result["run"], "--quiet"]) == 0


def test_reading_and_keeping_is_one_line_in_python(digits: Found, tmp_path: Path):
    data = keep(read(forms.npz(tmp_path / "set.npz", images=digits.images, labels=digits.labels)))
    assert load_dataset(data.name) is data
