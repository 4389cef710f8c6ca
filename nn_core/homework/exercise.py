"""What a backprop is checked on: a batch of real digits and a network's weights, laid out as its author has them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.data import load_dataset
from nn_core.homework.backprop import Case, Gradients, random_case
from nn_core.homework.given import GivenError, collected, numbers
from nn_core.machine.memory import Array
from nn_core.nn.layers import Dense
from nn_core.nn.network import scale_pixels

TEXTBOOK = RunConfig(hidden=(10,))  # 784-10-10 with ReLU, softmax and cross-entropy
N_IMAGES = 32  # not 10, so that images and classes cannot be taken for one another
NOT_CHECKED = ("dropout", "label_smoothing", "l1", "label_noise", "clip_norm", "max_norm")


@dataclass(frozen=True, eq=False)
class Exercise:
    """A batch, a network's weights, and their layout: images in columns as in the textbook, or in `rows`.

    In columns X is (784, m), Y one-hot (10, m), W1 (n, 784), b1 (n, 1); in rows X is (m, 784), Y (m, 10), W1 (784, n),
    b1 (n,). `forward` and the gradients take and give these.
    """

    case: Case
    rows: bool = False

    def __repr__(self) -> str:
        return f"<Exercise on {len(self.case.x):,} images through {self.case.outline}, in {self.layout}>"

    @property
    def layout(self) -> str:
        """ "rows" or "columns": how images lie."""
        return "rows" if self.rows else "columns"

    @property
    def X(self) -> Array:
        """The images, float64 in [0, 1]."""
        return self._laid_out(self.case.x)

    @property
    def Y(self) -> Array:
        """The labels, one-hot."""
        return self._laid_out(np.eye(self.case.sizes[-1])[self.case.labels])

    @property
    def parameters(self) -> dict[str, Array]:
        """ "W1", "b1", "W2", ... copies."""
        found: dict[str, Array] = {}
        for at, (W, b) in enumerate(zip(self.case.weights, self.case.biases, strict=True), start=1):
            found |= {f"W{at}": self._laid_out(W), f"b{at}": b.copy() if self.rows else b[:, None].copy()}
        return found

    def gradients(self) -> Gradients:
        """Ours: "dW1", "db1", ..., by the layers, activations and losses of nn_core/nn, in float64."""
        grads = ours(self.case)
        return {
            name: self._laid_out(array) if "W" in name else array if self.rows else array[:, None]
            for name, array in grads.items()
        }

    def shape(self, name: str) -> tuple[int, ...]:
        """That of an array by name: "W1", "db2"."""
        of: tuple[int, ...] = self.parameters[name.removeprefix("d")].shape
        return of

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write X, Y and the weights as .npz, to work out the gradients elsewhere."""
        np.savez_compressed(Path(path), X=self.X, Y=self.Y, **self.parameters)  # type: ignore[arg-type]

    def _laid_out(self, array: Array) -> Array:
        return np.ascontiguousarray(array if self.rows else array.T).copy()


def ours(case: Case) -> Gradients:
    """The gradients of a case (W (n_in, n_out), b (n_out,)) by the network's own layers."""
    dense = [Dense(W, b) for W, b in zip(case.weights, case.biases, strict=True)]
    layers: list[Any] = [dense[0]]
    for layer in dense[1:]:
        layers += [case.activation(), layer]
    x = case.x
    for layer in layers:
        x = layer.forward(x)
    dout = case.loss.gradient(x, case.labels)
    for layer in reversed(layers):
        dout = layer.backward(dout)
    found: Gradients = {}
    for at, layer in enumerate(dense, start=1):
        found |= {f"dW{at}": layer.grads["W"] + case.config.l2 * layer.params["W"], f"db{at}": layer.grads["b"]}
    return found


