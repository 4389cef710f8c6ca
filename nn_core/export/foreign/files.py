"""Which kind of file of weights it is: safetensors, Keras' HDF5, Keras' .keras, or a pickle, which is never opened."""

from __future__ import annotations

import zipfile
from pathlib import PurePath
from typing import Any, BinaryIO

from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.export.architecture import NAMES, VERSION
from nn_core.export.foreign.hdf5 import MAGIC, read_hdf5
from nn_core.export.foreign.keras_config import facts_of
from nn_core.export.foreign.network import Foreign, understood
from nn_core.export.foreign.questions import Answers
from nn_core.export.source import ExportError, one_line
from nn_core.export.unpacking import DAMAGE, FEW_BYTES, MANIFEST, MAX_JSON_BYTES, MAX_RATIO, check_table
from nn_core.export.weights import MAX_FILE_BYTES, Imported, arrays_of, counters, declared, from_safetensors

ENDINGS = (".safetensors", ".h5", ".keras")
STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # of pickles of these protocols
PICKLES = (".pt", ".pth")
KERAS_WEIGHTS, KERAS_CONFIG = "model.weights.h5", "config.json"
NO_PICKLE = (
    "is a pickle, which can run any program when it is opened, so it is never read here. Where it was made, write its "
    "state_dict as safetensors: from safetensors.torch import save_file; save_file(model.state_dict(), "
    "'model.safetensors')"
)


def is_pickle(file_name: str, start: bytes) -> bool:
    """By its ending, or by how its eight bytes begin; those of safetensors, a length, have zeros behind."""
    return file_name.lower().endswith(PICKLES) or (start.startswith(STARTS) and start[3:8] != bytes(5))


def from_file(data: bytes, answers: Answers) -> Imported:
    """The network in safetensors or HDF5. Raises Ambiguous and ExportError."""
    return _from_hdf5(data, None, answers) if data.startswith(MAGIC) else _from_safetensors(data, answers)


def _from_safetensors(data: bytes, answers: Answers) -> Imported:
    shapes, metadata = declared(data)
    if any(NAMES.fullmatch(name) for name in shapes):
        return from_safetensors(data)
    return understood(Foreign(shapes, lambda: arrays_of(data), **_said(metadata)), answers)


def _from_hdf5(data: bytes, config: bytes | None, answers: Answers) -> Imported:
    arrays, texts = read_hdf5(data)
    facts, remarks = facts_of(config) if config is not None else ({}, ())
    shapes = {name: values.shape for name, values in arrays.items()}
    return understood(Foreign(shapes, lambda: arrays, facts, remarks=remarks, **_said(texts)), answers)


def _said(metadata: dict[str, Any]) -> dict[str, Any]:
    """What a file that was exported here says of itself; nothing where that makes no sense."""
    if metadata.get("version") != VERSION or "config" not in metadata:
        return {}
    try:
        settings = RunConfig.from_json(str(metadata["config"]))
    except ConfigError:
        return {}
    step, epoch = counters(metadata)
    return {"settings": settings, "title": one_line(str(metadata.get("title", ""))), "step": step, "epoch": epoch}


# ---------------------------------------------------------------------------------------------- zip files


def from_zip(file: BinaryIO, size: int, answers: Answers) -> Imported | None:
    """The network in a .keras file, or in a zip with one file of weights; None for any other zip."""
    check_table(file, size)
    try:
        with zipfile.ZipFile(file) as zipped:
            names = zipped.namelist()
            if any(PurePath(name).name == "data.pkl" for name in names):
                raise ExportError(f"the file {NO_PICKLE}")
            weights = [name for name in names if name.endswith(ENDINGS[:2])]
            if MANIFEST in names or len(weights) != 1:
                return None
            data = _unpacked(zipped, weights[0], min(MAX_FILE_BYTES, max(FEW_BYTES, MAX_RATIO * size)))
            if weights != [KERAS_WEIGHTS] or KERAS_CONFIG not in names:
                return from_file(data, answers)
            return _from_hdf5(data, _unpacked(zipped, KERAS_CONFIG, MAX_JSON_BYTES), answers)
    except (*DAMAGE, OSError) as error:
        if isinstance(error, ExportError | ConfigError):
            raise
        raise ExportError(f"the zip is damaged: {one_line(str(error)) or type(error).__name__}") from None


def _unpacked(zipped: zipfile.ZipFile, name: str, most: int) -> bytes:
    entry = zipped.getinfo(name)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ExportError(f"{one_line(name)} must be stored or deflated in the zip")
    if entry.file_size > most:
        raise ExportError(f"{one_line(name)} may have at most {most:,} bytes, got {entry.file_size:,}")
    with zipped.open(entry) as stream:
        return stream.read(most)
