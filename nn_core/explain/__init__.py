"""Why a network reads an image as it does: filters, units, maps, saliency."""

from nn_core.explain.filters import first_filters, hidden_sizes, is_convolutional, pictures
from nn_core.explain.maps import HiddenLayer, Strongest, hidden_layers, layer_outputs, receptive_field, strongest
from nn_core.explain.saliency import activation_map
from nn_core.explain.units import ORDERS, class_votes, first_shifts, outgoing_weights, unit_order

__all__ = [
    "ORDERS",
    "HiddenLayer",
    "Strongest",
    "activation_map",
    "class_votes",
    "first_filters",
    "first_shifts",
    "hidden_layers",
    "hidden_sizes",
    "is_convolutional",
    "layer_outputs",
    "outgoing_weights",
    "pictures",
    "receptive_field",
    "strongest",
    "unit_order",
]
