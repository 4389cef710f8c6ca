"""The images that a network learns from: MNIST, which lies beside this file, or any .npz of the same form.

A file holds x_train (n, 28, 28), y_train (n,), x_test (m, 28, 28) and y_test (m,), all uint8, with labels 0 to 9, n
from 300 to 60,000 and m from 50 to 10,000. A twelfth of the training images (5,000 of 60,000), each digit in
proportion, is set apart for validation, always the same ones. What cannot be trusted is refused with a DataError.
"""

from __future__ import annotations

import json
import math
import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nn_core.config.environment import DATASETS
from nn_core.config.errors import shorten
from nn_core.config.foreign import parse_json, parse_object
from nn_core.data.dataset import N_CLASSES, Bytes, DataError, Dataset
from nn_core.data.kept import kept_path
from nn_core.machine.disk import reason, write_file

if TYPE_CHECKING:
    import zipfile

DATA_DIR = Path(__file__).parent
VARIABLE = DATASETS.name  # where it is set, only the files that it names are read by their paths (: between them)
MNIST_SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
KEYS = tuple(MNIST_SHA256)
LIMITS = {"train": (300, 60_000), "test": (50, 10_000)}  # images, inclusive
MAX_FILE_BYTES = 64_000_000  # more than 70,000 images take without any compression
ABOUT = "about.json"  # in a file of own_data: what its classes are called
MOST_ABOUT = 10_000  # bytes of it
BLOCK = 500  # images read at once
SPLIT_SEED = 20_240_229


def load_mnist() -> Dataset:
    """The embedded MNIST (LeCun, Cortes & Burges). Raises DataError when its file is missing, cut short or altered."""
    return load_dataset("mnist")


def load_dataset(name_or_path: str | os.PathLike[str] = "mnist") -> Dataset:
    """The data set of that name in nn_core/data or among those kept, or of the .npz at that path (with / or .npz).

    A file called mnist.npz must be MNIST, array by array. While the file stays the same, the same object is handed out
    again, so that runs share its arrays. Raises DataError, also for a path that GLASSNET_DATASETS does not name.
    """
    path = _locate(os.fspath(name_or_path))
    try:
        resolved = path.resolve(strict=True)
        version = _version(resolved.stat())
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path} cannot be opened: {_reason(error)}") from None
    with _loading:  # two threads that ask at once get one copy
        return _load(path.stem, resolved, version)


def is_path(name_or_path: str) -> bool:
    """Whether it stands for a file by its path, not for a set by its name."""
    return name_or_path.endswith(".npz") or any(mark in name_or_path for mark in ("/", os.sep, os.altsep or os.sep))


def _locate(name_or_path: str) -> Path:
    if not is_path(name_or_path):
        return kept_path(name_or_path) or DATA_DIR / f"{name_or_path}.npz"
    named = DATASETS.read()
    if named is not None and name_or_path not in named.split(os.pathsep):
        raise DataError(f"on this server a data set is chosen by its name, not by a path, got {shorten(name_or_path)}")
    return Path(name_or_path)


# ---------------------------------------------------------------------------------------------- from file to splits

_loading = threading.Lock()


