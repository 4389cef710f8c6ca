"""The two kinds of files that hold a network: a checkpoint, from which training goes on, and a frame of the film.

Both are safetensors files: arrays by name, and among the metadata a JSON text for all that is no array, the version of
the format and a checksum. No code is ever read from them. safetensors checks its own header; the checksum, a SHA-256
over the text and the arrays, notices a flipped bit anywhere else.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config import foreign
from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig, setting
from nn_core.data.dataset import N_CLASSES
from nn_core.machine.disk import open_plain
from nn_core.machine.memory import Array
from nn_core.machine.packages import PackageMissing, need
from nn_core.nn.network import count_params, shapes_of
from nn_core.training.film import Frame
from nn_core.training.history import History
from nn_core.training.state import Checkpoint, Edit, Scores, TrainingState

VERSION = 1
MAX_SENTENCE = 1_000  # characters
MAX_TABLE_BYTES = 8_000_000  # of names, shapes and the state; a checkpoint with 10,000 changes has 1 MB
MAX_EDITS = 20_000
MAX_FILE_BYTES = 2_000_000_000  # a checkpoint of the largest network with three vectors an optimizer takes 0.6 GB


class ArchiveError(Exception):
    """A file that cannot be read or written; one sentence fragment that says why, without the file's name."""


# ---------------------------------------------------------------------------------------------- files


def pack(kind: str, state: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """A file of this kind ("checkpoint" or "frame") as bytes. `state` is JSON-ready. Raises ArchiveError."""
    try:
        save = need("safetensors.numpy", "runs on disk").save
    except PackageMissing as missing:
        raise ArchiveError(str(missing)) from None
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}  # safetensors scrambles others
    text = json.dumps(state)
    metadata = {"format": f"glassnet {kind}", "version": str(VERSION), "state": text, "sha256": _digest(text, solid)}
    return bytes(save(solid, metadata))


