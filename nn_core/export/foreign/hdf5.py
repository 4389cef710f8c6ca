"""Weights in HDF5, as Keras saves them (.weights.h5, and the older .h5 of a whole model): arrays by name.

A file may come from anyone. Only arrays that lie in the file as they are, without filters, are read, and no link is
followed; how much they take is known before. Needs the package h5py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

from nn_core.config.errors import shorten
from nn_core.export.foreign.layers import Shape
from nn_core.export.source import ExportError, one_line
from nn_core.export.weights import MAX_FILE_BYTES
from nn_core.machine.memory import Array

MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_OBJECTS, MAX_DEPTH, MAX_TEXT = 1_000, 12, 200_000
FLOATS = (2, 4, 8)  # bytes a number
LEFT_OUT = ("optimizer", "seed_generator", "metrics", "loss_tracker", "top_level_model_weights")  # how names begin
OF_LAYER = {1: ("gamma",), 2: ("gamma", "beta"), 4: ("gamma", "beta", "moving_mean", "moving_variance")}
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, SystemError)


class Content(NamedTuple):
    """Arrays by names like "layers.dense.kernel", and the texts among the file's attributes."""

    arrays: dict[str, Array]
    texts: dict[str, str]


def read_hdf5(data: bytes) -> Content:
    """All arrays of numbers in the file but the optimizer's. Raises ExportError, one sentence."""
    if find_spec("h5py") is None:
        raise ExportError("Keras' weights need h5py to be read: pip install -r requirements-export.txt")
    import h5py

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            found = _Walk(file)
            arrays = dict(found.arrays(file, (), 0))
            return Content(arrays, _texts(file))
    except ExportError:
        raise
    except DAMAGE as error:
        raise ExportError(f"the HDF5 file is damaged: {one_line(str(error)) or type(error).__name__}") from None


def _texts(file: Any) -> dict[str, str]:
    """Those of fixed length, as `runs export` writes them: damage to a text of variable length crashes the library."""
    import h5py

    texts = {}
    for name in ("config", "version", "title", "step", "epoch"):
        if name not in file.attrs:
            continue
        about = file.attrs.get_id(name)
        if (
            about.shape == ()
            and isinstance(about.get_type(), h5py.h5t.TypeStringID)
            and not about.get_type().is_variable_str()
        ):
            texts[name] = bytes(file.attrs[name])[:MAX_TEXT].decode("utf-8", "replace")
    return texts


class _Walk:
    """Goes through the groups, and counts."""

    def __init__(self, file: Any) -> None:
        import h5py

        self._h5py, self._n_objects, self._n_bytes = h5py, 0, 0

    def arrays(self, group: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[str, Array]]:
        """The arrays in a group and below it."""
        if depth > MAX_DEPTH:
            raise ExportError(f"the groups of the file may be {MAX_DEPTH} deep at most")
        own: dict[str, Any] = {}
        for name in group:
            self._n_objects += 1
            if self._n_objects > MAX_OBJECTS:
                raise ExportError(f"the file may hold at most {MAX_OBJECTS:,} groups and arrays")
            if name.startswith(LEFT_OUT):
                continue
            if not isinstance(group.get(name, getlink=True), self._h5py.HardLink):
                raise ExportError(f"{shorten(name)} in the file is a link to elsewhere, which is not followed")
            below = group[name]
            if isinstance(below, self._h5py.Group):
                yield from self.arrays(below, (*path, name), depth + 1)
            elif isinstance(below, self._h5py.Dataset):
                own[name] = below
        yield from self._read(path, own)

    def _read(self, path: tuple[str, ...], own: dict[str, Any]) -> Iterator[tuple[str, Array]]:
        for name, dataset in own.items():
            self._check("/".join((*path, name)), dataset)
        shapes = {name: tuple(dataset.shape) for name, dataset in own.items()}
        numbered = path[-1:] == ("vars",)
        called = _of_numbers(shapes, "/".join(path)) if numbered else {name: name.partition(":")[0] for name in own}
        for name, dataset in own.items():
            yield ".".join((*(path[:-1] if numbered else path), called[name])), dataset[()]

    def _check(self, name: str, dataset: Any) -> None:
        layout = dataset.id.get_create_plist()
        kept_inside = layout.get_layout() in (self._h5py.h5d.CONTIGUOUS, self._h5py.h5d.COMPACT)
        if not kept_inside or layout.get_external_count():
            raise ExportError(f"{shorten(name)} must lie in the file as it is, not in pieces, compressed or elsewhere")
        kind = dataset.dtype
        if dataset.shape is None or kind.kind != "f" or kind.itemsize not in FLOATS:
            raise ExportError(f"{shorten(name)} must hold numbers of type float16, float32 or float64, got {kind}")
        self._n_bytes += dataset.size * kind.itemsize
        if self._n_bytes > MAX_FILE_BYTES:
            raise ExportError(f"the arrays of the file may take at most {MAX_FILE_BYTES:,} bytes")


def _of_numbers(shapes: dict[str, Shape], where: str) -> dict[str, str]:
    """Keras 3 numbers the arrays of a layer: kernel and bias, or those of a normalization."""
    if any(len(shape) > 1 for shape in shapes.values()):
        names: tuple[str, ...] = ("kernel", "bias")
    else:
        names = OF_LAYER.get(len(shapes), ())
    if (shapes and set(shapes) != {str(number) for number in range(len(shapes))}) or len(shapes) > len(names):
        raise ExportError(f"{shorten(where)} holds {len(shapes)} arrays, which make no layer that the network here has")
    return {str(number): name for number, name in enumerate(names[: len(shapes)])}