@dataclass(frozen=True)
class _Version:
    """What changes when a file is written again."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def _version(status: os.stat_result) -> _Version:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is not a regular file")
    return _Version(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@lru_cache(maxsize=2)  # an older file's arrays live on only as long as a run holds them
def _load(name: str, path: Path, version: _Version) -> Dataset:
    if version.size > MAX_FILE_BYTES:
        raise DataError(f"{path} has {version.size} bytes, and a file of this form has at most {MAX_FILE_BYTES}")
    import zipfile

    known_hashes = _read_stamp(path, version)
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            if _version(os.fstat(file.fileno())) != version:
                raise DataError(f"{path} changed while it was opened; try again")
            reader = _Reader(path, archive, hashing=known_hashes is None)
            train_labels, test_labels = reader.read("y_train"), reader.read("y_test")
            training, validation = _split(train_labels)
            order = np.concatenate([training, validation])
            images, test_images = reader.read("x_train", order), reader.read("x_test")
            class_names = _class_names(archive)
    except DataError:
        raise
    except Exception as error:  # arbitrary bytes make zipfile, zlib and NumPy raise nearly anything
        raise DataError(f"{path} is truncated or altered and cannot be read: {_reason(error)}") from error
    hashes = known_hashes or reader.hashes
    if name == "mnist":
        _check_mnist(path, hashes)
    if known_hashes is None:
        _write_stamp(path, version, hashes)
    labels, n = train_labels[order], len(training)
    arrays = images[:n], labels[:n], images[n:], labels[n:], test_images, test_labels
    for array in (images, labels, *arrays):
        array.flags.writeable = False
    return Dataset(name, _identity(hashes), class_names, *arrays)


def _split(labels: Bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indices of (training, validation) images, each in a random order; both the same for ever.

    Validation takes a twelfth of all, and of each class its share to within one image (largest remainders first).
    `random_raw` is used because NumPy may change what its distributions make of the generator's bits.
    """
    counts = np.bincount(labels, minlength=N_CLASSES)
    n_val = round(len(labels) / 12)
    quota, remainder = np.divmod(counts * n_val, len(labels))
    quota[np.argsort(-remainder, kind="stable")[: n_val - quota.sum()]] += 1
    bits = np.random.PCG64(SPLIT_SEED)
    order = np.argsort(bits.random_raw(len(labels)), kind="stable")
    in_validation = np.zeros(len(labels), bool)
    for label in range(N_CLASSES):
        of_class = order[labels[order] == label]
        in_validation[of_class[len(of_class) - quota[label] :]] = True  # the last ones: the first stay a random sample
    validation = np.flatnonzero(in_validation)
    return order[~in_validation[order]], validation[np.argsort(bits.random_raw(n_val), kind="stable")]


def _check_mnist(path: Path, hashes: dict[str, str]) -> None:
    altered = [key for key in KEYS if hashes[key] != MNIST_SHA256[key]]
    if altered:
        raise DataError(f"{path} is altered or is not MNIST: the SHA-256 of {', '.join(altered)} differs")


def identity_of(arrays: Mapping[str, Bytes]) -> str:
    """What `Dataset.identity` will be of a file that holds these arrays."""
    return _identity({key: _sha256(np.ascontiguousarray(arrays[key]).tobytes()).hexdigest() for key in KEYS})


def _class_names(archive: zipfile.ZipFile) -> tuple[str, ...]:
    """As the file calls them, one for each of ten outputs; digits where it does not say."""
    if ABOUT not in archive.namelist():
        return tuple("0123456789")
    with archive.open(ABOUT) as stream:
        names = parse_object(stream.read(MOST_ABOUT), ABOUT)["class_names"]
    known = [str(name)[:40] for name in names[:N_CLASSES]]
    if len(set(known)) != len(known) or not all(known):
        raise ValueError("its classes have no names of their own")
    return (*known, *(f"unused {number}" for number in range(len(known) + 1, N_CLASSES + 1)))


def _identity(hashes: dict[str, str]) -> str:
    return _sha256("".join(f"{key} {hashes[key]}\n" for key in KEYS).encode()).hexdigest()


# ---------------------------------------------------------------------------------------------- reading the archive


