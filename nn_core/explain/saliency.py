"""Which pixels of an image speak for a class, and which against it: saliency and class-activation maps.

What speaks for a class raises its *evidence*: its logit minus the mean of all ten. The logit alone would mislead: what
is added to all ten changes no probability, yet it could colour a whole map.

Both work on a copy of the network, because they write into its buffers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.config.choices import choices
from nn_core.data.dataset import N_CLASSES, SIDE
from nn_core.explain.maps import spread_over_image
from nn_core.machine.memory import Array
from nn_core.nn.layers import Layer
from nn_core.nn.network import Network, from_weights

CAM, HIRES_CAM = ("CAM", "Zhou et al. 2016"), ("HiResCAM", "Draelos & Carin 2020")


def evidence_gradients(model: Network, x: Array, digit: int) -> list[tuple[Array, Array]]:
    """For each layer its input, and the gradient of a class's evidence with respect to it, for x (n, *image_shape).

    Without dropout. Writes into the layers and `flat_grads` of the model: give it a network that nobody else uses.
    """
    evidence = np.full(N_CLASSES, -1 / N_CLASSES, x.dtype)
    evidence[digit] += 1
    return gradients_along(model, x, evidence)


def gradients_along(model: Network, x: Array, direction: Array) -> list[tuple[Array, Array]]:
    """The same for any sum of the logits: `direction` (n_classes,) says how often each of them counts."""
    inputs = []
    for layer in model.layers:
        inputs.append(x)
        x = layer.forward(x)
    dout = np.broadcast_to(direction.astype(x.dtype), x.shape).copy()
    found = []
    for layer, given in zip(reversed(model.layers), reversed(inputs), strict=True):
        dout = layer.backward(dout)
        found.append((given, dout))
    return found[::-1]


def _gradients_for(model: Network, image: Array, digit: int) -> list[tuple[Array, Array]]:
    copy = from_weights(model.config, model.weights())
    return evidence_gradients(copy, copy.inputs(image[None]), digit)


def saliency(model: Network, image: Array, digit: int) -> Array:
    """How the evidence for a class rises with each pixel of one uint8 image (28, 28): float32 (28, 28), signed.

    The derivative with respect to the pixel's brightness, 0 for black to 1 for white. Simonyan, Vedaldi & Zisserman
    2014, section 3, who take the logit itself and show the magnitude.
    """
    factor, _ = choices("input_scaling")[model.config.input_scaling].target()
    return _gradients_for(model, image, digit)[0][1].reshape(SIDE, SIDE) * np.float32(255 * factor)


@dataclass(frozen=True, eq=False, repr=False)
class ActivationMap:
    """What each place of the last maps adds to the evidence for a class."""

    places: Array  # (H, W)
    over_image: Array  # the same as large as the image, (28, 28)
    is_exact: bool  # whether the mean over the places is the evidence, but for the biases
    name: str  # of the method, like "CAM"
    citation: str

    def __repr__(self) -> str:
        height, width = self.places.shape
        return f"ActivationMap({self.name}, {height} x {width}, {'exact' if self.is_exact else 'approximate'})"


def activation_map(model: Network, image: Array, digit: int) -> ActivationMap | None:
    """Where in one uint8 image (28, 28) the evidence for a class lies; None for a network without maps.

    n dE/dA_k A_k, summed over the last block's maps A_k with their n places, E being the evidence. Behind a single
    dense layer the mean over the places plus the class's bias, less the mean bias, is the evidence. Where that layer
    sees the means of the maps, this is CAM (Zhou et al. 2016, equation 2, here of the evidence); otherwise HiResCAM
    (Draelos & Carin 2020). Grad-CAM (Selvaraju et al. 2017), which takes the mean of dE/dA_k over the places first,
    showed less than half of its mass for the right answer, this 0.98 (medians of 59 images, the shipped network).
    """
    at = _head(model.layers)
    if at is None:
        return None
    maps, gradient = _gradients_for(model, image, digit)[at]
    places = (gradient * maps).sum(axis=1)[0] * (maps.shape[2] * maps.shape[3])
    over_image = spread_over_image(places, model.config, len(model.config.channels) - 1)
    is_exact = not model.config.dense_units
    name, citation = CAM if is_exact and model.config.head == "average" else HIRES_CAM
    return ActivationMap(places, over_image, is_exact, name, citation)


def _head(layers: list[Layer]) -> int | None:
    """The index of the layer whose input are the last maps; None without maps."""
    heads = tuple(choice.target for choice in choices("head").values())
    return next((at for at, layer in enumerate(layers) if isinstance(layer, heads)), None)
