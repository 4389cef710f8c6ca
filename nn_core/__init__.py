"""A neural network from scratch in NumPy, and all that is known about training it.

>>> from nn_core import RunConfig, Trainer, load_mnist
>>> trainer = Trainer(RunConfig(hidden=(32,), epochs=1), load_mnist())
>>> trainer.train_epochs(1)
>>> probabilities = trainer.model.predict_proba(load_mnist().test_images)

Importing the package registers every choice (optimizers, activations, ...); it needs nothing but NumPy.
"""

from nn_core import (  # noqa: F401  (they register their choices)
    cnn,
    fast,
    initializers,
    layers,
    losses,
    models,
    muon,
    network,
    normalization,
    optimizers,
    schedules,
)
from nn_core.checkpoint import Checkpoint
from nn_core.config import RunConfig
from nn_core.data import DataError, Dataset, load_dataset, load_mnist
from nn_core.knobs import ConfigError
from nn_core.presets import PRESETS
from nn_core.shipped import load_shipped
from nn_core.trainer import Trainer

__all__ = [
    "PRESETS",
    "Checkpoint",
    "ConfigError",
    "DataError",
    "Dataset",
    "RunConfig",
    "Trainer",
    "load_dataset",
    "load_mnist",
    "load_shipped",
]
