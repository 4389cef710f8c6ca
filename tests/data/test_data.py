"""The loader: what it hands out, and that it never hands out what it cannot trust."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import shutil
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn_core.data import DataError, Dataset, Split, load_dataset, load_mnist
from nn_core.data.npz import DATA_DIR

Arrays = dict[str, np.ndarray]
MNIST_FILE = DATA_DIR / "mnist.npz"
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache folder of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def small_arrays(n_train: int = 1_200, n_test: int = 150, seed: int = 0) -> Arrays:
    """Arrays in the form of MNIST, each image different, mostly black so that they compress well."""
    rng = np.random.default_rng(seed)
    arrays: Arrays = {}
    for split, n in {"train": n_train, "test": n_test}.items():
        images = np.zeros((n, 28, 28), np.uint8)
        images[:, 10, 10:14] = rng.integers(0, 256, (n, 4))
        images[:, 12, 12], images[:, 13, 13] = np.divmod(np.arange(n), 256)
        arrays |= {f"x_{split}": images, f"y_{split}": rng.integers(0, 10, n).astype(np.uint8)}
    return arrays


def save(path: Path, arrays: Arrays) -> Path:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    return save(tmp_path / "small.npz", small_arrays())


def refusal(path: Path | str) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert Path(path).name in message
    assert "\n" not in message
    return message


def pairs(images: np.ndarray, labels: np.ndarray) -> list[tuple[bytes, int]]:
    return sorted((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))


def same_data(one: Dataset, other: Dataset) -> bool:
    return all(np.array_equal(a, b) for name in SPLITS for a, b in zip(one.split(name), other.split(name), strict=True))


# ---------------------------------------------------------------------------------------------- what is handed out


def test_mnist_has_55000_training_5000_validation_and_10000_test_images(mnist: Dataset) -> None:
    for split, n in zip(SPLITS, (55_000, 5_000, 10_000), strict=True):
        images, labels = mnist.split(split)
        assert images.shape == (n, 28, 28)
        assert labels.shape == (n,)
        assert images.dtype == labels.dtype == np.uint8
    assert mnist.name == "mnist"
    assert mnist.class_names == tuple("0123456789")


def test_the_arrays_are_read_only_and_c_contiguous(mnist: Dataset) -> None:
    for name in SPLITS:
        for array in mnist.split(name):
            assert array.flags.c_contiguous
            assert not array.flags.writeable
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_every_image_of_the_file_is_in_one_split_with_its_label(mnist: Dataset) -> None:
    with np.load(MNIST_FILE) as file:
        assert np.array_equal(mnist.test_images, file["x_test"])
        assert np.array_equal(mnist.test_labels, file["y_test"])
        in_file = pairs(file["x_train"], file["y_train"])
    assert sorted(pairs(*mnist.split("train")) + pairs(*mnist.split("val"))) == in_file


@pytest.mark.parametrize("n_train", [1_000, 1_234, 5_999])
def test_validation_is_a_twelfth_with_each_class_in_proportion_within_one_image(tmp_path: Path, n_train: int) -> None:
    arrays = small_arrays(n_train)
    arrays["y_train"][: n_train // 3] = 7  # far from even
    data = load_dataset(save(tmp_path / "uneven.npz", arrays))
    counts = np.bincount(arrays["y_train"], minlength=10)
    assert len(data.val_labels) == round(n_train / 12)
    assert abs(np.bincount(data.val_labels, minlength=10) - counts * len(data.val_labels) / n_train).max() < 1
    assert sorted(pairs(*data.split("train")) + pairs(*data.split("val"))) == pairs(
        arrays["x_train"], arrays["y_train"]
    )


def test_mnists_validation_is_stratified_within_one_image(mnist: Dataset) -> None:
    train, val = np.bincount(mnist.train_labels), np.bincount(mnist.val_labels)
    assert abs(val - (train + val) / 12).max() < 1


def test_the_split_and_its_order_never_change(mnist: Dataset) -> None:
    digests = {name: hashlib.sha256(mnist.split(name)[0].tobytes()).hexdigest()[:16] for name in SPLITS}
    assert digests == {"train": "c6d6ea59f634365c", "val": "5b8b7664184705e6", "test": "6d87418db22cc802"}


@pytest.mark.parametrize("n", [100, 200, 500, 1_000, 10_000])
def test_every_prefix_of_the_training_images_is_like_the_whole(mnist: Dataset, n: int) -> None:
    share = np.bincount(mnist.train_labels) / 55_000
    spread = np.sqrt(share * (1 - share) / n)
    for labels in (mnist.train_labels[:n], mnist.val_labels[:n]):
        assert (abs(np.bincount(labels) / len(labels) - share) < 4 * spread).all()


def test_an_unknown_split_is_refused(mnist: Dataset) -> None:
    with pytest.raises(DataError, match="train, val, test, got 'dev'"):
        mnist.split("dev")  # type: ignore[arg-type]


def test_a_dataset_shows_itself_in_one_short_line(mnist: Dataset) -> None:
    assert repr(mnist) == "<Dataset mnist: 55000 train, 5000 val, 10000 test>"


def test_the_identity_follows_the_data_and_not_the_file(tmp_path: Path) -> None:
    arrays = small_arrays()
    one = load_dataset(save(tmp_path / "one.npz", arrays))
    np.savez(tmp_path / "other.npz", **dict(reversed(arrays.items())))  # type: ignore[arg-type]
    assert load_dataset(tmp_path / "other.npz").identity == one.identity
    for key in arrays:
        changed = arrays[key].copy()
        changed.flat[5] ^= 1
        assert load_dataset(save(tmp_path / f"{key}.npz", {**arrays, key: changed})).identity != one.identity
    assert len(one.identity) == 64


# ---------------------------------------------------------------------------------------------- once, and small


def test_the_same_file_gives_the_same_object_by_name_and_by_path(mnist: Dataset) -> None:
    assert load_mnist() is load_dataset("mnist") is load_dataset(MNIST_FILE) is load_dataset(str(MNIST_FILE))


def test_a_file_written_again_is_read_again(small_file: Path) -> None:
    first = load_dataset(small_file)
    save(small_file, small_arrays(seed=1, n_train=1_300))
    second = load_dataset(small_file)
    assert len(second.train_labels) + len(second.val_labels) == 1_300
    assert second.identity != first.identity


def test_threads_that_load_at_once_share_one_copy(small_file: Path) -> None:
    loaded: list[Dataset] = []
    threads = [threading.Thread(target=lambda: loaded.append(load_dataset(small_file))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 8
    assert all(data is loaded[0] for data in loaded)


def test_loading_takes_hardly_more_memory_than_the_arrays_it_hands_out(tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    shutil.copy(MNIST_FILE, path)
    tracemalloc.start()
    try:
        data = load_dataset(path)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = sum(array.nbytes for name in SPLITS for array in data.split(name))
    assert kept < size + 1_000_000
    assert peak < size + 8_000_000


# ---------------------------------------------------------------------------------------------- hashes remembered


def stamps(cache_dir: Path) -> list[Path]:
    return list(cache_dir.rglob("*.*"))


def load_anew(path: Path) -> Dataset:
    """What another process would load: the same file, not from this process's cache."""
    other = path.with_name(f"alias{len(list(path.parent.iterdir()))}.npz")
    other.symlink_to(path)  # the same resolved path, another name
    return load_dataset(other)


