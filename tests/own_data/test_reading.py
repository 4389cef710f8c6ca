"""Files in the forms that people have become images, labels and names; bad ones become a sentence."""

from __future__ import annotations

import gzip
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core.data import DataError, Dataset
from nn_core.own_data import Found, Source, found, read
from tests.own_data import forms

N = 400


@pytest.fixture(scope="module")
def digits(mnist: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return mnist.train_images[:N], mnist.train_labels[:N]


def same(found: Found, images: np.ndarray, labels: np.ndarray) -> bool:
    """Whether these images were found, under the names that their labels are."""
    named = np.array(found.classes)[found.labels]
    return np.array_equal(found.images, images) and named.tolist() == [str(label) for label in labels.tolist()]


# ---------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize("packed", [False, True])
def test_a_pair_of_idx_files_is_read_also_by_the_name_of_its_images_alone(digits: Any, packed: bool, tmp_path: Path):
    images, labels = digits
    paths = forms.pair(tmp_path, images, labels, packed=packed)
    assert same(read(paths), images, labels) and same(read(paths[::-1]), images, labels)
    assert same(read(paths[0]), images, labels) and same(read(tmp_path), images, labels)


def test_two_pairs_are_training_and_test_images(digits: Any, tmp_path: Path):
    images, labels = digits
    paths = forms.pair(tmp_path, images[:300], labels[:300]) + forms.pair(tmp_path, images[300:], labels[300:], "t10k")
    both = read([paths[2], paths[0], paths[3], paths[1]])
    assert same(both, images, labels) and both.n_test == 100


def test_emnist_is_turned_upright_and_its_labels_from_1_are_letters(digits: Any, tmp_path: Path):
    images, labels = digits
    lying = images.transpose(0, 2, 1)
    letters = read(forms.pair(tmp_path, lying, labels + 1, "emnist-letters-train", packed=True))
    assert np.array_equal(letters.images, images) and letters.classes == tuple("ABCDEFGHIJ")
    of_all = forms.pair(tmp_path, lying, labels + 30, "emnist-byclass-train")
    assert read(of_all).classes == tuple("UVWXYZabcd")
    of_all = forms.pair(tmp_path, lying, labels + 34, "emnist-balanced-train")
    assert read(of_all).classes == tuple("YZabdefghn")


ARRAYS: dict[str, Callable[[np.ndarray, np.ndarray], dict[str, Any]]] = {
    "as it is": lambda x, y: {"x_train": x, "y_train": y},
    "flat, int64": lambda x, y: {"images": x.reshape(len(x), 784), "labels": y.astype(np.int64)},
    "shares of 1": lambda x, y: {"X": x / 255, "y": y},
    "floats up to 255": lambda x, y: {"data": x.astype(np.float64), "target": y.astype(float)},
    "one channel behind": lambda x, y: {"train_images": x[..., None], "train_labels": y[:, None]},
    "one channel before, by place": lambda x, y: {"arr_0": x[:, None], "arr_1": y},
    "Fortran order, one-hot": lambda x, y: {"x": np.asfortranarray(x), "y": np.eye(10)[y]},
}


@pytest.mark.parametrize("form", ARRAYS)
def test_arrays_are_read_in_every_usual_form(form: str, digits: Any, tmp_path: Path):
    images, labels = digits
    assert same(read(forms.npz(tmp_path / "set.npz", **ARRAYS[form](images, labels))), images, labels)


def test_arrays_may_name_their_classes_and_bring_test_images(digits: Any, tmp_path: Path):
    images, labels = digits
    names = np.array([f"class {label}" for label in range(10)])
    parts = {"x_train": images[:300], "y_train": labels[:300], "x_test": images[300:], "y_test": labels[300:]}
    both = read(forms.npz(tmp_path / "set.npz", **parts, class_names=names))
    assert both.n_test == 100 and both.classes == tuple(names.tolist()) and np.array_equal(both.images, images)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_a_table_is_read_with_its_label_first_or_last_and_with_a_header_or_not(
    header: bool, last: bool, digits: Any, tmp_path: Path
):
    images, labels = digits[0][:60], np.maximum(digits[1][:60], 1)  # a label of 0 in front could be a pixel
    assert same(read(forms.table(tmp_path / "train.csv", images, labels, header, last)), images, labels)


def test_words_are_labels_and_shares_of_1_are_pixels(digits: Any, tmp_path: Path):
    images, labels = digits[0][:60], np.array(["cat", "dog"] * 30)
    shares = forms.table(tmp_path / "words.csv", np.round(images / 255, 4), labels)
    assert same(read(shares), images, labels)


def test_pictures_in_folders_are_read_from_a_zip_and_from_the_disk(digits: Any, tmp_path: Path):
    images, labels = digits[0][:60], digits[1][:60] % 3
    names = ("cats", "dogs", "owls")
    path = forms.pictures(tmp_path / "set.zip", images, labels, names)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")
    for source in (path, tmp_path / "out" / "set"):
        one = read(source)
        assert one.classes == names and len(one.images) == 60
        assert sorted(map(bytes, one.images)) == sorted(map(bytes, images))
    wanted = {bytes(image): names[label] for image, label in zip(images, labels, strict=True)}
    assert {bytes(image): one.classes[label] for image, label in zip(one.images, one.labels, strict=True)} == wanted


# ---------------------------------------------------------------------------------------------- what is wrong


def bad(folder: Path, name: str, data: bytes) -> list[Path]:
    (folder / name).write_bytes(data)
    return [folder / name]


X, Y = np.full((300, 28, 28), 7, np.uint8), (np.arange(300) % 10).astype(np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, X.shape)
WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "nothing in it": (lambda at: bad(at, "a.csv", b""), "is empty: a data set is an .npz"),
    "cut off": (
        lambda at: [*bad(at, "images", forms.idx(X)[:-800]), *bad(at, "labels", forms.idx(Y))],
        "is cut off: it announces 300 images and holds 298",
    ),
    "cut off, gzipped": (
        lambda at: [
            *bad(at, "x.gz", gzip.compress(forms.idx(NOISE))[:-5_000]),
            *bad(at, "y.gz", gzip.compress(forms.idx(Y))),
        ],
        "is cut off or damaged",
    ),
    "gzipped twice": (
        lambda at: bad(at, "x.gz", gzip.compress(gzip.compress(forms.idx(X)))),
        "is gzipped twice: unpack it once",
    ),
    "wrong counts": (lambda at: forms.pair(at, X, Y[:-1]), "holds 300 images and .* 299 labels"),
    "labels missing": (lambda at: bad(at, "images.idx", forms.idx(X)), "idx files come in pairs"),
    "no labels in the archive": (lambda at: forms.npz(at / "a.npz", x_train=X), "images and labels must be called"),
    "three channels": (
        lambda at: forms.npz(at / "a.npz", x=np.stack([X] * 3, axis=3), y=Y),
        r"\(n, rows, columns\).*three channels: turn the images to grey first",
    ),
    "not a number": (lambda at: forms.npz(at / "a.npz", x=np.where(X == 7, np.nan, X), y=Y), "a pixel is not a number"),
    "out of range": (lambda at: forms.npz(at / "a.npz", x=X.astype(int) * 100, y=Y), r"in \[0, 1\] or \[0, 255\], got"),
    "a label of 1.5": (lambda at: forms.npz(at / "a.npz", x=X, y=Y + 0.5), "labels must be whole numbers"),
    "objects": (lambda at: forms.npz(at / "a.npz", x=X, y=np.array([{}] * 300)), "which are never unpickled"),
    "too large": (
        lambda at: forms.npz(at / "a.npz", x=np.zeros((300, 65, 65)), y=Y),
        "8 to 64 rows and columns, got 65",
    ),
    "one class": (lambda at: forms.npz(at / "a.npz", x=X, y=Y * 0), "there must be 2 to 62 classes, got 1"),
    "a table without labels": (
        lambda at: bad(at, "a.csv", b"\n".join([b",".join([b"0"] * 784)] * 3)),
        "such as 1 \\+ 784 columns, got 784 .*are there labels in it",
    ),
    "a short row": (
        lambda at: bad(at, "a.csv", b"1" + b",2" * 64 + b"\n1,2\n"),
        "line 2: 65 columns were expected, got 2",
    ),
    "a word for a pixel": (
        lambda at: bad(at, "a.csv", b"1" + b",2" * 64 + b"\n1,x" + b",2" * 63 + b"\n"),
        "line 2: a pixel must be a number, got 'x'",
    ),
    "NaN in a table": (
        lambda at: bad(at, "a.csv", b"1" + b",2" * 64 + b"\n1,nan" + b",2" * 63 + b"\n"),
        "line 2: a pixel is not a number",
    ),
    "a label is missing": (
        lambda at: bad(at, "a.csv", b"1" + b",2" * 64 + b"\n" + b",2" * 64),
        "line 2: the label is missing",
    ),
    "no folders": (
        lambda at: zipped(at, {f"{n}.png": forms.png(X[0]) for n in range(3)}),
        "pictures must lie in folders",
    ),
    "no picture": (
        lambda at: zipped(at, {"a/1.png": b"no picture", "b/1.png": forms.png(X[0])}),
        "'a/1.png' cannot be read as a picture",
    ),
    "something else": (lambda at: bad(at, "a.exe", b"MZ\0\0" * 100), "is of no kind that is read here"),
    "several of a kind": (
        lambda at: [*bad(at, "a.csv", b"1,2"), *bad(at, "b.csv", b"1,2")],
        "only idx files come several",
    ),
    "missing": (lambda at: at / "none.csv", "none.csv cannot be read: no such file"),
}


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return folder / "a.zip"


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_sentence_that_names_file_and_finding(what: str, tmp_path: Path):
    make, sentence = WRONG[what]
    with pytest.raises(DataError, match=sentence) as refused:
        read(make(tmp_path))
    assert "\n" not in str(refused.value) and "Errno" not in str(refused.value)


