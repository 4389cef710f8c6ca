"""Arrays in a NumPy archive (.npz), in any of the forms in which people keep images and labels."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from nn_core.config.errors import shorten
from nn_core.data import Bytes, DataError
from nn_core.own_data.found import (
    MOST_BYTES,
    Found,
    Source,
    as_bytes,
    check_count,
    check_size,
    classes_of,
    joined,
    rows_of,
    stem,
    taken,
)

PAIRS = (  # names of images and of labels, as they are usual
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
    ("X_train", "Y_train"),
    ("images", "labels"),
    ("x", "y"),
    ("X", "y"),
    ("data", "target"),
    ("arr_0", "arr_1"),
)
TESTS = {
    "x_train": ("x_test", "y_test"),
    "train_images": ("test_images", "test_labels"),
    "X_train": ("X_test", "Y_test"),
}
TESTS |= {"arr_0": ("arr_2", "arr_3")}
WIDE_BYTES = 8 * MOST_BYTES  # of numbers that are not bytes, read at once


def read_arrays(source: Source) -> Found:
    """The set in an .npz file. Raises DataError; nothing is unpickled, declared sizes are checked before reading."""
    with source.open() as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                return _read(source.name, archive)
        except DataError:
            raise
        except MemoryError:
            raise DataError(f"{shorten(source.name)} takes more memory than there is") from None
        except Exception as error:  # arbitrary bytes make zipfile, zlib and NumPy raise nearly anything
            raise DataError(f"{shorten(source.name)} is cut off or damaged: {str(error)[:100]}") from None


def _read(name: str, archive: zipfile.ZipFile) -> Found:
    names = {each.removesuffix(".npy") for each in archive.namelist()}
    pair = next((pair for pair in PAIRS if names.issuperset(pair)), None)
    if pair is None:
        held = ", ".join(sorted(names)[:8]) or "nothing"
        raise DataError(
            f"{shorten(name)}: images and labels must be called x_train and y_train, images and labels, or the like; "
            f"it holds {held[:200]}"
        )
    train = _of_pair(name, archive, *pair)
    of_test = TESTS.get(pair[0], ())
    found = joined(train, _of_pair(name, archive, *of_test)) if of_test and names.issuperset(of_test) else train
    return _named(found, archive) if "class_names" in names else found


def _of_pair(name: str, archive: zipfile.ZipFile, x: str, y: str) -> Found:
    labels = _whole(name, archive, y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "iuf" and (labels.sum(axis=1) == 1).all():  # one-hot
        labels = labels.argmax(axis=1)
    if labels.ndim != 1:
        raise DataError(f"{shorten(name)}: {y} must have shape (n,), got {labels.shape}")
    images, places, total = _images(name, archive, x)
    if total != len(labels):
        raise DataError(f"{shorten(name)}: {x} holds {total:,} images and {y} {len(labels):,} labels")
    of, classes = classes_of(labels[places], f"{name}, {y}")
    return Found(stem(name), images, of, classes, 0, tuple(filter(None, [taken(len(places), total)])))


def _images(name: str, archive: zipfile.ZipFile, key: str) -> tuple[Bytes, NDArray[np.int64], int]:
    """The images that are taken, which of all those are, and how many there are in all."""
    with archive.open(f"{key}.npy") as stream:
        shape, fortran, dtype = _header(stream)
        rows, columns = _sides(name, key, shape)
        check_size(f"{name}, {key}", rows, columns)
        check_count(name, shape[0])
        if dtype == np.uint8 and not fortran:
            images, places = rows_of(stream.read, shape[0], (rows, columns), f"{name}, {key}")
            return as_bytes(images, name), places, shape[0]
    whole = as_bytes(_whole(name, archive, key), f"{name}, {key}").reshape(-1, rows, columns)
    return whole, np.arange(len(whole)), len(whole)


def _sides(name: str, key: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of images (n, rows, columns), with one channel before or behind, or (n, pixels) of a square."""
    if len(shape) == 4 and 1 in (shape[1], shape[3]):
        return (shape[1], shape[2]) if shape[3] == 1 else (shape[2], shape[3])
    if len(shape) == 3:
        return shape[1], shape[2]
    if len(shape) == 2 and math.isqrt(shape[1]) ** 2 == shape[1]:
        return (math.isqrt(shape[1]),) * 2
    colours = " (three channels: turn the images to grey first)" if len(shape) == 4 and 3 in shape[1:] else ""
    raise DataError(
        f"{shorten(name)}: {key} must have shape (n, rows, columns), (n, pixels), or one channel, got {shape}{colours}"
    )


def _whole(name: str, archive: zipfile.ZipFile, key: str) -> NDArray[np.generic]:
    with archive.open(f"{key}.npy") as stream:
        shape, fortran, dtype = _header(stream)
        n_bytes = math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise DataError(f"{shorten(name)}: {key} holds Python objects, which are never unpickled")
        if n_bytes > WIDE_BYTES:
            raise DataError(
                f"{shorten(name)}: {key} may take at most {WIDE_BYTES:,} bytes as {dtype}, got {n_bytes:,}; as uint8 "
                "it takes fewer"
            )
        data = stream.read(n_bytes + 1)
    if len(data) != n_bytes:
        raise DataError(f"{shorten(name)}: {key} announces shape {shape}, and holds {len(data):,} bytes of it")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _header(stream: object) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = np.lib.format.read_magic(stream)  # type: ignore[arg-type]
    read: Mapping[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype[np.generic]]]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    return read[version](stream)


def _named(found: Found, archive: zipfile.ZipFile) -> Found:
    """With the names that the archive gives to its classes 0, 1, ..."""
    names = [str(each)[:40] for each in _whole(found.title, archive, "class_names").tolist()]
    if not all(each.isdecimal() and int(each) < len(names) for each in found.classes):
        return found
    classes = tuple(names[int(each)] for each in found.classes)
    return Found(found.title, found.images, found.labels, classes, found.n_test, found.remarks)
