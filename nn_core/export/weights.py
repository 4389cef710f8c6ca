"""Weights as .npz and as safetensors, and back from safetensors: names and shapes decide the architecture."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from nn_core.config import RunConfig, knob
from nn_core.export.parcel import ExportError, Parcel, one_line
from nn_core.knobs import MAX_HIDDEN_LAYERS, ConfigError, shorten
from nn_core.models import N_CLASSES, N_PIXELS

Array = npt.NDArray[Any]

MAX_FILE_BYTES = 200_000_000  # six hidden layers of 2,048 units are 91 MB, 182 MB in float64
MAX_HEADER_BYTES = 200_000
KIND, VERSION = "glassnet-weights", "1"  # in the metadata of our own files
SIZES = {"F16": 2, "F32": 4, "F64": 8}  # bytes a number, of the types that are taken
NAMES = re.compile(r"(dense|norm)([1-9])\.(W|b|gamma|beta|mean|var)")


def to_npz(parcel: Parcel) -> bytes:
    """The arrays under their names ("dense1.W", ...), for `numpy.load`."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = dict(parcel.weights)
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def to_safetensors(parcel: Parcel) -> bytes:
    """The arrays under their names, with settings and step as metadata."""
    from safetensors.numpy import save

    metadata = {
        "format": KIND,
        "version": VERSION,
        "title": parcel.title,
        "config": parcel.config.to_json(),
        "step": str(parcel.step),
        "epoch": f"{parcel.epoch:.6f}",
        "weights": "as trained" if parcel.exact else "rounded to half precision",
    }
    # arrays that are not contiguous would be written scrambled
    return save({name: np.ascontiguousarray(values) for name, values in parcel.weights.items()}, metadata)


# ---------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, eq=False)
class Imported:
    """What a file of weights holds: the settings of its network, float32 arrays by name, a title, and remarks on it."""

    config: RunConfig
    weights: Mapping[str, Array]
    title: str
    step: int  # updates that the file says were made, 0 where it says nothing
    epoch: float
    remarks: tuple[str, ...]  # sentences on what the file did not say


def from_safetensors(data: bytes) -> Imported:
    """The network in the bytes of a safetensors file; raises ExportError, one sentence on what does not fit.

    The declared names, types and shapes are checked before any array is made.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ExportError(f"the file of weights must be at most {MAX_FILE_BYTES:,} bytes, got {len(data):,}")
    shapes, metadata = _declared(data)
    hidden, normalization = _architecture(shapes)
    config, remarks = _settings(metadata, hidden, normalization)
    weights = {name: _float32(name, values) for name, values in _arrays(data).items()}
    return Imported(config, weights, one_line(str(metadata.get("title", ""))), *_counters(metadata), tuple(remarks))


def _counters(metadata: Mapping[str, Any]) -> tuple[int, float]:
    """Step and epoch from the metadata, 0 where they make no sense."""
    step, epoch = str(metadata.get("step", "")), str(metadata.get("epoch", ""))
    if not re.fullmatch(r"\d{1,9}", step) or not re.fullmatch(r"\d{1,6}(\.\d{1,9})?", epoch):
        return 0, 0.0
    return int(step), float(epoch)


def _declared(data: bytes) -> tuple[dict[str, tuple[int, ...]], dict[str, Any]]:
    """Name -> shape of every tensor, and the metadata, from the header alone.

    The header is JSON after its own length in eight bytes; it gives each tensor's type, shape and place.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or length > len(data) - 8:
        raise ExportError("the file is no safetensors file, or its end is missing")
    if length > MAX_HEADER_BYTES:
        raise ExportError(f"the header of the file must be at most {MAX_HEADER_BYTES:,} bytes, got {length:,}")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        raise ExportError("the file is no safetensors file: its header cannot be read") from None
    if not isinstance(header, dict):
        raise ExportError("the file is no safetensors file: its header is no table of tensors")
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
    if kind not in SIZES:
        raise ExportError(f"{shorten(name)} must be of type {', '.join(SIZES)}, got {shorten(kind)}")
    if math.prod(shape) * SIZES[kind] != stop - start:
        raise ExportError(f"{shorten(name)} of shape {shape} in {kind} does not take {stop - start:,} bytes")
    return shape, stop