# ---------------------------------------------------------------------------------------------- memory


class Endless:
    """A file of as many rows as are wanted, which is never in memory as a whole."""

    def __init__(self, head: bytes, row: bytes, n: int) -> None:
        self._head, self._row, self._size = head, row, len(head) + n * len(row)
        self._at, self.closed = 0, False

    def seek(self, at: int, whence: int = 0) -> int:
        self._at = at if whence == 0 else self._size + at if whence == 2 else self._at + at
        return self._at

    def read(self, n: int = -1) -> bytes:
        until = self._size if n is None or n < 0 else min(self._size, self._at + n)
        begin, self._at = self._at, until
        whole = max(0, begin - len(self._head)) % len(self._row)
        rows = self._row * (2 + (until - begin) // len(self._row))
        body = rows[whole : whole + max(0, until - max(begin, len(self._head)))]
        return self._head[begin:until] + body

    read1 = read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass


def test_of_more_images_than_memory_should_hold_a_random_sample_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(found, "MOST_BYTES", 100 * 784)
    images = np.repeat(np.arange(250, dtype=np.uint8), 784).reshape(250, 28, 28)
    one = read(forms.pair(tmp_path, images, np.arange(250, dtype=np.uint8) % 10))
    assert len(one.images) == 100 and "Of its 250 images 100 are taken, at random" in " ".join(one.remarks)
    numbers = one.images[:, 0, 0]
    assert np.array_equal(np.array(one.classes)[one.labels].astype(int), numbers % 10) and np.ptp(numbers) > 150


def test_images_without_end_are_refused_by_their_head(tmp_path: Path):
    head = forms.idx(np.zeros((0, 28, 28)))[:4] + (10_000_000).to_bytes(4, "big") + (28).to_bytes(4, "big") * 2
    (tmp_path / "labels").write_bytes(forms.idx(Y))
    images: Any = Endless(head, bytes(784), 10_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="at most 2,000,000 images, got 10,000,000"):
        read([Source("images", images), tmp_path / "labels"])
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_ten_million_rows_of_a_table_are_refused_within_bounded_memory(monkeypatch: pytest.MonkeyPatch):
    from nn_core.own_data import table

    monkeypatch.setattr(table, "MOST_IMAGES", 4_000)
    monkeypatch.setattr(table, "MOST_BYTES", 64 * 1_000)
    rows: Any = Endless(b"", b"1" + b",2" * 64 + b"\n", 10_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="may have at most 4,000 rows"):
        read([Source("rows.csv", rows)])
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