def test_hashes_are_computed_once_for_each_version_of_a_file(small_file: Path, cache_dir: Path) -> None:
    first = load_dataset(small_file)
    (stamp,) = stamps(cache_dir)
    stamp.write_text(stamp.read_text().replace('"y_test": "', '"y_test": "not computed again: '))
    assert load_anew(small_file).identity != first.identity  # the stamp was believed
    os.utime(small_file, (1, 1))
    assert load_anew(small_file).identity == first.identity  # another version: computed
    assert load_anew(small_file).identity == first.identity


@pytest.mark.parametrize("content", ["", "[]", "null", '{"file": 1}', '{"sha256": {}}', '{"sha256": [1', "\udcff"])
def test_a_broken_stamp_counts_as_none(small_file: Path, cache_dir: Path, content: str) -> None:
    first = load_dataset(small_file)
    (stamp,) = stamps(cache_dir)
    stamp.write_text(content, errors="surrogateescape")
    assert load_anew(small_file).identity == first.identity
    assert json.loads(stamp.read_text())["sha256"]
    assert stamps(cache_dir) == [stamp]  # no temporary file is left


def test_a_cache_folder_that_cannot_be_written_does_no_harm(small_file: Path, cache_dir: Path) -> None:
    cache_dir.write_text("a file where the folder should be")
    assert len(load_dataset(small_file).test_labels) == 150


