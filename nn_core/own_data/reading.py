"""Which kind of files they are, told by their first bytes; then they are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nn_core.config.errors import shorten
from nn_core.data import DataError
from nn_core.own_data.arrays import read_arrays
from nn_core.own_data.found import Found, Source
from nn_core.own_data.idx import GZIP, is_idx, read_idx
from nn_core.own_data.pictures import is_picture, opened_zip, read_folder, read_zip
from nn_core.own_data.table import read_table

KINDS = "an .npz, a pair of idx files (.gz or not), a CSV table, or a zip of pictures in folders"


def read(given: str | os.PathLike[str] | Sequence[str | os.PathLike[str] | Source]) -> Found:
    """The set in a file, a pair of files, or a folder. Raises DataError, one sentence: file, expected, found."""
    if isinstance(given, str | os.PathLike):
        given = [given]
    sources = [one if isinstance(one, Source) else Source(os.fspath(one), Path(one)) for one in given]
    if not sources:
        raise DataError(f"a data set is {KINDS}; got no file")
    if len(sources) == 1 and isinstance(sources[0].content, Path) and sources[0].content.is_dir():
        return _of_folder(sources[0].content)
    if all(is_idx(source) for source in sources):
        return read_idx([*sources, *_partner(sources)])
    if len(sources) > 1:
        raise DataError(
            f"only idx files come several at a time, got {', '.join(shorten(one.name) for one in sources[:4])}"
        )
    return _one(sources[0])


def _of_folder(folder: Path) -> Found:
    """A folder of idx files, or of pictures."""
    files = [Source(path.name, path) for path in sorted(folder.iterdir()) if path.is_file()]
    pairs = [source for source in files if "ubyte" in source.name and is_idx(source)]
    return read_idx(pairs) if pairs else read_folder(folder)


def _partner(sources: Sequence[Source]) -> list[Source]:
    """The file of labels beside one of images that was named alone, as the field names them."""
    if len(sources) != 1 or not isinstance(sources[0].content, Path) or "images" not in sources[0].name:
        return []
    path = sources[0].content
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    return [Source(str(beside), beside)] if beside.is_file() else []


def _one(source: Source) -> Found:
    with source.open() as stream:
        start = stream.read(4)
        if not start:
            raise DataError(f"{shorten(source.name)} is empty: a data set is {KINDS}")
        if start[:2] == b"PK":
            stream.seek(0)
            with opened_zip(source.name, stream) as archive:
                names = archive.namelist()
                if any(is_picture(name) for name in names):
                    return read_zip(source.name, archive)
                if not any(name.endswith(".npy") for name in names):
                    raise DataError(f"{shorten(source.name)} holds neither arrays nor pictures: a data set is {KINDS}")
    if start[:2] == b"PK":
        return read_arrays(source)
    if start[:2] == GZIP or b"\0" in start:
        raise DataError(f"{shorten(source.name)} is of no kind that is read here: a data set is {KINDS}")
    return read_table(source)
