"""A training loop of your own, recorded as a run: `python examples/watch_my_training.py` from the project's folder.

It takes a few seconds. Then open the dashboard: the run stands under Runs, with its curves, filters, confusion matrix,
time machine and vital signs. Press Train with the same settings, and choose it as the ghost: yours against ours.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # find nn_core without installing it

from nn_core import load_mnist, watch

# 1. The data: images in columns, pixels of 0 to 1.
data = load_mnist()
X = data.train_images.reshape(-1, 784).T / 255
Y = np.eye(10)[data.train_labels].T

# 2. A network 784-16-10, written by hand.
rng = np.random.default_rng(0)
W1, b1 = rng.normal(0, np.sqrt(2 / 784), (16, 784)), np.zeros((16, 1))
W2, b2 = rng.normal(0, np.sqrt(2 / 16), (10, 16)), np.zeros((10, 1))
lr, batch_size, epochs = 0.1, 64, 1

# 3. Say what the loop does, so that it can be compared. What is not said is taken as the default of `RunConfig`.
watched = watch("my first network", activation="relu", lr=lr, batch_size=batch_size, epochs=epochs)
watched(step=0, weights=(W1, b1, W2, b2))  # before any learning

# 4. The loop. After each update the watch is told what is known; weights may come less often.
for _ in range(epochs):
    for batch in np.array_split(rng.permutation(X.shape[1]), X.shape[1] // batch_size):
        x, y, m = X[:, batch], Y[:, batch], len(batch)
        Z1 = W1 @ x + b1
        A1 = np.maximum(Z1, 0)
        Z2 = W2 @ A1 + b2
        A2 = np.exp(Z2 - Z2.max(axis=0))
        A2 /= A2.sum(axis=0)
        dZ2 = (A2 - y) / m
        dZ1 = W2.T @ dZ2 * (Z1 > 0)
        W1 -= lr * dZ1 @ x.T
        b1 -= lr * dZ1.sum(axis=1, keepdims=True)
        W2 -= lr * dZ2 @ A1.T
        b2 -= lr * dZ2.sum(axis=1, keepdims=True)

        loss = -np.log(A2[y == 1]).mean()
        accuracy = (A2.argmax(axis=0) == y.argmax(axis=0)).mean()
        watched(loss=loss, accuracy=accuracy, weights=(W1, b1, W2, b2))

# 5. The end: the last weights are scored, and all is on disk.
watched.finish()
print(f"Recorded as run {watched.run_id}: open http://localhost:8501/?run={watched.run_id}")