def exercise(
    config: RunConfig | None = None,
    rows: bool = False,
    *,
    X: Any = None,
    Y: Any = None,
    weights: Any = None,
    n_images: int = N_IMAGES,
    seed: int = 0,
) -> Exercise:
    """The exercise of these settings: the first images of the data set and random weights, but for what is given.

    Given are X and Y together, and weights of any usual naming; their sizes may be others than MNIST's. Raises
    GivenError and ConfigError.
    """
    config = _checkable(TEXTBOOK if config is None else config)
    if (X is None) != (Y is None):
        raise GivenError(f"X and Y must be given together, got {'X' if Y is None else 'Y'} alone")
    if X is None:
        if not 1 <= n_images <= 5_000:
            raise GivenError(f"n_images must be in [1, 5000], got {n_images}")
        data = load_dataset(config.dataset)
        x = scale_pixels(data.train_images[:n_images], config.input_scaling, np.float64)
        case = random_case(config, x, data.train_labels[:n_images].astype(np.int64), seed)
    else:
        x, labels = _batch(X, Y, rows)
        case = random_case(config, x, labels, seed)
    if weights is not None:
        case = _with(case, weights, rows, n_classes=_n_classes(Y, rows))
    return Exercise(case, rows)


def _checkable(config: RunConfig) -> RunConfig:
    """The settings; raises ConfigError where their gradients hang on chance, or on more than dense layers."""
    if config.model != "mlp":
        raise ConfigError(f"model must be mlp to check a backprop against, got {config.model}")
    if config.normalization != "none":
        raise ConfigError(f"normalization must be none to check a backprop against, got {config.normalization}")
    for name in NOT_CHECKED:
        if getattr(config, name):
            raise ConfigError(f"{name} must be 0 to check a backprop against, got {getattr(config, name)}")
    return config


def _batch(X: Any, Y: Any, rows: bool) -> tuple[Array, Array]:
    """x (m, n_in) and labels (m,)."""
    layout = ("(m, n)", "(m, classes)") if rows else ("(n, m)", "(classes, m)")
    x = numbers(X, "X", f"the images, of shape {layout[0]}")
    y = numbers(Y, "Y", f"the labels one-hot, of shape {layout[1]}")
    if x.ndim != 2 or y.ndim != 2:
        raise GivenError(f"X and Y must have the shapes {layout[0]} and {layout[1]}, got {x.shape} and {y.shape}")
    x, y = (x, y) if rows else (x.T, y.T)
    if len(x) != len(y):
        raise GivenError(
            f"X and Y must hold as many images, in {'rows' if rows else 'columns'}, got {len(x):,} and {len(y):,}; "
            f"are they in {'columns: rows=False' if rows else 'rows: rows=True'}?"
        )
    if len(x) == 0:
        raise GivenError("X must hold at least one image, got none")
    if not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
        bad = int(np.argmax(~(np.isin(y, (0, 1)).all(axis=1) & (y.sum(axis=1) == 1))))
        raise GivenError(
            f"Y must be one-hot, a single 1 among zeros for each image, got {y[bad].tolist()} for image {bad}"
        )
    return x, y.argmax(axis=1)


def _n_classes(Y: Any, rows: bool) -> int:
    return 10 if Y is None else int(np.shape(Y)[1 if rows else 0])


def _with(case: Case, weights: Any, rows: bool, n_classes: int) -> Case:
    """The case with these weights in place of random ones; their sizes are theirs."""
    sizes = (case.x.shape[1], *case.config.hidden, n_classes)
    found, _ = collected(weights, sizes, "")
    Ws, bs = [], []
    n_in = sizes[0]
    for at in range(1, len(sizes)):
        W = numbers(found[f"W{at}"], f"W{at}", "a matrix")
        W = W if rows or W.ndim != 2 else W.T
        n_out = W.shape[1] if W.ndim == 2 and at < len(sizes) - 1 else n_classes
        if W.shape != (n_in, n_out):
            shape, given = ((n_in, n_out), W.shape) if rows else ((n_out, n_in), W.shape[::-1])
            raise GivenError(f"W{at} must have the shape {shape}, got {given}")
        b = numbers(found[f"b{at}"], f"b{at}", f"{n_out} numbers")
        if b.size != n_out:
            raise GivenError(f"b{at} must have the shape {(n_out,) if rows else (n_out, 1)}, got {b.shape}")
        Ws.append(W)
        bs.append(b.ravel())
        n_in = n_out
    return Case(case.x, case.labels, tuple(Ws), tuple(bs), case.config)