def test_without_a_home_folder_data_is_loaded_all_the_same(small_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(_cls: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setattr(Path, "home", classmethod(no_home))
    assert len(load_dataset(small_file).test_labels) == 150
    assert not Path("not").exists()


def test_a_refused_file_leaves_no_stamp(tmp_path: Path, cache_dir: Path) -> None:
    refusal(save(tmp_path / "mnist.npz", small_arrays()))
    assert not stamps(cache_dir)


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", ["fashion", "no/such.npz", "gone.npz", "", "a\0b", "x" * 5_000, "../../etc/passwd"])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(DataError, match=r"missing|cannot be (opened|read)"):
        load_dataset(name)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "folder.npz", tmp_path / "pipe.npz"
    folder.mkdir()
    os.mkfifo(pipe)
    for path in (folder, pipe, "/dev/zero"):
        assert "not a regular file" in refusal(path)


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_mnist_with_one_changed_value_is_refused_with_the_arrays_name(tmp_path: Path, key: str) -> None:
    with np.load(MNIST_FILE) as file:
        arrays = dict(file)
    arrays[key].flat[1_000] ^= 1
    np.savez(tmp_path / "mnist.npz", **arrays)
    message = refusal(tmp_path / "mnist.npz")
    assert "altered" in message
    assert key in message


def test_an_altered_mnist_behind_a_link_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").symlink_to(save(tmp_path / "another.npz", small_arrays()))
    with pytest.raises(DataError, match=r"another\.npz is altered or is not MNIST"):
        load_dataset(tmp_path / "mnist.npz")


@pytest.mark.parametrize("n_bytes", [0, 1, 30, 1_000, 5_000_000, 9_822_000, 11_490_000, -22, -1])
def test_mnist_cut_short_anywhere_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "mnist.npz"
    path.write_bytes(MNIST_FILE.read_bytes()[:n_bytes])
    assert "truncated or altered" in refusal(path)


def test_mnist_with_a_hole_in_its_compressed_bytes_is_refused(tmp_path: Path) -> None:
    content = bytearray(MNIST_FILE.read_bytes())
    content[3_000_000:3_000_100] = bytes(100)
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    assert "truncated or altered" in refusal(path)


@pytest.fixture(scope="module")
def flip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int, int], Path]]:
    """Writes a small file with one byte changed, each time under another name."""
    folder = tmp_path_factory.mktemp("flipped")
    content = save(folder / "whole.npz", small_arrays(1_000, 100)).read_bytes()
    written = iter(range(1_000_000))

    def write(position: int, change: int) -> Path:
        flipped = bytearray(content)
        flipped[position % len(content)] ^= change
        path = folder / f"{next(written)}.npz"
        path.write_bytes(flipped)
        return path

    yield write
    shutil.rmtree(folder)


@given(position=st.integers(0, 2**20) | st.integers(-600, 200), change=st.integers(1, 255))
def test_one_changed_byte_is_refused_or_changes_nothing(
    flip: Callable[[int, int], Path], position: int, change: int
) -> None:
    path = flip(position, change)
    try:
        data = load_dataset(path)
    except DataError as error:
        assert path.name in str(error)
    else:
        assert same_data(data, load_dataset(path.with_name("whole.npz")))  # it was a date or the like
    path.unlink()


def replaced(**changes: Any) -> Arrays:
    return {key: value for key, value in {**small_arrays(), **changes}.items() if value is not None}


