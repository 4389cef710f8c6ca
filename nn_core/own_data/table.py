"""Tables of numbers as Kaggle and others give them: a row an image, the label in the first or last column."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

import numpy as np

from nn_core.config.errors import shorten
from nn_core.data import Bytes, DataError
from nn_core.own_data.found import MOST_BYTES, MOST_IMAGES, Found, Source, check_size, classes_of, stem

LABEL_NAMES = ("label", "class", "target", "y", "digit", "letter")
MOST_COLUMNS = 64 * 64 + 1


def read_table(source: Source) -> Found:
    """The images in a CSV file, with or without a header. Raises DataError; at most MOST_BYTES of pixels are kept."""
    with source.open() as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
        try:
            return _read(source.name, text)
        except csv.Error as error:
            raise DataError(f"{shorten(source.name)} is no table of numbers: {error}") from None
        finally:
            text.detach()


def _read(name: str, text: io.TextIOWrapper) -> Found:
    start = text.read(4096)
    text.seek(0)
    rows = csv.reader(text, delimiter=max(",;\t", key=start.count))
    first = next(rows, None)
    if first is None or not 2 <= len(first) <= MOST_COLUMNS:
        raise DataError(f"{shorten(name)} is no table of images: its first line must have a label and a number a pixel")
    header = None if all(_is_number(cell) for cell in first[1:-1]) else [cell.strip().lower() for cell in first]
    side = math.isqrt(len(first) - 1)
    if side * side != len(first) - 1:
        raise DataError(
            f"{shorten(name)}: a row must have a label and the pixels of a square image, such as 1 + 784 columns, got "
            f"{len(first):,}{_without_label(len(first))}"
        )
    check_size(name, side, side)
    at, why = _label_column(header, first)
    labels: list[str] = []
    pixels: list[Bytes] = []
    were_shares: list[bool] = []
    most = MOST_BYTES // (side * side)
    n_rows = 0
    for line, row in _lines(rows, None if header else first):
        n_rows += 1
        if n_rows > MOST_IMAGES:
            raise DataError(f"{shorten(name)}: a table may have at most {MOST_IMAGES:,} rows")
        if len(labels) == most:
            continue
        label, numbers, is_share = _parsed(name, line, row, at, len(first))
        labels.append(label)
        pixels.append(numbers)
        were_shares.append(is_share)
    if not labels:
        raise DataError(f"{shorten(name)} holds no images")
    images = np.stack(pixels).reshape(-1, side, side)
    if any(were_shares) or images.max() <= 1:  # then 0 and 1 are shares too
        images[~np.array(were_shares)] *= 255
    of, classes = classes_of(_as_labels(labels), name)
    cut = (
        f"Of its {n_rows:,} rows the first {most:,} are taken: more would not fit into memory." if n_rows > most else ""
    )
    said = f"{'A header and ' if header else ''}{n_rows:,} rows of {side} x {side} pixels; the label is in {why}."
    return Found(stem(name), images, of, classes, 0, tuple(filter(None, (said, cut))))


def _lines(rows: Iterator[list[str]], first: list[str] | None) -> Iterator[tuple[int, list[str]]]:
    if first is not None:
        yield 1, first
    for number, row in enumerate(rows, start=2):
        if row:
            yield number, row


def _without_label(n: int) -> str:
    return " (are there labels in it? a square image without one has as many)" if math.isqrt(n) ** 2 == n else ""


def _label_column(header: list[str] | None, first: list[str]) -> tuple[int, str]:
    """Where the label stands, and how that was told."""
    if header:
        for at, where in ((0, "the first column"), (-1, "the last column")):
            if header[at] in LABEL_NAMES:
                return at, f"{where}, {shorten(header[at])}"
        return 0, "the first column"
    is_last = _is_number(first[0]) and not _is_number(first[-1])
    if not is_last and _is_number(first[0]) and _is_number(first[-1]):  # a corner of an image is seldom inked
        is_last = float(first[0]) == 0 and float(first[-1]) != 0
    return (-1, "the last column") if is_last else (0, "the first column")


def _parsed(name: str, line: int, row: list[str], at: int, n_columns: int) -> tuple[str, Bytes, bool]:
    """The label, the pixels, and whether those were shares of 1, which are stretched to 255."""
    if len(row) != n_columns:
        raise DataError(f"{shorten(name)}, line {line:,}: {n_columns:,} columns were expected, got {len(row):,}")
    label = row[at].strip()
    if not label or label.lower() == "nan":
        raise DataError(f"{shorten(name)}, line {line:,}: the label is missing")
    cells = row[1:] if at == 0 else row[:-1]
    try:
        numbers = np.array(cells, np.float32)
    except ValueError:
        bad = next((cell for cell in cells if not _is_number(cell)), "")
        raise DataError(f"{shorten(name)}, line {line:,}: a pixel must be a number, got {shorten(bad)}") from None
    if not np.isfinite(numbers).all():
        raise DataError(f"{shorten(name)}, line {line:,}: a pixel is not a number, or infinite")
    if numbers.min() < 0 or numbers.max() > 255:
        raise DataError(
            f"{shorten(name)}, line {line:,}: pixels must be in [0, 1] or [0, 255], got {numbers.min():g} to "
            f"{numbers.max():g}"
        )
    is_share = numbers.max() <= 1 and bool((numbers != np.rint(numbers)).any())
    return label, np.rint(numbers * np.float32(255) if is_share else numbers).astype(np.uint8), is_share


def _as_labels(labels: list[str]) -> np.ndarray:
    """Whole numbers where all are, else words."""
    try:
        numbers = np.array(labels, np.float64)
        if np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all():
            return numbers.astype(np.int64)
    except ValueError:
        pass
    return np.array(labels)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
