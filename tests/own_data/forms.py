"""Files of images, byte for byte in the forms in which people have them, made without a download."""

from __future__ import annotations

import csv
import gzip
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def idx(array: np.ndarray) -> bytes:
    """An idx file of unsigned bytes, as MNIST's are."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def pair(folder: Path, images: np.ndarray, labels: np.ndarray, stem: str = "train", packed: bool = False) -> list[Path]:
    """Two idx files under the names that MNIST, Fashion-MNIST and KMNIST use."""
    paths = []
    for what, array in (("images-idx3", images), ("labels-idx1", labels)):
        path = folder / f"{stem}-{what}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(idx(array), 1) if packed else idx(array))
        paths.append(path)
    return paths


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def table(path: Path, images: np.ndarray, labels: np.ndarray, header: bool = True, last: bool = False) -> Path:
    """As Kaggle gives it: label, pixel0, ..., pixel783."""
    text = io.StringIO()
    rows = csv.writer(text)
    flat = images.reshape(len(images), -1)
    if header:
        names = [f"pixel{at}" for at in range(flat.shape[1])]
        rows.writerow([*names, "label"] if last else ["label", *names])
    for image, label in zip(flat.tolist(), labels.tolist(), strict=True):
        rows.writerow([*image, label] if last else [label, *image])
    path.write_text(text.getvalue())
    return path


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def pictures(path: Path, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> Path:
    """A zip with a folder a class, and what a Mac adds to it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/set/._x.png", b"")
        for at, (image, label) in enumerate(zip(images, labels, strict=True)):
            archive.writestr(f"set/{names[label]}/{at}.png", png(image))
    return path
