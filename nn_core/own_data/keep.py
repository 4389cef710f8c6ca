"""Keeps a set in the form in which the project reads its own, under a name that ends in its hash; lists and deletes."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nn_core.config.errors import shorten
from nn_core.data import N_CLASSES, Bytes, DataError, Dataset, load_dataset
from nn_core.data.kept import kept_folder, kept_path
from nn_core.data.npz import ABOUT, LIMITS, identity_of
from nn_core.machine.disk import reason, write_file
from nn_core.own_data.found import Found
from nn_core.own_data.shaping import Choices, shaped

TEST_SHARE = 6  # one image in six is set apart for testing, where a set has no test images of its own: as in MNIST
SEED = 20_261_130


@dataclass(frozen=True, eq=False)
class Prepared:
    """A set as it will be kept: arrays by their names in the file, and the names of its classes."""

    arrays: dict[str, Bytes]
    classes: tuple[str, ...]
    remarks: tuple[str, ...]


def prepared(found: Found, choices: Choices) -> Prepared:
    """The set with these choices, split into training and test images. Raises DataError where it is too small."""
    images, labels, n_test = shaped(found, choices)
    counts = np.bincount(labels, minlength=len(choices.classes))
    if not counts.all():
        raise DataError(f"the class {choices.names[int(counts.argmin())]} has no images")
    places = np.arange(len(labels))
    test = places[len(labels) - n_test :] if n_test else _apart(labels)
    training = np.setdiff1d(places, test)
    remarks = []
    if not n_test:
        remarks.append(f"It has no test images of its own: {len(test):,} are set apart, of each class its share.")
    parts = {"train": training, "test": test}
    for split, (low, high) in LIMITS.items():
        part = parts[split]
        if len(part) < low:
            raise DataError(f"a set needs at least {low:,} {_WORDS[split]} images, this one has {len(part):,}")
        if len(part) > high:
            remarks.append(f"Of {len(part):,} {_WORDS[split]} images {high:,} are taken, at random.")
            parts[split] = np.sort(np.random.default_rng(SEED).permutation(part)[:high])
    arrays = {f"x_{split}": images[part] for split, part in parts.items()}
    arrays |= {f"y_{split}": labels[part] for split, part in parts.items()}
    return Prepared(arrays, tuple(name.strip()[:40] for name in choices.names), tuple(remarks))


_WORDS = {"train": "training", "test": "test"}


def _apart(labels: NDArray[np.generic]) -> NDArray[np.int64]:
    """A sixth of the images of each class, at random, always the same ones."""
    order = np.random.default_rng(SEED).permutation(len(labels))
    parts = [order[labels[order] == label] for label in range(N_CLASSES)]
    return np.sort(np.concatenate([part[: round(len(part) / TEST_SHARE)] for part in parts]))


def keep(found: Found, choices: Choices | None = None, title: str = "") -> Dataset:
    """Keep a set that was read, with choices other than the guess if there are any; it is loaded by its name then.

    The same images and labels are kept once. Raises DataError.
    """
    ready = prepared(found, choices or Choices.guessed(found))
    name = f"{slug(title or found.title)}_{identity_of(ready.arrays)[:8]}"
    path = kept_path(name)
    assert path is not None
    about = json.dumps({"title": (title or found.title)[:80], "class_names": ready.classes})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key, array in ready.arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        archive.writestr(ABOUT, about)
    try:
        kept_folder().mkdir(parents=True, exist_ok=True)
        write_file(path, buffer.getvalue())
    except OSError as error:
        raise DataError(f"the set cannot be kept in {kept_folder()}: {reason(error).lower()}") from None
    return load_dataset(name)


def delete(name: str) -> None:
    """Delete a set that is kept. Raises DataError; runs on it can be looked at and not go on then."""
    path = kept_path(name)
    if path is None or not path.is_file():
        raise DataError(f"no data set of that name is kept, got {shorten(name)}")
    try:
        path.unlink()
    except OSError as error:
        raise DataError(f"{path} cannot be deleted: {reason(error).lower()}") from None


def slug(title: str) -> str:
    """A title as the beginning of a name: small letters, digits and underscores."""
    plain = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:30].strip("_")
    return plain if plain[:1].isalpha() else f"set_{plain}".rstrip("_")
