"""What every training step can do, and the kernels: faster steps for some models, under some settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.nn.network import FAST_LOGITS, Network

Augment = Callable[[Array], Array]  # raw images uint8 (m, 784) to others of that shape, of any dtype, still 0..255

ROWS = 480  # images whose floats (1.5 MB) stay in the second-level cache; what is random is drawn for so many at a time


class TrainingStep(Protocol):
    """Loss and gradients of batches out of one array of images, uint8 (n, 784), with labels (n,)."""

    model: Any  # the network; the gradients go to its `flat_grads`
    smoothing: float
    augment: Augment | None

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""

    def gradients(self, indices: Array | slice, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalties left out); the true gradients, without penalties, to model.flat_grads.

        `indices` (m,) choose the images; a slice start:stop takes them in place, without a copy. `rng` draws the masks
        of dropout.
        """


Step = Callable[[Any, Array, Array, Augment | None], TrainingStep]  # made of model, images, labels, augment


@dataclass(frozen=True)
class Kernel:
    """A fast training step for one model, and the choices of each setting under which it may be taken."""

    step: Step
    serves: Mapping[str, Collection[str]]  # setting -> choices; settings that are not named may be anything

    def can_train(self, config: RunConfig) -> bool:
        """Whether it does all that these settings ask for."""
        return all(getattr(config, name) in served for name, served in self.serves.items())


KERNELS: dict[type[Network], Kernel] = {}
AnyStep = TypeVar("AnyStep", bound=Step)


def register_kernel(
    model: type[Network],
    serves: Mapping[str, Collection[str]],
    logits: Callable[[Any, Array], Array] | None = None,
) -> Callable[[AnyStep], AnyStep]:
    """Decorator: the training step of this model, where the settings have these choices.

    `logits` (network, images uint8 (n, 28, 28)) to (n, 10) answers outside of training, under any settings.
    """

    def add(step: AnyStep) -> AnyStep:
        KERNELS[model] = Kernel(step, serves)
        if logits:
            FAST_LOGITS[model] = logits
        return step

    return add
