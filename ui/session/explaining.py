"""Why a network reads an image as it does, worked out when a page asks, and kept as long as it holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.explain.attribution import Attribution, gradient_maps, integrated_gradients, occlusion
from nn_core.explain.decomposition import Decomposition, Target, decompose, unit_pictures
from nn_core.explain.neighbours import Neighbours, by_hidden_layer, by_pixels, last_hidden
from nn_core.machine.memory import Array
from nn_core.nn.network import Network
from ui.session.current import dataset
from ui.session.readers import Reader, seldom

N_UNITS, N_NEAREST = 12, 10
N_BY_PIXELS = 12_000  # training images that are searched
N_BY_HIDDEN = {"mlp": 12_000, "cnn": 2_000}  # the same by the hidden layer: a convolution takes longer


@dataclass(frozen=True, eq=False)
class Reasons:
    """Of one image and one target."""

    image: Array
    model: Network
    logits: Array  # (10,)
    probabilities: Array  # (10,)
    parts: Decomposition
    units: Array  # int64 (k,): the strongest, from the most for to the most against
    pictures: Array  # (k, 28, 28)


@dataclass(frozen=True, eq=False)
class Maps:
    """Four maps of one image and target."""

    gradient: Attribution
    times_input: Attribution
    integrated: Attribution
    occluded: Attribution


def reasons(of: Reader, image: Array, target: Target | None) -> Reasons:
    """The answer as a sum; with no target: what is answered against the runner-up."""

    def work() -> Reasons:
        logits = of.model.logits(image[None])
        order = np.argsort(-logits[0], kind="stable")
        wanted = target or Target(int(order[0]), int(order[1]))
        parts = decompose(of.model, image, wanted)
        units = parts.strongest(N_UNITS)
        pictures = unit_pictures(of.model, image, parts, units)
        return Reasons(image, of.model, logits[0], of.model.loss.probabilities(logits)[0], parts, units, pictures)

    found: Reasons = seldom("reasons" if target is None else "reasons wanted", (image.tobytes(), target), of, work)
    return found


def maps(of: Reader, found: Reasons) -> Maps:
    """Which pixels it is due to."""
    target = found.parts.target

    def work() -> Maps:
        both = gradient_maps(found.model, found.image, target)
        integrated = integrated_gradients(found.model, found.image, target)
        return Maps(*both, integrated, occlusion(found.model, found.image, target))

    drawn: Maps = seldom("maps", (found.image.tobytes(), target), of, work)
    return drawn


def nearest_images(of: Reader, image: Array) -> tuple[Neighbours, Neighbours]:
    """The nearest training images by pixels, and by what the last hidden layer makes of them."""
    data = dataset()

    def index() -> tuple[Network, Array]:
        return of.model, last_hidden(of.model, data.train_images[: N_BY_HIDDEN[of.model.config.model]])

    def work() -> tuple[Neighbours, Neighbours]:
        model, rows = seldom("hidden index", data.identity, of, index)
        near = by_pixels(data.train_images[:N_BY_PIXELS], image, N_NEAREST)
        return near, by_hidden_layer(model, rows, image, N_NEAREST)

    both: tuple[Neighbours, Neighbours] = seldom("nearest", (image.tobytes(), data.identity), of, work)
    return both
