"""Unpacks the .zip of a run into a folder, whatever is in it: a run's own files alone, and no more than it may hold.

What the zip declares is checked before anything is unpacked; then each file is unpacked as a stream, which ends where
the declared size does.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nn_core.config.errors import shorten
from nn_core.config.foreign import parse_object
from nn_core.export.source import ExportError, one_line
from nn_core.store.run_folder import CHECKPOINT, FRAME

MAX_BYTES = 1_000_000_000  # of the file, and of all that is in it
FEW_BYTES, MAX_RATIO = 64_000_000, 6  # what any archive may unpack to; a larger one so many times its own size
MAX_ENTRIES = 128  # 64 frames, some checkpoints, five other files
MAX_TABLE_BYTES = 200 * MAX_ENTRIES  # of the list of entries, which stands at the end of a zip
MAX_JSON_BYTES = 1_000_000  # of each file in SMALL
MAX_CURVE_BYTES, MAX_LINES = 32_000_000, 300_000  # of metrics.jsonl: twice what a run keeps
TABLE_END, TABLE_END_64 = b"PK\x05\x06", b"PK\x06\x07"  # begin the record after that list, in a zip and in a zip64
MANIFEST, CURVES = "manifest.json", "metrics.jsonl"
SMALL = (MANIFEST, "config.json", "summary.json", "label.json")
NAME = re.compile(
    rf"{'|'.join(map(re.escape, (*SMALL, CURVES)))}|checkpoints/{CHECKPOINT.pattern}|frames/{FRAME.pattern}"
)
BLOCK = 1 << 20
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)


class Archive:
    """An opened archive; `opened` makes one. All raise ExportError, one sentence on what is wrong."""

    def __init__(self, zipped: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
        self._zipped, self._entries = zipped, {entry.filename: entry for entry in entries}

    def __repr__(self) -> str:
        return f"<Archive of {len(self._entries)} files>"

    def manifest(self) -> dict[str, Any]:
        """What the archive says of itself; empty where it says nothing."""
        if MANIFEST not in self._entries:
            return {}
        with _damage_is_said(), self._zipped.open(MANIFEST) as stream:
            text = stream.read()
        try:
            return parse_object(text, MANIFEST)
        except ValueError:
            raise ExportError(f"{MANIFEST} in the archive is no JSON object") from None

    def unpack(self, folder: Path) -> None:
        """Write all other files into a folder. Raises OSError too."""
        for name in self._entries:
            if name != MANIFEST:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                self._write(name, folder / name)

    def _write(self, name: str, path: Path) -> None:
        n_lines = 0
        with open(path, "xb") as target, _damage_is_said(), self._zipped.open(name) as source:
            while block := source.read(BLOCK):
                n_lines += block.count(b"\n")
                if name == CURVES and n_lines > MAX_LINES:
                    raise ExportError(f"{CURVES} may have at most {MAX_LINES:,} lines")
                target.write(block)
            target.flush()
            os.fsync(target.fileno())


@contextmanager
def opened(file: BinaryIO, size: int) -> Iterator[Archive]:
    """The archive in a file of so many bytes. What it declares is checked."""
    check_table(file, size)
    with _damage_is_said():
        zipped = zipfile.ZipFile(file)
    with zipped:
        entries = zipped.infolist()
        _check_entries(entries, size)
        yield Archive(zipped, entries)


@contextmanager
def _damage_is_said() -> Iterator[None]:
    try:
        yield
    except ExportError:
        raise
    except DAMAGE as error:
        raise ExportError(f"the archive is damaged: {one_line(str(error)) or type(error).__name__}") from None


def check_table(file: BinaryIO, size: int) -> None:
    """Raise ExportError where the zip is too large, or its list of entries missing or so long that it fills memory."""
    if size > MAX_BYTES:
        raise ExportError(f"an archive may have at most {MAX_BYTES:,} bytes, got {size:,}")
    file.seek(max(0, size - 65_577))
    data = file.read()
    file.seek(0)
    end = data.rfind(TABLE_END)
    if end < 0 or len(data) < end + 22:
        raise ExportError("the file is no zip archive, or its end is missing")
    if data[max(0, end - 20) : end].startswith(TABLE_END_64):
        raise ExportError("the archive must not be a zip64 file")
    n, length = int.from_bytes(data[end + 10 : end + 12], "little"), int.from_bytes(data[end + 12 : end + 16], "little")
    if n > MAX_ENTRIES or length > MAX_TABLE_BYTES:
        raise ExportError(f"an archive may hold at most {MAX_ENTRIES} files, got {n:,} in a list of {length:,} bytes")


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [entry.orig_filename for entry in entries]
    for entry, name in zip(entries, names, strict=True):
        if not NAME.fullmatch(name) or entry.filename != name:
            raise ExportError(f"the archive holds {shorten(name)}, which is no file of a run")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise ExportError(f"the archive holds {name} as a link or something else that is no plain file")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ExportError(f"{name} must be stored or deflated in the archive")
        most = MAX_JSON_BYTES if name in SMALL else MAX_CURVE_BYTES if name == CURVES else MAX_BYTES
        if entry.file_size > most:
            raise ExportError(f"{name} may have at most {most:,} bytes, got {entry.file_size:,}")
    if len(set(names)) < len(names):
        raise ExportError("the archive holds two files of the same name")
    most, total = min(MAX_BYTES, max(FEW_BYTES, MAX_RATIO * size)), sum(entry.file_size for entry in entries)
    if total > most:
        raise ExportError(f"an archive of {size:,} bytes may unpack to at most {most:,}, this one declares {total:,}")
