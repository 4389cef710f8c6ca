"""Files of runs, spoilt: bytes flipped, values that cannot be, tables that lie, checksums set right again."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from nn_core import Dataset, RunConfig, Trainer
from nn_core.export import export, from_store, to_archive
from nn_core.store.files import pack
from nn_core.store.recorder import Recorder
from nn_core.store.run_store import RunStore
from nn_core.store.run_writer import RunWriter

RUN_ID = "0badc0de"
CONFIG = RunConfig(hidden=(3,), n_train=200, batch_size=50, normalization="batch", optimizer="adam", eval_every=1)
INF = float("inf")
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 0.5, 1, 1.0, 2**31, 2**63, 2**64, 10**15, 10**18, 10**400, -(10**400)),
    *(INF, -INF, float("nan"), 1e308, -0.0, "", "x", "3", "\0", "../..", "\ud800", "é" * 300, "x" * 3_000),
    *([], {}, [1], [[[]]], {"a": 1}, [None] * 4, "NaN", "training", "mnist", "relu", "adamw"),
)


def a_run(folder: Path, data: Dataset) -> RunStore:
    """A store with one small run that was changed while it trained."""
    store = RunStore(folder)
    trainer = Trainer(CONFIG, data)
    recorder = Recorder(trainer, RunWriter(store, RUN_ID, data))
    for step in range(4):
        trainer.step()
        recorder.note()
        if step == 1:
            trainer.change("lr", 0.02)
    recorder.keep("paused")
    store.rename(RUN_ID, "a name")
    return store


def originals(folder: Path, data: Dataset) -> tuple[dict[str, bytes], bytes]:
    """The files in a run's archive, and the weights of that run as safetensors."""
    store = a_run(folder, data)
    with zipfile.ZipFile(io.BytesIO(to_archive(store, RUN_ID))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return files, export(from_store(store, RUN_ID), "safetensors", lambda: data)


def zipped(files: dict[str, bytes]) -> bytes:
    """An archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------- bytes and values


def bytes_spoilt(data: bytes, rng: random.Random) -> bytes:
    """Some bytes flipped, cut out, doubled or put in."""
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(spoilt) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            del spoilt[at : at + rng.choice((1, 4, 100))]
        elif kind == 1:
            spoilt[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
        elif kind == 2:
            spoilt[at:at] = spoilt[at : at + 50]
        elif spoilt:
            spoilt[at % len(spoilt)] = rng.randrange(256)
    return bytes(spoilt) if rng.random() > 0.2 else bytes(spoilt[: rng.randrange(len(spoilt) + 1)])


def value_spoilt(value: Any, rng: random.Random) -> Any:
    """The same JSON value with another one somewhere in it, or with something missing or added."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(list(value))
        other = {**value, name: value_spoilt(value[name], rng)}
        if rng.random() < 0.1:
            del other[name]
        return {**other, "more": rng.choice(VALUES)} if rng.random() < 0.05 else other
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], value_spoilt(value[at], rng), *value[at + 1 :]]
    if isinstance(value, str) and value[:1] == "{" and rng.random() < 0.7:  # settings as text
        return json.dumps(value_spoilt(json.loads(value), rng))
    return rng.choice(VALUES)


def deep(rng: random.Random) -> bytes:
    """JSON that is nested too deeply."""
    return rng.choice((b"[", b'{"a":')) * rng.choice((900, 20_000, 100_000))


# ---------------------------------------------------------------------------------------------- files of a run


def json_spoilt(content: bytes, rng: random.Random) -> bytes:
    """A small file, or the lines of the curves."""
    if rng.random() < 0.05:
        return deep(rng)
    lines = content.splitlines() if content.count(b"\n{") else [content]
    at = rng.randrange(len(lines))
    if len(lines[at]) > 10_000:  # it was spoilt before
        return deep(rng)
    lines[at] = json.dumps(value_spoilt(json.loads(lines[at]), rng)).encode()
    return b"\n".join(lines)


def tensors_spoilt(content: bytes, rng: random.Random) -> bytes:
    """A checkpoint or a frame whose state or arrays are others, under a right checksum."""
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    state, arrays = json.loads(metadata["state"]), dict(load(content))
    if rng.random() < 0.7:
        state = value_spoilt(state, rng)
    else:
        name = rng.choice(list(arrays))
        arrays[name] = array_spoilt(arrays[name], rng)
    return pack(metadata["format"].removeprefix("glassnet "), state, arrays)


def array_spoilt(array: np.ndarray, rng: random.Random) -> np.ndarray:
    """Another type, shape or content."""
    kind = rng.randrange(6)
    if kind < 3 and array.size:
        array = array.copy()
        with np.errstate(over="ignore"):
            values = np.array([np.nan, np.inf, 1e30]).astype(array.dtype) if array.dtype.kind == "f" else [-9] * 3
        array.reshape(-1)[rng.randrange(array.size)] = values[kind]
        return array
    if kind == 3:
        return array.astype(rng.choice((np.float64, np.int64, np.uint8, np.bool_, np.float16)))
    return array[:-1] if kind == 4 and array.ndim else array.reshape(-1, 1)


def weights_spoilt(data: bytes, rng: random.Random) -> bytes:
    """A file of weights whose table or arrays are others."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if rng.random() < 0.3:
        arrays = dict(load(data))
        name = rng.choice(list(arrays))
        arrays[name] = array_spoilt(arrays[name], rng)
        if rng.random() < 0.3:
            arrays[rng.choice(("dense9.W", "conv1.W", "x", ""))] = arrays.pop(name)
        return save(arrays, header["__metadata__"])
    text = deep(rng) if rng.random() < 0.05 else json.dumps(value_spoilt(header, rng)).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def forged(files: dict[str, bytes], weights: bytes, rng: random.Random) -> tuple[bytes, str]:
    """One file to bring in, spoilt in one of many ways, and its name."""
    way = rng.random()
    if way < 0.15:
        return weights_spoilt(weights, rng), "w.safetensors"
    if way < 0.25:
        return bytes_spoilt(weights, rng), "w.safetensors"
    if way < 0.4:
        return bytes_spoilt(zipped(files), rng), "a.zip"
    name = rng.choice(list(files))
    spoil: Callable[[bytes, random.Random], bytes] = json_spoilt if ".json" in name else tensors_spoilt
    if way < 0.5:
        spoil = bytes_spoilt
    return zipped({**files, name: spoil(files[name], rng)}), "a.zip"
