"""The two kinds of files that hold a network: a checkpoint, from which training goes on, and a frame of the film.

Both are safetensors files: arrays by name, and among the metadata a JSON text for all that is no array, the version of
the format and a checksum. No code is ever read from them. safetensors checks its own header; the checksum, a SHA-256
over the text and the arrays, notices a flipped bit anywhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig, setting
from nn_core.machine.memory import Array
from nn_core.nn.network import count_params
from nn_core.training.film import Frame
from nn_core.training.history import History
from nn_core.training.state import Checkpoint, Edit, Scores, TrainingState

VERSION = 1
MAX_FILE_BYTES = 2_000_000_000  # a checkpoint of the largest network with three vectors an optimizer takes 0.6 GB


class ArchiveError(Exception):
    """A file that cannot be read or written; one sentence fragment that says why, without the file's name."""


# ---------------------------------------------------------------------------------------------- files


def pack(kind: str, state: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """A file of this kind ("checkpoint" or "frame") as bytes. `state` is JSON-ready. Raises ArchiveError."""
    try:
        from safetensors.numpy import save
    except ImportError:
        raise ArchiveError("the package safetensors is not installed") from None
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}  # safetensors scrambles others
    text = json.dumps(state)
    metadata = {"format": f"glassnet {kind}", "version": str(VERSION), "state": text, "sha256": _digest(text, solid)}
    return bytes(save(solid, metadata))


def unpack(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """State and arrays of a file of this kind. Raises ArchiveError, whatever the file holds, and OSError."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise ArchiveError("the package safetensors is not installed") from None
    if not 8 <= (size := path.stat().st_size) <= MAX_FILE_BYTES:
        raise ArchiveError(f"it has {size:,} bytes")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            _check_format(metadata, kind)
            arrays: dict[str, Array] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("sha256") != _digest(metadata["state"], arrays):
            raise ArchiveError("its content does not match its checksum")
        state = json.loads(metadata["state"])
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ArchiveError(f"it is damaged ({shorten(str(error))})") from None
    if not isinstance(state, dict):
        raise ArchiveError("its state is no JSON object")
    return state, arrays


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
            confusion.flags.writeable = False
            scores = Scores(**state["scores"], confusion=confusion)
        _check_shapes(config, arrays)
        return Checkpoint(
            **TrainingState.from_json(state, arrays),
            config=config,
            edits=edits_from_json(state["edits"]),
            inherited=int(state["inherited"]),
            history=history().first(state["n_points"]),
            batch_losses=tuple(map(float, state["batch_losses"])),
            scores=scores,
            stopped=str(state["stopped"]),
            stopped_early=bool(state["stopped_early"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # a ConfigError is a ValueError
        raise ArchiveError(f"it does not fit this version ({shorten(str(error))})") from None


def _check_shapes(config: RunConfig, arrays: Mapping[str, Array]) -> None:
    """Raise ConfigError where an array is missing or has another form than the network of these settings needs."""
    n = count_params(config)
    names = ["params", *(f"optimizer.{name}" for name in choices("optimizer")[config.optimizer].target.state_names)]
    for name in names:
        if name not in arrays or arrays[name].shape != (n,):
            raise ConfigError(f"{name} must have the shape ({n},)")
    for name in ("running", "best.params", "best.running"):
        if name not in arrays or arrays[name].ndim != 1:
            raise ConfigError(f"{name} is missing")


def edits_to_json(edits: tuple[Edit, ...]) -> list[list[Any]]:
    """[[step, setting, old, new], ...]."""
    return [[edit.step, edit.setting, edit.old, edit.new] for edit in edits]


def edits_from_json(rows: list[list[Any]]) -> tuple[Edit, ...]:
    """The inverse; raises ConfigError and ValueError."""
    return tuple(
        Edit(int(step), str(name), setting(name).check(old), setting(name).check(new)) for step, name, old, new in rows
    )


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
            step=int(state["step"]),
            epoch=float(state["epoch"]),
            images_seen=int(state["images_seen"]),
            seconds=float(state["seconds"]),
            arrays=arrays,
            exact=bool(state["exact"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArchiveError(f"it does not fit this version ({shorten(str(error))})") from None
