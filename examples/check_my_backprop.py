"""Is my backprop right? `python examples/check_my_backprop.py` from the project's folder compares one with ours.

Write yours in the place of `backprop` below. The same from the command line:
`python -m nn_core check-backprop examples/check_my_backprop.py --function backprop`.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # find nn_core without installing it

from nn_core import check_backprop


# Images are columns, as in the textbook: X (784, m) with pixels of 0 to 1, Y one-hot (10, m), W1 (10, 784), b1 (10, 1),
# W2 (10, 10), b2 (10, 1). The network is 784-10-10 with ReLU, softmax and cross-entropy, its mean over the m images.
def backprop(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    E = np.exp(Z2 - Z2.max(axis=0))
    A2 = E / E.sum(axis=0)

    dZ2 = (A2 - Y) / m
    dW2 = dZ2 @ A1.T
    db2 = dZ2.sum(axis=1, keepdims=True)
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1 = dZ1 @ X.T
    db1 = dZ1.sum(axis=1, keepdims=True)
    return dW1, db1, dW2, db2


# The same with two slips: the mask is taken from dA1 in place of Z1, and 1/m is taken twice in db2.
def with_slips(X, Y, W1, b1, W2, b2):
    m = X.shape[1]
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    E = np.exp(Z2 - Z2.max(axis=0))
    A2 = E / E.sum(axis=0)

    dZ2 = (A2 - Y) / m
    dW2 = dZ2 @ A1.T
    db2 = dZ2.mean(axis=1, keepdims=True)
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (dA1 > 0)
    dW1 = dZ1 @ X.T
    db1 = dZ1.sum(axis=1, keepdims=True)
    return dW1, db1, dW2, db2


if __name__ == "__main__":
    print(check_backprop(backprop))
    report = check_backprop(with_slips)
    print(f"\n{report}\n")
    print("agrees:", report.agrees, "| slips:", ", ".join(slip.name for slip in report.slips))
