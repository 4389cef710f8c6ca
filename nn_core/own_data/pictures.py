"""Pictures in folders, a folder a class, on the disk or in a zip."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nn_core.config.errors import shorten
from nn_core.data import Bytes, DataError
from nn_core.machine.disk import read_plain, reason
from nn_core.machine.packages import PackageMissing, need
from nn_core.own_data.found import LARGEST, MOST_CLASSES, SMALLEST, Found, sample, stem, taken

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".tif", ".tiff")
MOST_PICTURE_BYTES = 4_000_000  # of one picture
SPLITS = ("train", "training", "test", "testing", "val", "validation")
SIDE = 28
Picture = tuple[str, Callable[[], bytes]]  # its path, and what reads it


def is_picture(path: str) -> bool:
    """Whether a path ends as pictures do, and is no hidden file."""
    hidden = any(part.startswith((".", "__")) for part in path.split("/"))
    return not hidden and path.lower().endswith(ENDINGS)


def read_folder(folder: Path) -> Found:
    """The pictures below a folder. Raises DataError."""
    try:
        paths = sorted(path for path in folder.rglob("*") if is_picture(path.relative_to(folder).as_posix()))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {reason(error).lower()}") from None
    pictures = [(path.relative_to(folder).as_posix(), _reader(path)) for path in paths]
    return _read(folder.name or str(folder), pictures)


def read_zip(name: str, archive: zipfile.ZipFile) -> Found:
    """The pictures in a zip. Raises DataError."""
    members = [one for one in archive.infolist() if is_picture(one.filename)]
    large = next((one for one in members if one.file_size > MOST_PICTURE_BYTES), None)
    if large is not None:
        raise DataError(
            f"{shorten(name)}: a picture may have at most {MOST_PICTURE_BYTES:,} bytes, {shorten(large.filename)} has "
            f"{large.file_size:,}"
        )
    return _read(name, [(one.filename, lambda one=one: archive.read(one)) for one in members])  # type: ignore[misc]


def _reader(path: Path) -> Callable[[], bytes]:
    return lambda: read_plain(path, MOST_PICTURE_BYTES)


def _read(name: str, pictures: Sequence[Picture]) -> Found:
    """All pictures, of one size; each brought to that of the first by area where they differ."""
    if not pictures:
        raise DataError(f"{shorten(name)} holds no pictures ({', '.join(ENDINGS)})")
    of = [_class_of(path) for path, _ in pictures]
    classes = sorted(set(of) - {""})
    if "" in of or not 2 <= len(classes) <= MOST_CLASSES:
        raise DataError(
            f"{shorten(name)}: pictures must lie in folders, one for each of 2 to {MOST_CLASSES} classes, such as "
            f"cats/1.png; got {len(classes)} folders"
        )
    first = _grey(name, pictures[0][0], pictures[0][1], None)
    size = first.shape if SMALLEST <= min(first.shape) and max(first.shape) <= LARGEST else (SIDE, SIDE)
    places = sample(len(pictures), size[0] * size[1])
    images = np.empty((len(places), *size), np.uint8)
    for row, at in enumerate(places):
        images[row] = _grey(name, pictures[at][0], pictures[at][1], (size[0], size[1]))
    resized = "" if first.shape == size else f"Its pictures are brought to {SIDE} x {SIDE}, at once."
    remarks = (f"{len(pictures):,} pictures in {len(classes)} folders.", resized, taken(len(places), len(pictures)))
    labels = np.array([classes.index(each) for each in of], np.int64)[places]
    return Found(stem(name), images, labels, tuple(each[:40] for each in classes), 0, tuple(filter(None, remarks)))


def _class_of(path: str) -> str:
    folder = posixpath.basename(posixpath.dirname(path))
    return "" if folder.lower() in SPLITS else folder


def _grey(name: str, path: str, read: Callable[[], bytes], size: tuple[int, int] | None) -> Bytes:
    """One picture in grey, (rows, columns); on a white ground where it is transparent."""
    try:
        module = need("PIL.Image", "Pictures")
    except PackageMissing as missing:
        raise DataError(
            str(missing).replace("package PIL", "package Pillow").replace("install PIL", "install pillow")
        ) from None
    try:
        with module.open(io.BytesIO(read())) as picture:
            if picture.width * picture.height > 4_000_000:
                raise DataError(f"{shorten(name)}: {shorten(path)} is too large: {picture.width} x {picture.height}")
            plain = picture
            if "A" in picture.getbands() or "transparency" in picture.info:
                ground = module.new("RGBA", picture.size, "white")
                plain = module.alpha_composite(ground, picture.convert("RGBA"))
            grey = plain.convert("L")
            if size is not None and grey.size != (size[1], size[0]):
                grey = grey.resize((size[1], size[0]), module.Resampling.BOX)
            return np.array(grey, np.uint8)
    except DataError:
        raise
    except Exception as error:  # a damaged picture makes the library raise nearly anything
        raise DataError(f"{shorten(name)}: {shorten(path)} cannot be read as a picture: {str(error)[:80]}") from None


@contextmanager
def opened_zip(name: str, stream: object) -> Iterator[zipfile.ZipFile]:
    """The zip; raises DataError for a damaged one."""
    try:
        with zipfile.ZipFile(stream) as archive:  # type: ignore[call-overload]
            yield archive
    except DataError:
        raise
    except Exception as error:  # arbitrary bytes make zipfile and zlib raise nearly anything
        raise DataError(f"{shorten(name)} is cut off or damaged: {str(error)[:100]}") from None
