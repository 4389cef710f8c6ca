"""Writes a whole run into one .zip of the files in its folder (an archive), and reads such a file into the store.

An archive may come from anyone, so it is checked twice: before it is unpacked, by the number, names and declared sizes
of its entries; and before it joins the other runs, when every file must be readable and the run must be able to go on.
Nothing in it is executed, and only the names of a run's own files are written to the disk.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import shutil
import stat
import time
import zipfile
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig
from nn_core.data import DataError, load_dataset
from nn_core.export.source import ExportError, one_line
from nn_core.machine.disk import reason, sync_folder, write_file
from nn_core.nn.network import shapes_of
from nn_core.store.files import ArchiveError
from nn_core.store.opened_run import OpenedRun
from nn_core.store.run_folder import CHECKPOINT, FRAME, RunFolder
from nn_core.store.run_store import MAX_NAME, RUN_ID, RunStore, new_id
from nn_core.store.summary import parent_to_json, summary_of
from nn_core.training.state import Checkpoint, Parent
from nn_core.training.trainer import Trainer

KIND, VERSION = "glassnet run", 1
MAX_BYTES = 256_000_000  # of the file, and of all that is in it
MAX_ENTRIES = 128  # 64 frames, some checkpoints, five other files
MAX_TABLE_BYTES = 200 * MAX_ENTRIES  # of the list of entries, which stands at the end of a zip
MAX_JSON_BYTES = 1_000_000  # of each file in SMALL
TABLE_END, TABLE_END_64 = b"PK\x05\x06", b"PK\x06\x07"  # begin the record after that list, in a zip and in a zip64
SMALL = ("manifest.json", "config.json", "summary.json", "label.json")
NAME = re.compile(
    rf"{'|'.join(map(re.escape, (*SMALL, 'metrics.jsonl')))}|checkpoints/{CHECKPOINT.pattern}|frames/{FRAME.pattern}"
)
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
    run_id, damaged = opened.id, set()
    for file in opened.files:
        try:
            opened.read(file)
        except ArchiveError:
            damaged.add(f"checkpoints/{file.path.name}")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json*"))
    names += sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.safetensors"))
    names = [name for name in names if NAME.fullmatch(name) and name not in {"manifest.json", *damaged}]
    size = sum((folder / name).stat().st_size for name in names)
    if size > MAX_BYTES:
        raise ExportError(f"an archive may hold at most {MAX_BYTES:,} bytes, run {run_id} has {size:,}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        archive.writestr("manifest.json", json.dumps({"format": KIND, "version": VERSION, "id": run_id}))
        for name in names:
            archive.writestr(name, (folder / name).read_bytes())
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------- an archive into a run


def from_archive(data: bytes, store: RunStore) -> str:
    """Add the run of an archive to the store and return its id, a new one where that id is taken.

    Raises ExportError, one sentence on what is wrong; the store is then unchanged.
    """
    if len(data) > MAX_BYTES:
        raise ExportError(f"an archive may have at most {MAX_BYTES:,} bytes, got {len(data):,}")
    files = _files(data)
    manifest = _json(files.get("manifest.json", b"{}"), "manifest.json")
    if manifest.get("format") != KIND:
        raise ExportError("the file is no archive of a run")
    if manifest.get("version") != VERSION:
        found = manifest.get("version")
        newer = "newer than this version reads: " if isinstance(found, int) and found > VERSION else ""
        raise ExportError(f"the archive is {newer}of format {shorten(found)}, and must be of format {VERSION}")
    place = store.folder / f".import-{secrets.token_hex(4)}"
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        _sweep(store.folder)
        for name, content in files.items():
            if name != "manifest.json":
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                write_file(place / name, content)
        _check(RunFolder(place), files)
        run_id = _free_id(store, manifest.get("id"))
        os.rename(place, store.folder / run_id)
        sync_folder(store.folder)
        return run_id
    except OSError as error:
        raise ExportError(f"the archive could not be written to {store.folder}: {reason(error)}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ExportError(f"the archive makes no sense: {one_line(str(error))}") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _files(data: bytes) -> dict[str, bytes]:
    """Name -> content of all entries. What the zip declares of them is checked before they are unpacked."""
    _check_table(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise ExportError(f"the archive is damaged: {one_line(str(error)) or type(error).__name__}") from None


def _check_table(data: bytes) -> None:
    """Raise ExportError where the zip's list of entries is missing, or so long that it could fill the memory."""
    end = data.rfind(TABLE_END, max(0, len(data) - 65_557))
    if end < 0 or len(data) < end + 22:
        raise ExportError("the file is no zip archive, or its end is missing")
    if data[max(0, end - 20) : end].startswith(TABLE_END_64):
        raise ExportError("the archive must not be a zip64 file")
    n, size = int.from_bytes(data[end + 10 : end + 12], "little"), int.from_bytes(data[end + 12 : end + 16], "little")
    if n > MAX_ENTRIES or size > MAX_TABLE_BYTES:
        raise ExportError(f"an archive may hold at most {MAX_ENTRIES} files, got {n:,} in a list of {size:,} bytes")


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.orig_filename for entry in entries]
    for entry, name in zip(entries, names, strict=True):
        mode = entry.external_attr >> 16
        if not NAME.fullmatch(name) or entry.filename != name:
            raise ExportError(f"the archive holds {shorten(name)}, which is no file of a run")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise ExportError(f"the archive holds {name} as a link or something else that is no plain file")
        if name in SMALL and entry.file_size > MAX_JSON_BYTES:
            raise ExportError(f"{name} may have at most {MAX_JSON_BYTES:,} bytes, got {entry.file_size:,}")
    if len(set(names)) < len(names):
        raise ExportError("the archive holds two files of the same name")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_BYTES:
        raise ExportError(f"an archive may unpack to at most {MAX_BYTES:,} bytes, this one declares {total:,}")


