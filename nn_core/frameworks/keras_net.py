"""The same network in Keras 3, as its users write it: Sequential, compile, fit; its backend is named."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.frameworks.framework import Net, Variant, framework
from nn_core.frameworks.inputs import Rates, labels_of, scaled
from nn_core.frameworks.keras_names import from_keras, to_keras
from nn_core.frameworks.plan import plan
from nn_core.machine.memory import Array

ACTIVATIONS = {
    "relu": "relu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "elu": "elu",
    "silu": "silu",
    "identity": "linear",
}
SCORED_AT_ONCE = 1_000
EPSILON = 1e-8  # of our optimizers
CARRIED = (
    *("channels", "kernel", "padding", "pool", "pooling", "head", "dense_units", "momentum", "beta1", "beta2"),
    *("weight_decay", "schedule", "warmup", "decay_factor", "decay_every", "l2", "dropout", "label_smoothing"),
)
CHOICES = {
    "loss": ["cross_entropy"],
    "activation": ACTIVATIONS,
    "normalization": ["none", "batch", "layer"],
    "optimizer": ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"],
}


def step(model: Any, x: Any, y: Any) -> Any:
    """One update on a batch; its loss."""
    return model.train_on_batch(x, y)


class KerasNet(Net):
    """A compiled keras.Sequential; images with the channel last."""

    def __init__(self, config: RunConfig, data: Dataset, weights: Mapping[str, Array] | None, variant: Variant) -> None:
        import keras

        _use_threads(variant.get("threads", 1))
        keras.utils.set_random_seed(config.seed)
        self._keras, self._config = keras, config
        self._x = self._inputs(data.train_images[: config.n_train])
        labels = labels_of(data, config)
        smooth = config.label_smoothing
        self._y = keras.utils.to_categorical(labels, 10).astype(np.float32) if smooth else labels
        self.model = network(config)
        if weights is not None:
            self.model.set_weights(to_keras(weights, config))
        losses = keras.losses
        self.model.compile(
            optimizer=make_optimizer(config),
            loss=losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smooth)
            if smooth
            else losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=variant.get("jit_compile", False),
            steps_per_execution=variant.get("steps_per_execution", 1),
        )
        self._rates = Rates(config) if config.schedule != "constant" else None
        before = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: self._take_rate())
        self._callbacks = [before] if self._rates else []

    @staticmethod
    def variants(config: RunConfig, cores: int) -> Sequence[Variant]:
        """Threads; several steps in one call, and compiled, where the backend has that."""
        import keras

        plain = [{"threads": n} for n in sorted({1, cores})]
        if keras.backend.backend() == "torch":
            return plain
        more = {"threads": cores} if config.schedule != "constant" else {"threads": cores, "steps_per_execution": 32}
        return [*plain, more, {**more, "jit_compile": True}]

    def _inputs(self, images: Array) -> Array:
        x = scaled(images, self._config)
        return x[..., None] if self._config.model == "cnn" else x

    def _take_rate(self, factor: float = 1.0) -> None:
        """The rate of the next update, times a factor."""
        if self._rates is not None or factor != 1:
            rate = self._rates.next() if self._rates is not None else self._config.lr
            self.model.optimizer.learning_rate = rate * factor

    def train(self, n: int) -> None:
        """`fit` for one epoch, shuffled."""
        size = self._config.effective_batch(n)
        self.model.fit(self._x[:n], self._y[:n], batch_size=size, epochs=1, verbose=0, callbacks=self._callbacks)

    def follow(self, batches: Iterable[Array]) -> list[float]:
        """The same updates; Keras tells the mean of all batches so far, with the penalty: both are undone."""
        losses: list[float] = []
        for update, batch in enumerate(batches, start=1):
            self.model.reset_metrics()
            if self._config.optimizer in ("adam", "adamw"):
                self._take_rate(_unrounded(self._config, update))
                # Keras adds it before v is corrected for its start at 0
                self.model.optimizer.epsilon = EPSILON * math.sqrt(1 - self._config.beta2**update)
            else:
                self._take_rate()
            penalty = float(self._keras.ops.convert_to_numpy(sum(self.model.losses))) if self._config.l2 else 0.0
            losses.append(float(step(self.model, self._x[batch], self._y[batch])) - penalty)
        return losses

    def predict(self, images: Array) -> Array:
        """The largest of its outputs."""
        answers: Array = self.model.predict(self._inputs(images), batch_size=SCORED_AT_ONCE, verbose=0).argmax(axis=1)
        return answers

    def weights(self) -> dict[str, Array]:
        """Its weights by our names."""
        return from_keras(self.model.get_weights(), self._config)


def _unrounded(config: RunConfig, update: int) -> float:
    """What makes Adam's correction of an update that of the formula: Keras takes it in float32, up to 1e-5 off."""

    def correction(number: type[np.floating[Any]]) -> float:
        first, second = (number(1) - number(beta) ** number(update) for beta in (config.beta1, config.beta2))
        return float(np.sqrt(second) / first)

    return correction(np.float64) / correction(np.float32)


