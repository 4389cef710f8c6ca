"""The pieces of work that the speed comparison times: one training step each, on MNIST's 55,000 training images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from nn_core import RunConfig

ENDLESS = 100_000  # epochs: the budget is never used up
NEVER = 1_000_000  # steps between two scorings


@dataclass(frozen=True)
class Work:
    """One row: the sizes of the hidden layers, the images a step (0: all of them) and the optimizer."""

    name: str
    hidden: tuple[int, ...]
    batch_size: int
    optimizer: str
    lr: float

    @property
    def config(self) -> RunConfig:
        """The settings with which `python -m nn_core train` does the same work; scoring off, as nobody else scores."""
        return RunConfig(
            hidden=self.hidden,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            lr=self.lr,
            epochs=ENDLESS,
            eval_every=NEVER,
        )

    @property
    def title(self) -> str:
        """Like "b128-128: 784-128-10, batch 128, Adam"."""
        batch = f"batch {self.batch_size}" if self.batch_size else f"full batch {self.config.n_train:,}"
        sizes = "-".join(str(size) for size in self.sizes)
        return f"{self.name}: {sizes}, {batch}, {'SGD' if self.optimizer == 'sgd' else self.optimizer.title()}"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of every layer, the input's first."""
        return (784, *self.hidden, 10)

    @property
    def step_flops(self) -> int:
        """Multiplications and additions of a step's matrix products: forward, weights' and inputs' gradients.

        The first layer's inputs need no gradient.
        """
        images = self.config.effective_batch(self.config.n_train)
        products = [n_in * n_out for n_in, n_out in pairwise(self.sizes)]
        return 2 * images * (3 * sum(products) - products[0])


WORKS: dict[str, Work] = {
    work.name: work
    for work in (
        Work("full-10", (10,), 0, "sgd", 0.1),
        Work("b32-10", (10,), 32, "sgd", 0.1),
        Work("b128-10", (10,), 128, "sgd", 0.1),
        Work("b128-128", (128,), 128, "adam", 0.001),
        Work("b256-512", (512,), 256, "adam", 0.001),
        Work("b256-1024", (1024,), 256, "adam", 0.001),
    )
}
