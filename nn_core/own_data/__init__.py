"""Data sets of one's own: read in the forms that people have, brought to 28 x 28, and kept under their hash."""

from nn_core.own_data.found import Found, Source
from nn_core.own_data.keep import keep, prepared
from nn_core.own_data.more import from_pen, from_scikit_learn
from nn_core.own_data.reading import read
from nn_core.own_data.shaping import METHODS, Choices, shaped

__all__ = [
    "METHODS",
    "Choices",
    "Found",
    "Source",
    "from_pen",
    "from_scikit_learn",
    "keep",
    "prepared",
    "read",
    "shaped",
]