def network(config: RunConfig) -> Any:
    """keras.Sequential: dense layers, or blocks of convolution, pooling, normalization and activation before them."""
    import keras
    from keras import layers

    penalty = keras.regularizers.L2(config.l2 / 2) if config.l2 else None
    pool = layers.MaxPooling2D if config.pooling == "max" else layers.AveragePooling2D

    def conv(part: Any) -> list[Any]:
        padded = [layers.ZeroPadding2D(config.padding)] if config.padding else []
        return [*padded, layers.Conv2D(part.n_out, config.kernel, kernel_regularizer=penalty)]

    made: dict[str, Callable[[Any], list[Any]]] = {
        "conv": conv,
        "pool": lambda part: [pool(config.pool)],
        "norm": lambda part: [
            layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
            if config.normalization == "batch"
            else layers.LayerNormalization(epsilon=1e-5)
        ],
        "activation": lambda part: [layers.Activation(ACTIVATIONS[config.activation])],
        "flatten": lambda part: [layers.Flatten()],
        "mean": lambda part: [layers.GlobalAveragePooling2D()],
        "dropout": lambda part: [layers.Dropout(config.dropout)],
        "dense": lambda part: [layers.Dense(part.n_out, kernel_regularizer=penalty)],
    }
    shape = (28, 28, 1) if config.model == "cnn" else (784,)
    return keras.Sequential([keras.Input(shape), *(layer for part in plan(config) for layer in made[part.kind](part))])


def make_optimizer(config: RunConfig) -> Any:
    """The optimizer of the settings, with the constants of ours."""
    from keras import optimizers

    lr, betas = {"learning_rate": config.lr}, {"beta_1": config.beta1, "beta_2": config.beta2, "epsilon": EPSILON}
    made: dict[str, Callable[[], Any]] = {
        "sgd": lambda: optimizers.SGD(**lr),
        "momentum": lambda: optimizers.SGD(**lr, momentum=config.momentum),
        "nesterov": lambda: optimizers.SGD(**lr, momentum=config.momentum, nesterov=True),
        "rmsprop": lambda: optimizers.RMSprop(**lr, rho=config.beta2, epsilon=EPSILON),
        "adam": lambda: optimizers.Adam(**lr, **betas),
        "adamw": lambda: optimizers.AdamW(**lr, **betas, weight_decay=config.weight_decay),
    }
    optimizer = made[config.optimizer]()
    if config.optimizer == "adamw":
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _use_threads(n: int) -> None:
    import keras

    if keras.backend.backend() == "torch":
        import torch

        torch.set_flush_denormal(True)
        torch.set_num_threads(n)


@framework(
    "keras",
    label="Keras",
    packages=("keras", "h5py"),
    install="pip install keras torch --extra-index-url https://download.pytorch.org/whl/cpu",
    distributions=("keras",),
    carries=CARRIED,
    choices=CHOICES,
    code=step,
    order=2,
)
def keras_net() -> type[Net]:
    """Import Keras, on the first backend that is installed."""
    import importlib.util
    import os

    known = [name for name in ("tensorflow", "jax", "torch") if importlib.util.find_spec(name)]
    if known:
        os.environ.setdefault("KERAS_BACKEND", known[0])
    import keras  # noqa: F401

    return KerasNet
