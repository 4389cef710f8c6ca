"""Writes weights as .npz and as safetensors, and reads safetensors: names and shapes tell the architecture."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.foreign import parse_object
from nn_core.config.run_config import RunConfig
from nn_core.export.architecture import VERSION, described
from nn_core.export.source import ExportError, ExportSource, one_line
from nn_core.machine.memory import Array
from nn_core.machine.packages import PackageMissing, need
from nn_core.nn.network import outline

MAX_FILE_BYTES = 200_000_000  # six hidden layers of 2,048 units are 91 MB, 182 MB in float64
MAX_HEADER_BYTES = 200_000
KIND = "glassnet-weights"  # in the metadata of our own files
SIZES = {"F16": 2, "F32": 4, "F64": 8}  # the types that are accepted, with their bytes a number
COUNTED, COUNT_SIZES = ".num_batches_tracked", {"I64": 8}  # PyTorch's count beside the running statistics


def to_npz(source: ExportSource) -> bytes:
    """The arrays under their names ("dense1.W", ...), for `numpy.load`."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = dict(source.weights)
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def to_safetensors(source: ExportSource) -> bytes:
    """The arrays under their names, with settings and step as metadata."""
    from safetensors.numpy import save

    # arrays that are not contiguous would be written scrambled
    arrays = {name: np.ascontiguousarray(values) for name, values in source.weights.items()}
    return save(arrays, {"format": KIND} | about(source))


def about(source: ExportSource) -> dict[str, str]:
    """What a file of weights says besides: settings, step, title."""
    return {
        "version": VERSION,
        "title": source.title,
        "config": source.config.to_json(),
        "step": str(source.step),
        "epoch": f"{source.epoch:.6f}",
        "weights": "as trained" if source.exact else "rounded to half precision",
    }


# ---------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, eq=False, repr=False)
class Imported:
    """What a file of weights holds: the settings of its network, float32 arrays by name, a title, and remarks on it."""

    config: RunConfig
    weights: Mapping[str, Array]
    title: str
    step: int  # as the file says, 0 where it says nothing
    epoch: float
    remarks: tuple[str, ...]  # sentences on what the file did not say

    def __repr__(self) -> str:
        return f"Imported({outline(self.config)}, step {self.step:,}: {self.title})"


def from_safetensors(data: bytes) -> Imported:
    """The network in a safetensors file; raises ExportError, one sentence on what does not fit.

    Names, types and shapes are checked in the file's header, before any array is made.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ExportError(f"the file of weights must be at most {MAX_FILE_BYTES:,} bytes, got {len(data):,}")
    shapes, metadata = declared(data)
    try:
        config, remarks = described(shapes, metadata.get("config"), metadata.get("version"))
    except ConfigError as error:
        raise ExportError(f"no network here has these weights: {error}") from None
    weights = {name: float32(name, values) for name, values in arrays_of(data).items()}
    return Imported(config, weights, one_line(str(metadata.get("title", ""))), *counters(metadata), tuple(remarks))


def counters(metadata: Mapping[str, Any]) -> tuple[int, float]:
    """Step and epoch from the metadata, 0 where they make no sense."""
    step, epoch = str(metadata.get("step", "")), str(metadata.get("epoch", ""))
    if not re.fullmatch(r"\d{1,9}", step) or not re.fullmatch(r"\d{1,6}(\.\d{1,9})?", epoch):
        return 0, 0.0
    return int(step), float(epoch)


def declared(data: bytes) -> tuple[dict[str, tuple[int, ...]], dict[str, Any]]:
    """Name -> shape of every tensor, and the metadata, from the header alone.

    The header is JSON after its own length in eight bytes; it gives each tensor's type, shape and place.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or length > len(data) - 8:
        raise ExportError("the file is no safetensors file, or its end is missing")
    if length > MAX_HEADER_BYTES:
        raise ExportError(f"the header of the file must be at most {MAX_HEADER_BYTES:,} bytes, got {length:,}")
    try:
        header = parse_object(data[8 : 8 + length], "its header")
    except ValueError:
        raise ExportError("the file is no safetensors file: its header is no table of tensors") from None
    metadata = header.pop("__metadata__", {})
    shapes, end = {}, 0
    for name, entry in header.items():
        shapes[name], stop = _entry(name, entry)
        end = max(end, stop)
    if end != len(data) - 8 - length:
        raise ExportError(f"the file declares {end:,} bytes of weights and holds {len(data) - 8 - length:,}")
    return shapes, metadata if isinstance(metadata, dict) else {}


def _entry(name: str, entry: Any) -> tuple[tuple[int, ...], int]:
    """The shape of one tensor as declared, and where its bytes end."""
    try:
        kind, shape, (start, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, start, stop))
    except (TypeError, ValueError, KeyError):
        whole = False
    if not whole:
        raise ExportError(f"the file does not say type, shape and place of the tensor {shorten(name)}")
    sizes = COUNT_SIZES if name.endswith(COUNTED) else SIZES
    if not isinstance(kind, str) or kind not in sizes:
        raise ExportError(f"{shorten(name)} must be of type {', '.join(sizes)}, got {shorten(kind)}")
    if math.prod(shape) * sizes[kind] != stop - start:
        raise ExportError(f"{shorten(name)} of shape {shape} in {kind} does not take {stop - start:,} bytes")
    return shape, stop


def arrays_of(data: bytes) -> dict[str, Array]:
    """The tensors of a safetensors file, as they are."""
    try:
        SafetensorError = need("safetensors", "Weights in files").SafetensorError
        load = need("safetensors.numpy", "Weights in files").load
    except PackageMissing as missing:
        raise ExportError(str(missing)) from None
    try:
        arrays: dict[str, Array] = load(data)
        return arrays
    except SafetensorError as error:
        raise ExportError(f"the file cannot be read: {one_line(str(error))}") from None


def float32(name: str, values: Array) -> Array:
    """As float32. Raises ExportError for what is not finite in it, and for a negative variance."""
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ExportError(f"{name} holds numbers that are not finite in float32")
    if name.endswith(".var") and (values < 0).any():
        raise ExportError(f"{name} must not be negative: it is a variance")
    return values