def header_of(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


SMALL = small_arrays()
WRONG = {
    "a missing array": (replaced(y_test=None), "the array y_test is missing"),
    "another name": (replaced(x_train=None, X_train=SMALL["x_train"]), "the array x_train is missing"),
    "no arrays at all": ({}, "the array x_train is missing"),
    "float pixels": (replaced(x_test=SMALL["x_test"] / 255), "x_test must be uint8, got float64"),
    "int64 labels": (replaced(y_train=SMALL["y_train"].astype(np.int64)), "y_train must be uint8, got int64"),
    "pickled objects": (replaced(y_train=SMALL["y_train"].astype(object)), "y_train must be uint8, got object"),
    "records": (replaced(y_test=np.zeros(150, [("a", "u1")])), "y_test must be uint8, got"),
    "Fortran order": (replaced(x_test=np.asfortranarray(SMALL["x_test"])), "x_test must be in C order"),
    "flat images": (replaced(x_train=SMALL["x_train"].reshape(-1, 784)), "x_train must have shape"),
    "colour": (replaced(x_test=np.zeros((150, 28, 28, 3), np.uint8)), "x_test must have shape"),
    "a scalar": (replaced(y_train=np.uint8(3)), "y_train must have shape"),
    "labels as a column": (replaced(y_test=SMALL["y_test"][:, None]), "y_test must have shape"),
    "fewer images than labels": (replaced(x_train=SMALL["x_train"][:-1]), "x_train must have shape"),
    "no test images": (replaced(x_test=SMALL["x_test"][:0], y_test=SMALL["y_test"][:0]), "from 50 to 10000"),
    "too few": (small_arrays(299), "from 300 to 60000"),
    "too many": (small_arrays(60_001), "from 300 to 60000"),
    "a label above 9": (replaced(y_test=SMALL["y_test"] + np.uint8(1)), "y_test must hold labels from 0 to 9, got 10"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_of_another_form_is_refused_with_the_array_and_the_reason(tmp_path: Path, case: str) -> None:
    arrays, words = WRONG[case]
    assert words in refusal(save(tmp_path / "wrong.npz", arrays))


NASTY_MEMBERS = {
    "no header": b"",
    "not an array": b"hello",
    "an unknown version": b"\x93NUMPY\x09\x00" + bytes(100),
    "a header that is no literal": header_of("{'descr': open('x')}\n"),
    "unhashable keys": header_of("{[]: 1}\n"),
    "mixed keys": header_of("{1: 1, 'a': 2}\n"),
    "open brackets": header_of("(" * 5_000),
    "a string": header_of("'abc'\n"),
    "negative sizes": header_of("{'descr': '|u1', 'fortran_order': False, 'shape': (-1200,)}\n"),
    "true as a size": header_of("{'descr': '|u1', 'fortran_order': False, 'shape': (True,)}\n") + b"1",
    "fewer bytes than announced": header_of("{'descr': '|u1', 'fortran_order': False, 'shape': (1200,)}\n") + bytes(9),
    "more bytes than announced": header_of("{'descr': '|u1', 'fortran_order': False, 'shape': (1200,)}\n")
    + bytes(1300),
}


@pytest.mark.parametrize("case", NASTY_MEMBERS)
def test_a_malformed_array_is_refused(tmp_path: Path, case: str) -> None:
    path = save(tmp_path / "nasty.npz", replaced(y_train=None))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("y_train.npy", NASTY_MEMBERS[case])
    refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(tmp_path: Path, method: int) -> None:
    path = save(tmp_path / "unusual.npz", replaced(y_train=None))
    stream = io.BytesIO()
    np.save(stream, SMALL["y_train"])
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("y_train.npy", stream.getvalue())
    assert "y_train is compressed in a way" in refusal(path)


@pytest.mark.parametrize("shape", [(300_000, 28, 28), (10**12, 28, 28), (1_000, 28, 10_000)])
@pytest.mark.parametrize("filled", [True, False])
def test_a_bomb_is_refused_without_taking_the_memory_it_announces(
    tmp_path: Path, shape: tuple[int, ...], filled: bool
) -> None:
    path = save(tmp_path / "bomb.npz", replaced(x_train=None))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("x_train.npy", "w") as stream:
        stream.write(header_of(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n"))
        for _ in range(235 if filled else 0):
            stream.write(bytes(1_000_000))
    tracemalloc.start()
    try:
        assert "x_train" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_a_file_larger_than_the_form_allows_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "huge.npz"
    with path.open("wb") as file:
        file.truncate(10**10)  # a hole: it takes no space
    assert "64000000" in refusal(path)


def test_a_dataset_cannot_be_changed(mnist: Dataset) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        mnist.train_labels = mnist.val_labels  # type: ignore[misc]
