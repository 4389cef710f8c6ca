"""Answers of a network that is far too sure."""

from __future__ import annotations

import numpy as np
import pytest

N = 700


@pytest.fixture(scope="session")
def answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, logits three times too large, and their probabilities."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 10, N)
    logits = rng.normal(size=(N, 10)) + 2.0 * np.eye(10)[labels]
    logits = (3 * logits).astype(np.float32)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return labels.astype(np.uint8), logits, powers / powers.sum(axis=1, keepdims=True)
