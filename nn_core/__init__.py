"""A neural network from scratch in NumPy, and all that is known about training it.

>>> from nn_core import RunConfig, Trainer, load_mnist
>>> trainer = Trainer(RunConfig(hidden=(32,), epochs=1), load_mnist())
>>> trainer.train_epochs(1)
>>> probabilities = trainer.model.predict_proba(load_mnist().test_images)

Importing the package registers every choice (optimizers, activations, ...); it needs nothing but NumPy.
"""

from typing import TYPE_CHECKING, Any

import nn_core.machine.quick_end  # isort: skip  (first: Ctrl-C may come while the rest is imported)
import nn_core.kernels
import nn_core.nn  # noqa: F401  (both register their choices)
from nn_core.config.errors import ConfigError
from nn_core.config.presets import PRESETS
from nn_core.config.run_config import RunConfig
from nn_core.data import DataError, Dataset, load_dataset, load_mnist
from nn_core.nn.files import load, save
from nn_core.sketch.own_image import OwnImage, own_image
from nn_core.sketch.shipped import load_shipped
from nn_core.training.state import Checkpoint
from nn_core.training.trainer import Trainer

if TYPE_CHECKING:
    from nn_core.homework import check_backprop, watch

__version__ = "0.1.0"  # as in pyproject.toml

__all__ = [
    "PRESETS",
    "Checkpoint",
    "ConfigError",
    "DataError",
    "Dataset",
    "OwnImage",
    "RunConfig",
    "Trainer",
    "__version__",
    "check_backprop",
    "load",
    "load_dataset",
    "load_mnist",
    "load_shipped",
    "own_image",
    "save",
    "watch",
]


def __getattr__(name: str) -> Any:
    """`check_backprop` and `watch`, imported when they are first asked for: they took a quarter of the import."""
    if name not in ("check_backprop", "watch"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import nn_core.homework

    return getattr(nn_core.homework, name)