def unpack(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """State and arrays of a file of this kind. Raises ArchiveError, whatever the file holds, and OSError."""
    try:
        safetensors = need("safetensors", "runs on disk")
    except PackageMissing as missing:
        raise ArchiveError(str(missing)) from None
    _check_size(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            _check_format(metadata, kind)
            arrays: dict[str, Array] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("sha256") != _digest(metadata["state"], arrays):
            raise ArchiveError("its content does not match its checksum")
        return foreign.parse_object(metadata["state"], "its state"), arrays
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ArchiveError(f"it is damaged ({foreign.because(error)})") from None


def _check_size(path: Path) -> None:
    """Raise ArchiveError where the file, or the table at its beginning, is larger than any of ours."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        n_table = int.from_bytes(file.read(8), "little")
    if not 8 <= size <= MAX_FILE_BYTES:
        raise ArchiveError(f"it has {size:,} bytes")
    if n_table > MAX_TABLE_BYTES:
        raise ArchiveError(f"it is damaged (a table of {n_table:,} bytes)")


def _check_format(metadata: Mapping[str, str], kind: str) -> None:
    found = metadata.get("format")
    if found != f"glassnet {kind}":
        raise ArchiveError(f"it is no {kind} of Glassnet")
    version = metadata.get("version", "")
    if version != str(VERSION):
        newer = version.isdecimal() and int(version[:9]) > VERSION
        raise ArchiveError(
            f"its format is {'newer: ' if newer else ''}{version[:9]!r}, and this version reads {VERSION}"
        )


def _digest(text: str, arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


# ---------------------------------------------------------------------------------------------- checkpoints


def pack_checkpoint(checkpoint: Checkpoint) -> bytes:
    """All of a checkpoint but the points of its curves, which have their own file: only their numbers are noted."""
    scores = checkpoint.scores
    arrays = checkpoint.all_arrays()
    if scores is not None:
        arrays["scores.confusion"] = scores.confusion
    values = checkpoint.to_json()
    early_stopping = values.pop("early_stopping")  # which stands at the end of the text
    state = {
        "config": checkpoint.config.to_dict(),
        "edits": edits_to_json(checkpoint.edits),
        "inherited": checkpoint.inherited,
        **values,
        "n_points": {name: len(series) for name, series in checkpoint.history.series().items()},
        "batch_losses": [float(loss) for loss in checkpoint.batch_losses],
        "scores": None if scores is None else {k: v for k, v in asdict(scores).items() if k != "confusion"},
        "stopped": checkpoint.stopped,
        "stopped_early": checkpoint.stopped_early,
        "early_stopping": early_stopping,
    }
    return pack("checkpoint", state, arrays)


def read_checkpoint(path: Path, history: Callable[[], History] = History) -> Checkpoint:
    """The checkpoint in a file, with as many points of a history as it had. Raises ArchiveError and OSError.

    `history` is called after the file is read: a run's curves are written before its checkpoint, so what it gives then
    holds all points of this one.
    """
    state, arrays = unpack(path, "checkpoint")
    try:
        config = RunConfig.from_dict(state["config"])
        confusion = arrays.pop("scores.confusion", None)
        scores = None
        if confusion is not None:
            scores = _scores(state["scores"], confusion)
        _check_shapes(config, arrays)
        checkpoint = Checkpoint(
            **TrainingState.from_json(state, arrays),
            config=config,
            edits=edits_from_json(state["edits"]),
            inherited=foreign.whole(state, "inherited", len(state["edits"])),
            history=history().first(_counts(state["n_points"]), foreign.whole(state, "step")),
            batch_losses=_losses(state["batch_losses"]),
            scores=scores,
            stopped=foreign.text(state, "stopped", MAX_SENTENCE),
            stopped_early=foreign.flag(state, "stopped_early"),
        )
        checkpoint.check()
        return checkpoint
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # a ConfigError is a ValueError
        raise ArchiveError(f"it does not fit this version ({foreign.because(error)})") from None


def _scores(values: Any, confusion: Array) -> Scores:
    """Raises ValueError and TypeError."""
    if not isinstance(values, dict):
        raise ValueError(f"its scores must be an object, got {shorten(values)}")
    if confusion.shape != (N_CLASSES, N_CLASSES) or confusion.dtype != np.int64 or (confusion < 0).any():
        raise ValueError(f"its confusion must be counts of the shape ({N_CLASSES}, {N_CLASSES})")
    confusion.flags.writeable = False
    losses = {name: foreign.any_number(values, name) for name in ("train_loss", "val_loss", "l2")}
    accuracies = {name: foreign.share(values, name) for name in ("train_accuracy", "val_accuracy")}
    return Scores(step=foreign.whole(values, "step"), **losses, **accuracies, confusion=confusion)


def _counts(values: dict[str, Any]) -> dict[str, int]:
    return {name: foreign.whole(values, name) for name in values}


def _losses(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(map(foreign.is_finite, values)):
        raise ValueError("batch_losses must be finite numbers")
    return tuple(map(float, values))


def _check_shapes(config: RunConfig, arrays: Mapping[str, Array]) -> None:
    """Raise ConfigError where an array is missing or has another form than the network of these settings needs."""
    n = count_params(config)
    n_running = sum(map(math.prod, shapes_of(config).values())) - n
    of_optimizer = (f"optimizer.{name}" for name in choices("optimizer")[config.optimizer].target.state_names)
    wanted: dict[str, tuple[int, ...]] = {"params": (n,), "running": (n_running,), **dict.fromkeys(of_optimizer, (n,))}
    wanted |= {"best.params": (n, 0), "best.running": (n_running, 0)}  # empty before the first epoch has ended
    for name, lengths in wanted.items():
        array = arrays.get(name)
        if array is None or array.ndim != 1 or len(array) not in lengths or array.dtype.kind != "f":
            raise ConfigError(f"{name} must have the shape ({lengths[0]},)")
    for name in ("params", "running"):
        if not np.isfinite(arrays[name]).all():
            raise ConfigError(f"{name} must be finite numbers")


def edits_to_json(edits: tuple[Edit, ...]) -> list[list[Any]]:
    """[[step, setting, old, new], ...]."""
    return [[edit.step, edit.setting, edit.old, edit.new] for edit in edits]


def edits_from_json(rows: list[list[Any]]) -> tuple[Edit, ...]:
    """The inverse; raises ConfigError and ValueError."""
    if not isinstance(rows, list) or len(rows) > MAX_EDITS:
        raise ValueError(f"the changes must be a list of at most {MAX_EDITS:,}, got {shorten(rows)}")
    return tuple(_edit(*row) for row in rows)


def _edit(step: Any, name: Any, old: Any, new: Any) -> Edit:
    item = setting(name)
    if item.applies != "now":
        raise ConfigError(f"{name} cannot be changed while a network trains")
    return Edit(foreign.whole({"step": step}, "step"), item.name, item.check(old), item.check(new))


# ---------------------------------------------------------------------------------------------- frames


def pack_frame(frame: Frame) -> bytes:
    """A frame as a file."""
    state = {name: getattr(frame, name) for name in ("step", "epoch", "images_seen", "seconds", "exact")}
    return pack("frame", state, frame.arrays)


def read_frame(path: Path) -> Frame:
    """The frame in a file. Raises ArchiveError and OSError."""
    state, arrays = unpack(path, "frame")
    for array in arrays.values():
        array.flags.writeable = False
    try:
        return Frame(
            step=foreign.whole(state, "step"),
            epoch=foreign.real(state, "epoch"),
            images_seen=foreign.whole(state, "images_seen"),
            seconds=foreign.real(state, "seconds"),
            arrays=arrays,
            exact=foreign.flag(state, "exact"),
        )
    except ValueError as error:
        raise ArchiveError(f"it does not fit this version ({foreign.because(error)})") from None
