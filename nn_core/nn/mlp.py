"""The fully connected network: dense layers in a row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nn_core.config.choices import choices, register
from nn_core.config.errors import Conflict
from nn_core.config.run_config import RunConfig
from nn_core.data.dataset import N_CLASSES, N_PIXELS
from nn_core.nn.activations import Activation
from nn_core.nn.flat import Shapes
from nn_core.nn.layers import Dense, Dropout, Layer
from nn_core.nn.network import MOST_BYTES, Network, of_normalization
from nn_core.nn.normalization import Normalization

# with W column by column, x W is a third faster (10 units, 64 rows: 10 against 15 us), and its gradient as well
FEW_COLUMNS = 12
NUMBERS_KEPT = 6  # by a step with normalization, for each unit and image


@register(
    "model",
    "mlp",
    label="Fully connected",
    help="Every unit sees every value of the layer before it.",
    formula=r"f(x) = W_L\, \phi(\dots \phi(x W_1 + b_1) \dots) + b_L",
    citation="Rumelhart, Hinton & Williams 1986",
    uses=("hidden",),
)
class MLP(Network):
    """Dense layers, each hidden one with normalization, activation and dropout after it: 784 - hidden - 10."""

    image_shape = (N_PIXELS,)
    few_columns = FEW_COLUMNS

    def build(self, dropout_rng: np.random.Generator | None) -> list[Layer]:
        """dense, normalization, activation and dropout for each of `hidden`, and a last dense layer."""
        config = self.config
        self.sizes = (N_PIXELS, *config.hidden, N_CLASSES)
        activation: type[Activation] = choices("activation")[config.activation].target
        normalization: type[Normalization] | None = choices("normalization")[config.normalization].target
        self.dense = [self.part(f"dense{number}", Dense) for number in range(1, len(self.sizes))]
        self.norms = [
            self.part(f"norm{number}", normalization) for number in range(1, len(self.dense)) if normalization
        ]
        layers: list[Layer] = []
        for at, dense in enumerate(self.dense[:-1]):
            layers += [dense, *self.norms[at : at + 1], activation()]
            if dropout_rng is not None:
                layers.append(Dropout(config.dropout, dropout_rng))
        return [*layers, self.dense[-1]]

    @staticmethod
    def check(config: RunConfig) -> None:
        """Raise Conflict where a batch that is normalized as a whole takes too much memory; any sizes go together."""
        if config.normalization != "batch":
            return  # the images are worked on in parts
        batch = config.effective_batch(config.n_train)
        n_bytes = 4 * batch * (N_PIXELS + NUMBERS_KEPT * sum(config.hidden))
        if n_bytes > MOST_BYTES:
            raise Conflict(
                "batch_size",
                f"batch_size {config.batch_size} cannot work with normalization batch here: a step on {batch:,} images "
                f"at once may take at most {MOST_BYTES / 1e9:.0f} GB, got {n_bytes / 1e9:.1f} GB for "
                f"{sum(config.hidden):,} hidden units",
            )

    @staticmethod
    def shapes(config: RunConfig) -> Shapes:
        """("dense1.W", (784, n)), ("dense1.b", (n,)), ..., ("norm1.gamma", (n,)), ..."""
        shapes: dict[str, tuple[int, ...]] = {}
        for number, (n_in, n_out) in enumerate(pairwise((N_PIXELS, *config.hidden, N_CLASSES)), start=1):
            shapes |= {f"dense{number}.W": (n_in, n_out), f"dense{number}.b": (n_out,)}
        return shapes | of_normalization(config, config.hidden)

    @staticmethod
    def outline(config: RunConfig) -> str:
        """Like "784-32-10"."""
        return "-".join(map(str, (N_PIXELS, *config.hidden, N_CLASSES)))
