"""All 70,000 MNIST images, enlarged ten times, through `to_mnist`: how many come back exactly, and why not the others.

`python -m benchmarks.sketch_roundtrip` also counts the images from which the default takes specks, and what that costs
a trained network in accuracy; and what a stray dot costs, kept and dropped. Two minutes on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nn_core import RunConfig, Trainer, load_mnist
from nn_core.data.npz import DATA_DIR
from nn_core.sketch.to_mnist import to_mnist

Bytes = NDArray[np.uint8]
Run = Callable[[Callable[[Bytes], Bytes], Bytes], Bytes]  # (work, images) -> what the work makes of the images
Accuracy = Callable[[Bytes, Bytes], float]  # (images, labels) -> %

ENLARGED = 10  # times
BLOCK = 500  # images handed to a process at once
N_TRAIN = 60_000  # images before the test images
DOT_SIZES = (6, 12, 20, 28)  # pixels of 280
N_DOTTED = 2_000  # test images that get a dot


def enlarge(image: Bytes) -> Bytes:
    """(28, 28) -> (280, 280), each pixel a square."""
    return image.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


def through(images: Bytes, drop_specks: bool) -> Bytes:
    """What `to_mnist` makes of the enlarged images, (N, 28, 28)."""
    return np.stack([to_mnist(enlarge(image), drop_specks).image for image in images])


def through_with_dot(images: Bytes, drop_specks: bool, size: int) -> Bytes:
    """The same with a dot of `size` pixels across anywhere on the canvas: the same places for the same images."""
    rng = np.random.Generator(np.random.PCG64(int(images.sum())))
    side = 28 * ENLARGED
    y, x = np.ogrid[:side, :side]
    made = []
    for image in images:
        row, column = rng.uniform(size / 2, side - size / 2, 2)
        dot = (y - row) ** 2 + (x - column) ** 2 <= size**2 / 4
        made.append(to_mnist(np.maximum(enlarge(image), np.uint8(255) * dot), drop_specks).image)
    return np.stack(made)


def reason(image: Bytes) -> str:
    """Why an image cannot come back: MNIST's own normalisation left it at another size or place."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    if longer != 20:
        return f"its longer side is {longer} pixels, not 20"
    y, x = ((image.sum(axis=axis) @ np.arange(28.0)) / image.sum() + 0.5 for axis in (1, 0))
    return f"its centre of mass, y {y:.3f} x {x:.3f}, is not between 14 and 15, so it rounds to another pixel"


def report_exact(images: Bytes, labels: Bytes, plain: Bytes) -> None:
    """Prints how many images came back, and lists the others."""
    exact = (plain == images).all(axis=(1, 2))
    print(f"drop_specks=False: {exact.sum():,} of {len(images):,} come back exactly; the others:")
    for index in np.flatnonzero(~exact):
        place = f"x_train[{index}]" if index < N_TRAIN else f"x_test[{index - N_TRAIN}]"
        print(f"  {place} (a {labels[index]}): {reason(images[index])}")


def report_specks(images: Bytes, labels: Bytes, plain: Bytes, default: Bytes, accuracy: Accuracy) -> None:
    """Prints how many images lose specks by default, and the accuracy on what comes back."""
    changed = (default != plain).any(axis=(1, 2))
    print(f"by default {changed.sum():,} change because specks go, {changed[N_TRAIN:].sum()} of them test images")
    for name, part in {"test": slice(N_TRAIN, None), "training and validation": slice(0, N_TRAIN)}.items():
        before, after = accuracy(images[part], labels[part]), accuracy(default[part], labels[part])
        print(f"  accuracy, {name}: {before:.2f} % -> {after:.2f} % (lost: {before - after:.2f} points)")


def report_dots(images: Bytes, labels: Bytes, run: Run, accuracy: Accuracy) -> None:
    """Prints what a stray dot costs."""
    print(f"a stray dot on {len(images):,} test images ({accuracy(images, labels):.2f} % without), kept -> dropped:")
    for size in DOT_SIZES:
        kept, dropped = (run(partial(through_with_dot, drop_specks=drop, size=size), images) for drop in (False, True))
        print(f"  {size} px across: {accuracy(kept, labels):.2f} % -> {accuracy(dropped, labels):.2f} %")


def main() -> None:
    """Runs it all and prints it."""
    started = time.perf_counter()
    with np.load(DATA_DIR / "mnist.npz", allow_pickle=False) as file:
        images = np.concatenate([file["x_train"], file["x_test"]])
        labels = np.concatenate([file["y_train"], file["y_test"]])
    with ProcessPoolExecutor(2) as pool:

        def run(work: Callable[[Bytes], Bytes], subset: Bytes) -> Bytes:
            return np.concatenate(list(pool.map(work, np.array_split(subset, -(-len(subset) // BLOCK)))))

        def accuracy(subset: Bytes, truth: Bytes) -> float:
            return 100 * float(np.mean(trainer.model.predict_proba(subset).argmax(axis=1) == truth))

        plain = run(partial(through, drop_specks=False), images)
        report_exact(images, labels, plain)
        default = run(partial(through, drop_specks=True), images)
        config = RunConfig(hidden=(128,), epochs=6)
        trainer = Trainer(config, load_mnist())
        trainer.train_epochs(config.epochs)
        print(f"a network is trained: {config.title()}")
        report_specks(images, labels, plain, default, accuracy)
        report_dots(images[N_TRAIN:][:N_DOTTED], labels[N_TRAIN:][:N_DOTTED], run, accuracy)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
