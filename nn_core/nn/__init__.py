"""The network as in a book: layers, losses, initializers, optimizers, schedules, and the models made of them.

Importing it registers every choice that it holds.
"""

from nn_core.nn import (  # noqa: F401  (they register their choices)
    activations,
    cnn,
    conv,
    initializers,
    layers,
    losses,
    mlp,
    muon,
    network,
    normalization,
    optimizers,
    schedules,
)
