"""The same network in TensorFlow: layers of its Keras, and a training loop of one's own under tf.function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.frameworks.framework import Net, Variant, framework
from nn_core.frameworks.inputs import Rates, labels_of, scaled
from nn_core.frameworks.keras_names import from_keras, to_keras
from nn_core.frameworks.keras_net import CARRIED, CHOICES, SCORED_AT_ONCE, make_optimizer, network
from nn_core.machine.memory import Array


def step(model: Any, optimizer: Any, loss_of: Any, x: Any, y: Any) -> Any:
    """One update on a batch; its loss without the penalty."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = loss_of(y, model(x, training=True))
        penalized = loss + sum(model.losses)
    gradients = tape.gradient(penalized, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return loss


class TensorFlowNet(Net):
    """Tensors in memory, without tf.data."""

    def __init__(self, config: RunConfig, data: Dataset, weights: Mapping[str, Array] | None, variant: Variant) -> None:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(config.seed)
        self._tf, self._config = tf, config
        self._rng = np.random.default_rng(config.seed)
        self._x = tf.constant(self._inputs(data.train_images[: config.n_train]))
        smooth = config.label_smoothing
        self._y = tf.constant(np.eye(10, dtype=np.float32)[labels_of(data, config)])
        self.model, optimizer = network(config), make_optimizer(config)
        if weights is not None:
            self.model.set_weights(to_keras(weights, config))
        optimizer.build(self.model.trainable_variables)
        loss_of = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smooth)
        self._optimizer = optimizer
        self._rates = Rates(config) if config.schedule != "constant" else None

        def learn(batch: Any) -> Any:
            x, y = tf.gather(self._x, batch), tf.gather(self._y, batch)
            return step(self.model, optimizer, loss_of, x, y)

        self._learn_on = tf.function(learn, jit_compile=variant.get("jit_compile", False), reduce_retracing=True)

    @staticmethod
    def variants(config: RunConfig, cores: int) -> Sequence[Variant]:
        """As a graph, and compiled by XLA; TensorFlow takes its threads by itself."""
        return [{}, {"jit_compile": True}]

    def _inputs(self, images: Array) -> Array:
        x = scaled(images, self._config)
        return x[..., None] if self._config.model == "cnn" else x

    def _learn(self, batch: Array) -> Any:
        if self._rates is not None:
            self._optimizer.learning_rate = self._rates.next()
        return self._learn_on(self._tf.constant(batch))

    def train(self, n: int) -> None:
        """An epoch in a random order."""
        order, size = self._rng.permutation(n), self._config.effective_batch(n)
        for start in range(0, n, size):
            self._learn(order[start : start + size])

    def follow(self, batches: Iterable[Array]) -> list[float]:
        """The same updates, one by one."""
        return [float(self._learn(np.ascontiguousarray(batch))) for batch in batches]

    def predict(self, images: Array) -> Array:
        """The largest of its outputs."""
        answers: Array = self.model.predict(self._inputs(images), batch_size=SCORED_AT_ONCE, verbose=0).argmax(axis=1)
        return answers

    def weights(self) -> dict[str, Array]:
        """Its weights by our names."""
        return from_keras(self.model.get_weights(), self._config)


@framework(
    "tensorflow",
    label="TensorFlow",
    packages=("tensorflow", "keras"),
    install="pip install tensorflow",
    distributions=("tensorflow", "tensorflow-cpu"),
    carries=CARRIED,
    choices=CHOICES,
    code=step,
    order=3,
)
def tensorflow_net() -> type[Net]:
    """Import TensorFlow, with Keras on it."""
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    import tensorflow  # noqa: F401

    return TensorFlowNet
