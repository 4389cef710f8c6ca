"""This project's own network beside the others: the trainer that the app uses, with its guards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nn_core.config.run_config import RunConfig, all_settings
from nn_core.data import Dataset
from nn_core.frameworks.framework import Net, Variant, framework
from nn_core.machine.memory import Array
from nn_core.machine.threads import set_blas_threads
from nn_core.training.trainer import Trainer
from nn_core.training.watching import Scored, Update

NEVER = 1_000_000  # steps between two scorings: whoever compares scores by itself


class OurNet(Net):
    """A `Trainer`, by its own kernels."""

    def __init__(self, config: RunConfig, data: Dataset, weights: Mapping[str, Array] | None, variant: Variant) -> None:
        set_blas_threads(variant.get("threads", 1))
        self._trainer = Trainer(config.replace(eval_every=NEVER), data)
        self._trainer.score()
        if weights is not None:
            self._trainer.model.load(weights)

    @staticmethod
    def variants(config: RunConfig, cores: int) -> Sequence[Variant]:
        """Threads of the matrix products."""
        return [{"threads": threads} for threads in sorted({1, cores})]

    def train(self, n: int) -> None:
        """Updates until `n` more images have been learned from."""
        until = self._trainer.images_seen + n
        while self._trainer.images_seen < until:
            self._step()

    def _step(self) -> None:
        if not self._trainer.step():
            raise ArithmeticError(self._trainer.stopped)

    def follow(self, batches: Iterable[Array]) -> list[float]:
        """The trainer's next updates: the batches are those that it would take by itself."""
        seen = _Losses()
        self._trainer.watcher = seen
        for batch in batches:
            self._step()
            if not np.array_equal(np.arange(self._trainer.config.n_train)[seen.indices], batch):
                raise ValueError("the batches must be those of our trainer")
        return seen.losses

    def predict(self, images: Array) -> Array:
        """The largest output."""
        return self._trainer.model.predict(images)

    def weights(self) -> dict[str, Array]:
        """As they are."""
        return dict(self._trainer.model.weights())


class _Losses:
    """Watches every update for the loss of its batch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.indices: Array | slice = slice(0)

    def wants(self, step: int, seconds: float) -> bool:
        return True

    def saw(self, update: Update) -> None:
        self.losses.append(update.loss)
        self.indices = update.indices

    def scored(self, scored: Scored) -> None:
        pass


@framework(
    "glassnet",
    label="Glassnet (NumPy)",
    packages=("numpy", "nn_core"),
    install="",
    distributions=("numpy",),
    carries=[item.name for item in all_settings()],
    choices={},
    code=Trainer._learn_from_the_next_batch,
    order=0,
)
def our_net() -> type[Net]:
    """Nothing to import."""
    return OurNet
