"""The same network by scikit-learn's MLPClassifier: dense layers, SGD or Adam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.frameworks.framework import Net, Variant, framework
from nn_core.frameworks.inputs import labels_of, scaled
from nn_core.machine.memory import Array
from nn_core.machine.threads import set_blas_threads

ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh", "identity": "identity"}


def epoch(model: object, x: Array, y: Array) -> None:
    """One pass over the images: MLPClassifier cuts the batches by itself."""
    model.partial_fit(x, y, classes=np.arange(10))  # type: ignore[attr-defined]


class SklearnNet(Net):
    """MLPClassifier on float32 images."""

    def __init__(self, config: RunConfig, data: Dataset, weights: Mapping[str, Array] | None, variant: Variant) -> None:
        from sklearn.neural_network import MLPClassifier

        set_blas_threads(variant.get("threads", 1))
        self._config = config
        self._x = scaled(data.train_images[: config.n_train], config)
        self._y = labels_of(data, config)
        size = config.effective_batch(config.n_train)
        self.model = MLPClassifier(
            hidden_layer_sizes=config.hidden,
            activation=ACTIVATIONS[config.activation],
            solver="adam" if config.optimizer == "adam" else "sgd",
            alpha=config.l2 * size,  # its penalty is alpha / 2 times the sum of squares, over the images of a batch
            batch_size=size,
            learning_rate_init=config.lr,
            momentum=0.0 if config.optimizer == "sgd" else config.momentum,
            nesterovs_momentum=config.optimizer == "nesterov",
            beta_1=config.beta1,
            beta_2=config.beta2,
            random_state=config.seed,
        )

    @staticmethod
    def variants(config: RunConfig, cores: int) -> Sequence[Variant]:
        """Threads of the matrix products."""
        return [{"threads": threads} for threads in sorted({1, cores})]

    def train(self, n: int) -> None:
        """`partial_fit`, which shuffles by itself."""
        epoch(self.model, self._x[:n], self._y[:n])

    def follow(self, batches: Iterable[Array]) -> list[float]:
        """It takes no initial weights."""
        raise ValueError("scikit-learn's MLPClassifier begins with weights of its own")

    def predict(self, images: Array) -> Array:
        """Its answers."""
        answers: Array = self.model.predict(scaled(images, self._config))
        return answers

    def weights(self) -> dict[str, Array]:
        """coefs_ and intercepts_ by our names."""
        both = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        found = {f"dense{n}": pair for n, pair in enumerate(both, start=1)}
        return {
            f"{name}.{of_what}": np.asarray(array, np.float32)
            for name, pair in found.items()
            for of_what, array in zip("Wb", pair, strict=True)
        }


@framework(
    "sklearn",
    label="scikit-learn",
    packages=("sklearn",),
    install="pip install scikit-learn",
    distributions=("scikit-learn",),
    carries=("momentum", "beta1", "beta2", "l2"),
    choices={
        "model": ["mlp"],
        "loss": ["cross_entropy"],
        "activation": ACTIVATIONS,
        "normalization": ["none"],
        "optimizer": ["sgd", "momentum", "nesterov", "adam"],
    },
    code=epoch,
    follows=False,
    order=4,
)
def sklearn_net() -> type[Net]:
    """Import scikit-learn."""
    import sklearn.neural_network  # noqa: F401

    return SklearnNet
