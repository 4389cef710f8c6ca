"""A run's accuracy on the test images: scored when it is asked for, and kept with the run."""

from __future__ import annotations

from nn_core.data import load_dataset
from nn_core.nn.metrics import accuracy
from nn_core.nn.network import from_weights
from nn_core.store.run_store import RunStore
from nn_core.training.film import exact_frame


def score_on_test(store: RunStore, run_id: str) -> tuple[int, float]:
    """Step and test accuracy of the newest stored network of a run; raises StoreError and DataError."""
    checkpoint = store.checkpoint(run_id)
    data = load_dataset(checkpoint.config.dataset)
    model = from_weights(checkpoint.config, exact_frame(checkpoint).weights())
    found = accuracy(data.test_labels, model.predict(data.test_images))
    store.keep_test(run_id, checkpoint.step, found)
    return checkpoint.step, found
