"""scikit-learn's step: MLPClassifier.partial_fit on one batch, float32, without penalty."""

from __future__ import annotations

from typing import Any

from benchmarks.programs.batches import batches
from benchmarks.programs.worker import Steps, serve


def prepare(settings: dict[str, Any]) -> tuple[Steps, dict[str, Any]]:
    """partial_fit, one call a step: with batch_size as large as the batch it makes one update."""
    import sklearn
    from sklearn.neural_network import MLPClassifier

    from nn_core import RunConfig, load_mnist

    config = RunConfig.from_dict(settings["config"])
    data = load_mnist()
    images = data.train_images.reshape(-1, 784).astype("float32") / 255
    labels = data.train_labels.astype("int64")
    size = config.effective_batch(len(images))
    model = MLPClassifier(
        config.hidden,
        solver=config.optimizer,
        alpha=0.0,
        batch_size=size,
        learning_rate_init=config.lr,
        momentum=0.0,
        random_state=config.seed,
    )
    model.partial_fit(images[:size], labels[:size], classes=range(10))
    source = batches(len(images), config.batch_size)

    def steps(n: int) -> None:
        for _ in range(n):
            chosen = next(source)
            if chosen is None:
                model.partial_fit(images, labels)
            else:
                model.partial_fit(images[chosen], labels[chosen])

    return steps, {"version": f"scikit-learn {sklearn.__version__}"}


if __name__ == "__main__":
    serve(prepare)
