"""The idx format of MNIST, Fashion-MNIST, KMNIST and EMNIST: pairs of files of images and labels, often gzipped.

LeCun, Cortes & Burges 1998: two zero bytes, 8 for bytes, the number of dimensions, each dimension in four bytes, data.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from nn_core.config.errors import shorten
from nn_core.data import DataError
from nn_core.own_data.found import Found, Source, check_count, check_size, classes_of, joined, rows_of, stem, taken

GZIP, BYTES = b"\x1f\x8b", 8
DAMAGE = (OSError, EOFError, zlib.error, ValueError)


def is_idx(source: Source) -> bool:
    """Whether it begins as such a file does, gzipped or not."""
    with source.open() as stream, _plain(stream, source.name) as plain:
        try:
            return plain.read(3) == bytes([0, 0, BYTES])
        except DAMAGE:
            return False


def read_idx(sources: Sequence[Source]) -> Found:
    """The images and labels of one pair of files, or of two: of training and of test. Raises DataError."""
    shapes = {source.name: _shape(source) for source in sources}
    images = [source for source in sources if len(shapes[source.name]) == 3]
    labels = [source for source in sources if len(shapes[source.name]) == 1]
    if len(images) != len(labels) or not 1 <= len(images) <= 2:
        raise DataError(
            "idx files come in pairs: images (n, rows, columns) and labels (n,), of training and perhaps of test; got "
            f"{len(images)} of images and {len(labels)} of labels"
        )
    images.sort(key=_is_test)
    labels.sort(key=_is_test)
    pairs = [_pair(one, other) for one, other in zip(images, labels, strict=True)]
    return pairs[0] if len(pairs) == 1 else joined(*pairs)


def _is_test(source: Source) -> bool:
    return any(word in os.path.basename(source.name).lower() for word in ("t10k", "test"))


def _pair(images: Source, labels: Source) -> Found:
    n, rows, columns = _shape(images)
    check_size(images.name, rows, columns)
    check_count(images.name, n)
    (n_labels,) = _shape(labels)
    if n != n_labels:
        raise DataError(
            f"{shorten(images.name)} holds {n:,} images and {shorten(labels.name)} {n_labels:,} labels: as many "
            "labels as images are wanted"
        )
    with _opened(images) as stream:
        pixels, places = rows_of(stream.read, n, (rows, columns), images.name)
    with _opened(labels) as stream:
        data = stream.read(n + 1)
    if len(data) != n:
        raise DataError(
            f"{shorten(labels.name)} announces {n:,} labels and holds {'more' if len(data) > n else len(data)}"
        )
    of, classes = classes_of(np.frombuffer(data, np.uint8)[places], labels.name)
    remarks = [taken(len(places), n)]
    if "emnist" in os.path.basename(images.name).lower():
        pixels = np.ascontiguousarray(pixels.transpose(0, 2, 1))
        remarks.append("EMNIST's images lie on their side: rows and columns are exchanged.")
        classes = emnist_names(classes, os.path.basename(images.name))
    return Found(stem(images.name), pixels, of, classes, 0, tuple(filter(None, remarks)))


def emnist_names(classes: tuple[str, ...], file_name: str) -> tuple[str, ...]:
    """EMNIST's labels as characters (Cohen et al. 2017): letters from 1; digits, capitals and small letters from 0."""
    if "letters" in file_name.lower():
        return tuple(chr(64 + int(each)) if 1 <= int(each) <= 26 else each for each in classes)
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    small = "abdefghnqrt" if any(word in file_name.lower() for word in ("balanced", "bymerge")) else _SMALL
    return tuple((digits + small)[int(each)] if int(each) < len(digits + small) else each for each in classes)


_SMALL = "abcdefghijklmnopqrstuvwxyz"


def _shape(source: Source) -> tuple[int, ...]:
    with source.open() as stream, _plain(stream, source.name) as plain:
        return _header(plain, source.name)


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """The stream behind the header; damage while it is read becomes a DataError."""
    try:
        with source.open() as stream, _plain(stream, source.name) as plain:
            _header(plain, source.name)
            yield plain
    except DAMAGE as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{shorten(source.name)} is cut off or damaged: {str(error)[:100]}") from None


@contextmanager
def _plain(stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """The stream unpacked, if it is gzipped; raises DataError where it was gzipped twice."""
    start = stream.read(2)
    stream.seek(0)
    if start != GZIP:
        yield stream
        return
    with gzip.GzipFile(fileobj=stream) as unpacked:
        try:
            again = unpacked.read(2)
            unpacked.seek(0)
        except DAMAGE as error:
            raise DataError(f"{shorten(name)} is cut off or damaged: {str(error)[:100]}") from None
        if again == GZIP:
            raise DataError(f"{shorten(name)} is gzipped twice: unpack it once (gunzip) and give what comes out")
        yield unpacked  # type: ignore[misc]


def _header(stream: BinaryIO, name: str) -> tuple[int, ...]:
    start = stream.read(4)
    n_dims = start[3] if len(start) == 4 else 0
    sizes = stream.read(4 * n_dims)
    if start[:3] != bytes([0, 0, BYTES]) or n_dims not in (1, 3) or len(sizes) != 4 * n_dims:
        raise DataError(f"{shorten(name)} is no idx file of images or labels in bytes")
    return struct.unpack(f">{n_dims}I", sizes)