def _architecture(shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[int, ...], str]:
    """The hidden sizes and the normalization that names and shapes describe."""
    for name in shapes:
        if not NAMES.fullmatch(name):
            raise ExportError(
                f"the network here has no weights called {shorten(name)}; their names are dense1.W, dense1.b, ... and "
                "norm1.gamma, norm1.beta, norm1.mean, norm1.var, ..."
            )
    n_layers = sum(name.endswith(".W") for name in shapes)
    if not 1 <= n_layers <= MAX_HIDDEN_LAYERS + 1:
        raise ExportError(f"the file must hold 1 to {MAX_HIDDEN_LAYERS + 1} layers, got {n_layers}")
    outputs = [shapes.get(f"dense{number}.W", (0, 0))[-1:] for number in range(1, n_layers)]
    hidden = tuple(size for shape in outputs for size in shape)
    high = int(knob("hidden").high)
    if len(hidden) < n_layers - 1 or not all(1 <= size <= high for size in hidden):
        raise ExportError(
            f"each hidden layer must have 1 to {high:,} units, got {'-'.join(map(str, hidden)) or 'none'}"
        )
    normalization = "none"
    if any(name.startswith("norm") for name in shapes):
        normalization = "batch" if any(name.endswith((".mean", ".var")) for name in shapes) else "layer"
    wanted = shapes_of(hidden, normalization)
    for name in (*wanted, *shapes):
        if shapes.get(name) != wanted.get(name):
            raise ExportError(
                f"{name} must have shape {wanted[name]} beside the other layers, got {shapes.get(name, 'none')}"
                if name in wanted
                else f"{name} does not belong to a network of {n_layers} layers with {normalization} normalization"
            )
    return hidden, normalization


def shapes_of(hidden: tuple[int, ...], normalization: str) -> dict[str, tuple[int, ...]]:
    """Name -> shape of all arrays of such a network."""
    sizes = (N_PIXELS, *hidden, N_CLASSES)
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        shapes |= {f"dense{number}.W": (n_in, n_out), f"dense{number}.b": (n_out,)}
    kept = {"none": (), "layer": ("gamma", "beta"), "batch": ("gamma", "beta", "mean", "var")}[normalization]
    for number, size in enumerate(hidden, start=1):
        shapes |= {f"norm{number}.{name}": (size,) for name in kept}
    return shapes


def _settings(metadata: Mapping[str, Any], hidden: tuple[int, ...], normalization: str) -> tuple[RunConfig, list[str]]:
    """The settings in the metadata of our own files, else the defaults around the architecture; remarks on them."""
    text = metadata.get("config")
    if text is None:
        config = RunConfig(hidden=hidden, normalization=normalization)
        return config, [
            "The file does not say its settings: activation "
            f"{config.activation} and input scaling {config.input_scaling} are assumed."
        ]
    if metadata.get("version") != VERSION:
        raise ExportError(f"the file must be of version {VERSION}, got {shorten(metadata.get('version'))}")
    try:
        config = RunConfig.from_json(str(text))
    except ConfigError as error:
        raise ExportError(f"the settings in the file are not usable: {error}") from None
    if (config.hidden, config.normalization) != (hidden, normalization):
        raise ExportError(
            f"the settings in the file say hidden {knob('hidden').format(config.hidden)} and normalization "
            f"{config.normalization}, its weights {knob('hidden').format(hidden)} and {normalization}"
        )
    if config.dataset.isidentifier():
        return config, []
    return config.replace(dataset="mnist"), ["The file names a path as its data set; MNIST is used."]


def _arrays(data: bytes) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except SafetensorError as error:
        raise ExportError(f"the file cannot be read: {one_line(str(error))}") from None


def _float32(name: str, values: Array) -> Array:
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ExportError(f"{name} holds numbers that are not finite in float32")
    if name.endswith(".var") and (values < 0).any():
        raise ExportError(f"{name} must not be negative: it is a variance")
    return values