class _Reader:
    """Reads the arrays of one .npz in blocks, straight to the places where they stay: no array is in memory twice.

    All headers are checked before memory is taken for what they announce, and nothing is ever unpickled. zipfile checks
    each member's CRC when its end is reached. `hashes` fills with the SHA-256 of each array's bytes, if asked for.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile, hashing: bool) -> None:
        self.path, self.archive, self.hashing = path, archive, hashing
        self.hashes: dict[str, str] = {}
        self.shapes = {key: self._declared_shape(key) for key in KEYS}
        for split, (low, high) in LIMITS.items():
            n, *_ = self.shapes[f"y_{split}"] or (0,)
            for key, shape in {f"y_{split}": (n,), f"x_{split}": (n, 28, 28)}.items():
                if self.shapes[key] != shape or not low <= n <= high:
                    form = "(n,)" if len(shape) == 1 else "(n, 28, 28)"
                    limits = f"n from {low} to {high} as in y_{split}"
                    raise DataError(f"{path}: {key} must have shape {form} with {limits}, got {self.shapes[key]}")

    def read(self, key: str, order: NDArray[np.int64] | None = None) -> Bytes:
        """The array of that key; with `order`, what `array[order]` would be."""
        shape = self.shapes[key]
        n, row_bytes = shape[0], int(np.prod(shape[1:], dtype=int))
        place = np.arange(n)
        if order is not None:
            place[order] = np.arange(n)
        array = np.empty(shape, np.uint8)
        digest = _sha256(b"")
        with self.archive.open(f"{key}.npy") as stream:
            _read_header(stream)
            for first in range(0, n, BLOCK):
                places = place[first : first + BLOCK]
                block = stream.read(len(places) * row_bytes)
                array[places] = np.frombuffer(block, np.uint8).reshape(len(places), *shape[1:])
                if self.hashing:
                    digest.update(block)
        if key.startswith("y_") and array.max() >= N_CLASSES:
            raise DataError(f"{self.path}: {key} must hold labels from 0 to {N_CLASSES - 1}, got {array.max()}")
        if self.hashing:
            self.hashes[key] = digest.hexdigest()
        return array

    def _declared_shape(self, key: str) -> tuple[int, ...]:
        """The shape in an array's header, if it is a plain uint8 array of the very size that the archive announces."""
        import zipfile

        if f"{key}.npy" not in self.archive.namelist():
            found = ", ".join(sorted(name.removesuffix(".npy") for name in self.archive.namelist())[:8]) or "nothing"
            raise DataError(f"{self.path}: the array {key} is missing (it holds {found[:200]})")
        member = self.archive.getinfo(f"{key}.npy")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{self.path}: {key} is compressed in a way that np.savez never uses")
        with self.archive.open(member) as stream:
            shape, fortran_order, dtype = _read_header(stream)
            n_bytes = member.file_size - stream.tell()
        if dtype != np.uint8:
            raise DataError(f"{self.path}: {key} must be uint8, got {dtype}")
        if fortran_order:
            raise DataError(f"{self.path}: {key} must be in C order, got Fortran order")
        if n_bytes != math.prod(shape):
            raise DataError(f"{self.path}: {key} announces shape {shape}, but the archive holds {n_bytes} bytes of it")
        return shape


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """(shape, fortran_order, dtype) of the .npy whose data comes next in the stream; raises ValueError and others."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"the .npy format version {version} is unknown")
    shape, fortran_order, dtype = read[version](stream)
    return shape, fortran_order, dtype


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        return reason(error)
    return (str(error) or type(error).__name__).splitlines()[0][:200]


# ---------------------------------------------------------------------------------------------- hashes remembered


def _stamp_path(path: Path) -> Path:
    """Where the hashes of that file's last checked version are remembered; raises RuntimeError without a home."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = base if base.is_absolute() else Path.home() / ".cache"
    return folder / "glassnet" / f"{_sha256(os.fsencode(path)).hexdigest()[:16]}.json"


def _stamp_key(path: Path, version: _Version) -> dict[str, str | int]:
    return {"path": str(path), **vars(version)}


def _read_stamp(path: Path, version: _Version) -> dict[str, str] | None:
    """The arrays' hashes, if this version of the file has been checked before."""
    try:
        stamp = parse_json(_stamp_path(path).read_bytes())
        hashes = {key: str(stamp["sha256"][key]) for key in KEYS}
        same = stamp["file"] == _stamp_key(path, version)
    except (OSError, RuntimeError, ValueError, TypeError, LookupError):
        return None
    return hashes if same else None


def _write_stamp(path: Path, version: _Version, hashes: dict[str, str]) -> None:
    """Remembers the hashes, in one piece or not at all: without a stamp the next start just checks again (0.35 s)."""
    try:
        target = _stamp_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, json.dumps({"file": _stamp_key(path, version), "sha256": hashes}).encode())
    except (OSError, RuntimeError, ValueError):
        return


def _sha256(data: bytes) -> Any:
    import hashlib  # with zipfile the slowest to import of all that `import nn_core` would

    return hashlib.sha256(data)
