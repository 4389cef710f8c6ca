"""NumPy as in a textbook or a first notebook: float64, one image a column, a new array for every result."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.programs.batches import batches
from benchmarks.programs.worker import Steps, serve

Array = NDArray[np.float64]
Params = list[Array]  # W1 (n_hidden, n_in), b1 (n_hidden, 1), W2, b2


def one_hot(labels: NDArray[Any]) -> Array:
    """(10, m): a column an image."""
    encoded = np.zeros((labels.size, 10))
    encoded[np.arange(labels.size), labels] = 1
    return encoded.T


def gradients(params: Params, X: Array, labels: NDArray[Any]) -> Params:
    """The gradients of the mean cross-entropy on images X (784, m), in the order of the parameters."""
    W1, b1, W2, b2 = params
    m = X.shape[1]
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    exponentials = np.exp(Z2 - Z2.max(axis=0))
    A2 = exponentials / exponentials.sum(axis=0)
    dZ2 = A2 - one_hot(labels)
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * dZ2.sum(axis=1, keepdims=True)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * dZ1.sum(axis=1, keepdims=True)
    return [dW1, db1, dW2, db2]


def sgd(params: Params, grads: Params, lr: float) -> Params:
    """Gradient descent."""
    return [p - lr * g for p, g in zip(params, grads, strict=True)]


class Adam:
    """Kingma & Ba 2015, as it is printed."""

    def __init__(self, params: Params, lr: float, beta1: float, beta2: float) -> None:
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        self.t = 0

    def step(self, params: Params, grads: Params) -> Params:
        """One update."""
        self.t += 1
        moved = []
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            self.m[i] = self.beta1 * self.m[i] + (1 - self.beta1) * g
            self.v[i] = self.beta2 * self.v[i] + (1 - self.beta2) * g**2
            m_hat = self.m[i] / (1 - self.beta1**self.t)
            v_hat = self.v[i] / (1 - self.beta2**self.t)
            moved.append(p - self.lr * m_hat / (np.sqrt(v_hat) + 1e-8))
        return moved


def prepare(settings: dict[str, Any]) -> tuple[Steps, dict[str, Any]]:
    """The steps of a network with one hidden layer."""
    from nn_core import RunConfig, load_mnist

    config = RunConfig.from_dict(settings["config"])
    (n_hidden,) = config.hidden
    data = load_mnist()
    X = data.train_images.reshape(-1, 784).T / 255
    labels = data.train_labels
    rng = np.random.default_rng(config.seed)
    params = [
        rng.random((n_hidden, 784)) - 0.5,
        np.zeros((n_hidden, 1)),
        rng.random((10, n_hidden)) - 0.5,
        np.zeros((10, 1)),
    ]
    adam = Adam(params, config.lr, config.beta1, config.beta2)
    source = batches(X.shape[1], config.batch_size)

    def steps(n: int) -> None:
        nonlocal params
        for _ in range(n):
            chosen = next(source)
            x, y = (X, labels) if chosen is None else (X[:, chosen], labels[chosen])
            grads = gradients(params, x, y)
            params = adam.step(params, grads) if config.optimizer == "adam" else sgd(params, grads, config.lr)

    return steps, {"version": f"NumPy {np.__version__}"}


if __name__ == "__main__":
    serve(prepare)