def _json(content: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ExportError(f"{name} in the archive is no JSON object")
    return value


# ---------------------------------------------------------------------------------------------- the files of the run


def _check(folder: RunFolder, files: dict[str, bytes]) -> None:
    """Read every file as the app would, and write the small ones anew from what was read, so that nothing odd stays."""
    about = _json(files.get("config.json", b"{}"), "config.json")
    opened, checkpoints = OpenedRun(folder), []
    for file in opened.files:
        try:
            checkpoints.append(opened.read(file))
        except ArchiveError as error:
            raise ExportError(f"the checkpoint of step {file.step:,} cannot be read: {error}") from None
    if not checkpoints:
        raise ExportError("the archive holds no checkpoint of the run")
    newest = checkpoints[0]
    identity = _resumed(checkpoints, about)
    _check_frames(folder, newest.config)
    parent, created = _parent(about.get("parent")), _seconds(about.get("created"))
    facts = {"created": created, "parent": parent_to_json(parent), "data": identity}
    machine = about.get("machine")
    machine = {str(k)[:40]: str(v)[:80] for k, v in machine.items()} if isinstance(machine, dict) else {}
    folder.write_json("config.json", {"version": 1, "config": newest.config.to_dict(), "machine": machine, **facts})
    status = _json(files.get("summary.json", b"{}"), "summary.json").get("status")
    status = status if status in ("paused", "finished", "diverged") else "paused"
    summary = summary_of(newest, status, folder.size(), parent)
    folder.write_json("summary.json", {"version": 1, **facts, **summary})
    label = _json(files.get("label.json", b"{}"), "label.json")
    name = one_line(str(label.get("name", "")))[:MAX_NAME]
    folder.write_json("label.json", {"name": name, "starred": label.get("starred") is True})


def _resumed(checkpoints: list[Checkpoint], about: dict[str, Any]) -> dict[str, str]:
    """Try to go on from each checkpoint; return name and identity of the run's data. Raises ExportError."""
    config = checkpoints[0].config
    if not config.dataset.isidentifier():
        raise ExportError(
            f"the run's data set is {shorten(config.dataset)}; an archive may name one of nn_core/data, not a path"
        )
    try:
        data = load_dataset(config.dataset)
        known = about.get("data")
        if isinstance(known, dict) and known.get("identity", data.identity) != data.identity:
            raise ExportError(f"the run was trained on other images than those of the data set {data.name} here")
        for checkpoint in checkpoints:
            checkpoint.check_counters()
            if checkpoint.config != config or not np.isfinite(checkpoint.arrays["params"]).all():
                raise ValueError("its settings or weights make no sense")
            trainer = Trainer.resume(replace(checkpoint, scores=None), data)
            trainer.model.logits(data.val_images[:1])
    except (DataError, ConfigError) as error:
        raise ExportError(f"the run cannot go on here: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ExportError(f"the run cannot go on from its checkpoint: {one_line(str(error))}") from None
    return {"name": data.name, "identity": data.identity}


def _check_frames(folder: RunFolder, config: RunConfig) -> None:
    wanted = shapes_of(config)
    steps = folder.frame_steps()
    frames = folder.read_frames(steps)
    if len(frames) < len(steps):
        raise ExportError("a frame in the archive cannot be read")
    for frame in frames:
        shapes = {name: values.shape for name, values in frame.arrays.items()}
        if shapes != wanted or any(values.dtype.kind != "f" for values in frame.arrays.values()):
            raise ExportError(f"the frame of step {frame.step:,} does not hold the weights of the run's network")


def _parent(value: Any) -> Parent | None:
    if not isinstance(value, dict) or not RUN_ID.fullmatch(str(value.get("run"))):
        return None
    step = value.get("step")
    return Parent(value["run"], step, value.get("exact") is True) if type(step) is int and step >= 0 else None


def _seconds(value: Any) -> float:
    """A time since 1970 that is not in the future, else now."""
    now = time.time()
    return float(value) if isinstance(value, int | float) and 0 < value <= now else now


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
