"""Writes a whole run into one .zip of the files in its folder (an archive), and reads such a file into the store.

An archive may come from anyone, so it is checked twice: while it is unpacked (unpacking.py), and before it joins the
other runs, when every file must be readable and the run must be able to go on. Nothing in it is executed, and only the
names of a run's own files are written to the disk.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.foreign import is_finite, table
from nn_core.data import DataError, load_dataset
from nn_core.export.source import ExportError, one_line
from nn_core.export.unpacking import CURVES, MANIFEST, MAX_BYTES, NAME, Archive, opened
from nn_core.machine.disk import reason, sync_folder
from nn_core.nn.network import shapes_of
from nn_core.store.curve_lines import lines_of
from nn_core.store.files import ArchiveError, read_checkpoint
from nn_core.store.opened_run import OpenedRun
from nn_core.store.run_folder import RunFolder
from nn_core.store.run_store import MAX_NAME, RUN_ID, RunStore, new_id
from nn_core.store.summary import parent_from_json, parent_to_json, summary_of
from nn_core.training.state import Checkpoint, Parent
from nn_core.training.trainer import Trainer

KIND, VERSION = "glassnet run", 1
OUTDATED_SECONDS = 3600.0  # a folder of an import that was cut off is removed when it is older
TRIES = 5  # to read the folder of a run that is being written


# ---------------------------------------------------------------------------------------------- a run into an archive


def to_archive(store: RunStore, run_id: str) -> bytes:
    """The archive of a run: curves, checkpoints and frames. Raises StoreError, and ExportError when it is too large.

    A checkpoint that cannot be read is left out, because the archive could not be imported with it.
    """
    folder = store.run_folder(run_id)
    for _ in range(TRIES):
        opened = store.open(run_id)
        _ = opened.newest  # so that it can be read
        with suppress(FileNotFoundError):  # a checkpoint made room for a newer one meanwhile
            return _zipped(folder.path, opened)
    raise ExportError(f"run {run_id} is being written too fast to be copied; pause it and try again")


def _zipped(folder: Path, opened: OpenedRun) -> bytes:
    run_id, readable = opened.id, []
    for file in opened.files:
        with suppress(ArchiveError):
            read_checkpoint(file.path)
            readable.append(file.path)  # a newer one would count points that the curves read here do not have
    others = (*folder.glob("*.json"), *folder.glob("frames/*.safetensors"))
    paths = [*readable, *(path for path in others if path.is_file() and not path.is_symlink())]
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    names = [name for name in names if NAME.fullmatch(name) and name != MANIFEST]
    size = sum((folder / name).stat().st_size for name in names)
    if size > MAX_BYTES:
        raise ExportError(f"an archive may hold at most {MAX_BYTES:,} bytes, run {run_id} has {size:,}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        archive.writestr(MANIFEST, json.dumps({"format": KIND, "version": VERSION, "id": run_id}))
        points = {name: series.points for name, series in opened.series().items()}
        archive.writestr(CURVES, "".join(f"{line}\n" for line in lines_of(points)))
        for name in names:
            archive.write(folder / name, name)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------- an archive into a run


def from_archive(file: BinaryIO, size: int, store: RunStore) -> str:
    """Add the run of an archive of so many bytes to the store; returns its id, a new one where that id is taken.

    Raises ExportError, one sentence on what is wrong; the store is then unchanged.
    """
    with opened(file, size) as archive, making_room(store) as place:
        manifest = archive.manifest()
        if manifest.get("format") != KIND:
            raise ExportError("the file is no archive of a run")
        if manifest.get("version") != VERSION:
            found = manifest.get("version")
            newer = "newer than this version reads: " if type(found) is int and found > VERSION else ""
            raise ExportError(f"the archive is {newer}of format {shorten(found)}, and must be of format {VERSION}")
        _unpack_and_check(archive, place)
        return join(place, manifest.get("id"), store)


@contextmanager
def making_room(store: RunStore) -> Iterator[Path]:
    """The path of a folder beside the runs, which is removed afterwards unless it has joined them."""
    place = store.folder / f".import-{secrets.token_hex(4)}"
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        _sweep(store.folder)
        place.mkdir()
        yield place
    except OSError as error:
        raise ExportError(f"the file could not be written to {store.folder}: {reason(error)}") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def join(place: Path, wanted: Any, store: RunStore) -> str:
    """Have the folder of a run join those of the store, under the id that is wanted if it is free. Raises OSError."""
    run_id = _free_id(store, wanted)
    os.rename(place, store.folder / run_id)
    sync_folder(store.folder)
    return run_id


def _unpack_and_check(archive: Archive, place: Path) -> None:
    try:
        archive.unpack(place)
        _check(RunFolder(place))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ExportError(f"the archive makes no sense: {one_line(str(error))}") from None


# ---------------------------------------------------------------------------------------------- the files of the run


def _check(folder: RunFolder) -> None:
    """Read every file as the app would, and write the small ones anew from what was read, so that nothing odd stays."""
    about, summary, label = (_json(folder, name) for name in ("config.json", "summary.json", "label.json"))
    history, _ = folder.curves()
    newest: Checkpoint | None = None
    for file in folder.checkpoint_files():
        try:
            checkpoint = read_checkpoint(file.path, lambda: history)
        except ArchiveError as error:
            raise ExportError(f"the checkpoint of step {file.step:,} cannot be read: {error}") from None
        if checkpoint.step != file.step:
            raise ExportError(f"the checkpoint of step {file.step:,} holds step {checkpoint.step:,}")
        if newest is not None and checkpoint.config != newest.config:
            raise ExportError("the checkpoints in the archive have different settings")
        newest = newest or checkpoint
    if newest is None:
        raise ExportError("the archive holds no checkpoint of the run")
    folder.write_points({name: series.points for name, series in history.series().items()})
    identity = _resumed(newest, about)
    _check_frames(folder, shapes_of(newest.config))
    parent, created = _parent(about.get("parent")), _seconds(about.get("created"))
    facts = {"created": created, "parent": parent_to_json(parent), "data": identity}
    machine = {str(key)[:40]: _fact(value) for key, value in table(about, "machine").items()}
    folder.write_json("config.json", {"version": 1, "config": newest.config.to_dict(), "machine": machine, **facts})
    status = summary.get("status")
    status = status if status in ("paused", "finished", "diverged") else "paused"
    folder.write_json("summary.json", {"version": 1, **facts, **summary_of(newest, status, folder.size(), parent)})
    name = one_line(str(label.get("name", "")))[:MAX_NAME]
    folder.write_json("label.json", {"name": name, "starred": label.get("starred") is True})


def _json(folder: RunFolder, name: str) -> dict[str, Any]:
    try:
        return folder.read_json(name)
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ExportError(f"{name} in the archive is no JSON object") from None


def _resumed(checkpoint: Checkpoint, about: dict[str, Any]) -> dict[str, str]:
    """Try to go on from a checkpoint; return name and identity of the run's data. Raises ExportError."""
    config = checkpoint.config
    if not config.dataset.isidentifier():
        raise ExportError(
            f"the run's data set is {shorten(config.dataset)}; an archive may name one of nn_core/data, not a path"
        )
    try:
        data = load_dataset(config.dataset)
        if table(about, "data").get("identity", data.identity) != data.identity:
            raise ExportError(f"the run was trained on other images than those of the data set {data.name} here")
        trainer = Trainer.resume(replace(checkpoint, scores=None), data)
        trainer.model.logits(data.val_images[:1])
    except (DataError, ConfigError) as error:
        raise ExportError(f"the run cannot go on here: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ExportError(f"the run cannot go on from its checkpoint: {one_line(str(error))}") from None
    return {"name": data.name, "identity": data.identity}


def _check_frames(folder: RunFolder, shapes: Mapping[str, tuple[int, ...]]) -> None:
    for step in folder.frame_steps():
        frames = folder.read_frames([step])  # one at a time
        if not frames:
            raise ExportError("a frame in the archive cannot be read")
        if not frames[0].fits(shapes):
            raise ExportError(f"the frame of step {step:,} does not hold the weights of the run's network")


def _parent(value: Any) -> Parent | None:
    with suppress(ValueError):
        return parent_from_json(value)
    return None


def _seconds(value: Any) -> float:
    """A time since 1970 that is not in the future, else now."""
    now = time.time()
    return float(value) if is_finite(value) and 0 < value <= now else now


def _fact(value: Any) -> int | str | None:
    """A fact about the computer as it was: a small whole number, a short text, or not known."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_number or value is None else str(value)[:80]


def _free_id(store: RunStore, wanted: Any) -> str:
    taken = {*store.ids(), *store.ids(trash=True)}
    if isinstance(wanted, str) and RUN_ID.fullmatch(wanted) and wanted not in taken:
        return wanted
    while (run_id := new_id()) in taken:
        pass
    return run_id


def _sweep(folder: Path) -> None:
    """Remove the folders of imports that were cut off."""
    for path in folder.glob(".import-*"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - OUTDATED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
