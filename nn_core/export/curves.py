"""Writes the curves of a run as CSV, as Parquet and as a TensorBoard event file: every point, in a row of its own.

Columns: series ("val/loss", ...; accuracies in [0, 1], losses in the unit of the loss function), step, epoch,
images, seconds, value.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nn_core.export.source import ExportSource

COLUMNS = ("series", "step", "epoch", "images", "seconds", "value")
Row = tuple[str, int, float, int, float, float]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # spreadsheets run a text that begins so


def rows(source: ExportSource) -> Iterator[Row]:
    """All points of all series."""
    for name, line in source.series.items():
        for step, epoch, images, seconds, value in line.points.tolist():
            yield name, int(step), epoch, int(images), seconds, value


def as_text(word: str) -> str:
    """A foreign word for a cell of a CSV: behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{word}" if word.startswith(FORMULA) else word


def to_csv(source: ExportSource) -> bytes:
    """A line of column names, then a row a point, with all digits.

    A name that spreadsheets would take for a formula gets an apostrophe in front; numbers stay numbers.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows((as_text(name), *numbers) for name, *numbers in rows(source))
    return text.getvalue().encode(errors="replace")


def to_parquet(source: ExportSource) -> bytes:
    """The same table as Parquet. Needs pandas and pyarrow."""
    import pandas as pd

    types = dict(zip(COLUMNS, ("str", "int64", "float64", "int64", "float64", "float64"), strict=True))
    table = pd.DataFrame(list(rows(source)), columns=list(COLUMNS)).astype(types)
    buffer = io.BytesIO()
    table.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def to_tensorboard(source: ExportSource) -> bytes:
    """An event file: every series as scalars, settings and dated verdicts as text. Needs the package tensorboardX."""
    from tensorboardX import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder, write_to_disk=True) as writer:
            settings = "\n".join(f"    {name}: {value}" for name, value in source.config.to_dict().items())
            writer.add_text("settings", settings, 0, walltime=source.created)
            verdicts = "\n".join(f"    steps {each.steps}: {each.verdict}: {each.why}" for each in source.events)
            if verdicts:
                writer.add_text("verdicts", verdicts, 0, walltime=source.created)
            for name, step, _, _, seconds, value in rows(source):
                writer.add_scalar(name, value, step, walltime=source.created + seconds)
        (file,) = Path(folder).iterdir()
        return file.read_bytes()
