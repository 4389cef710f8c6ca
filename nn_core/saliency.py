"""Which pixels of an image speak for a class, and which against it: saliency and class-activation maps.

What speaks for a class raises its *evidence*: its logit less the mean of all ten. The logits alone would not do: what
they share changes no probability, yet it can colour a whole map.

Both run the readable layers of a twin of the network, so that a page may ask while others do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nn_core.knobs import choices
from nn_core.layers import Layer
from nn_core.maps import spread_over_image
from nn_core.network import N_CLASSES, SIDE, Network, from_weights

Array = npt.NDArray[Any]


def evidence_gradients(model: Network, x: Array, digit: int) -> list[tuple[Array, Array]]:
    """For each layer, its input for inputs x (n, *image_shape) and the gradient of a class's evidence to that input.

    Without dropout. Writes into the model's `flat_grads` and its layers: give it a network that nobody else uses.
    """
    inputs = []
    for layer in model.layers:
        inputs.append(x)
        x = layer.forward(x)
    dout = np.full((len(x), N_CLASSES), -1 / N_CLASSES, x.dtype)
    dout[:, digit] += 1
    found = []
    for layer, given in zip(reversed(model.layers), reversed(inputs), strict=True):
        dout = layer.backward(dout)
        found.append((given, dout))
    return found[::-1]


def _gradients_for(model: Network, image: Array, digit: int) -> list[tuple[Array, Array]]:
    twin = from_weights(model.config, model.weights())
    return evidence_gradients(twin, twin.inputs(image[None]), digit)


def saliency(model: Network, image: Array, digit: int) -> Array:
    """How the evidence for a class rises with each pixel of one uint8 image (28, 28): float32 (28, 28), signed.

    The derivative with respect to the pixel's brightness, 0 for black to 1 for white. Simonyan, Vedaldi & Zisserman
    2014, section 3, who take the logit itself and show the magnitude.
    """
    factor, _ = choices("input_scaling")[model.config.input_scaling].target()
    return _gradients_for(model, image, digit)[0][1].reshape(SIDE, SIDE) * np.float32(255 * factor)


@dataclass(frozen=True)
class ActivationMap:
    """What each place of the last maps adds to the evidence for a class, (H, W), and whether that is exact."""

    places: Array
    over_image: Array  # the same, (28, 28)
    is_exact: bool  # the mean over the places is the evidence, up to the biases
    citation: str


def activation_map(model: Network, image: Array, digit: int) -> ActivationMap | None:
    """Where in one uint8 image (28, 28) the evidence for a class lies; None for a network without maps.

    sum over k of alpha_k A_k, of the last block's maps A_k. Behind a global average and one dense layer alpha is the
    class's weights in that layer (Zhou et al. 2016, equation 2), here less their mean over the classes: the mean over
    the places plus the class's bias, less the mean bias, is the evidence. Else alpha is the mean of the gradient of the
    evidence over a map's places (Selvaraju et al. 2017, equations 1 and 2, there of the logit, and with a final ReLU,
    which would hide what speaks against the class).
    """
    at = _head(model.layers)
    if at is None:
        return None
    maps, gradient = _gradients_for(model, image, digit)[at]
    n_places = maps.shape[2] * maps.shape[3]
    is_exact = model.config.head == "average" and not model.config.dense_units
    alpha = gradient.mean(axis=(2, 3)) * (n_places if is_exact else 1)  # (1, C); the average hands on W / n_places
    places = np.einsum("nc,nchw->hw", alpha, maps)
    over_image = spread_over_image(places, model.config, len(model.config.channels) - 1)
    return ActivationMap(places, over_image, is_exact, "Zhou et al. 2016" if is_exact else "Selvaraju et al. 2017")


def _head(layers: list[Layer]) -> int | None:
    """Where the layer stands that takes the last maps; None where there are none."""
    heads = tuple(choice.target for choice in choices("head").values())
    return next((at for at, layer in enumerate(layers) if isinstance(layer, heads)), None)
