"""The slips that are known; importing the package registers them, in the order in which they are named."""

# isort: off
from nn_core.homework.slips import steps, activation, output, biases, way_back, penalty  # noqa: F401

# isort: on
from nn_core.homework.slips.catalogue import LOST_DIMENSION, ORDER, SLIPS, TRANSPOSED, Slip, pairs, variants

__all__ = ["LOST_DIMENSION", "ORDER", "SLIPS", "TRANSPOSED", "Slip", "pairs", "variants"]
