"""By which measures what is no digit is found out best: `python -m benchmarks.no_digits`.

Several hundred drawings of each kind (nn_core/sketch/no_digits), in two halves: measures are chosen by the first, and
`benchmarks.pen_drawings` reports on the second. Each measure refuses one in a hundred of the validation images. For the
shipped network, and for a fully connected one that is trained here. Two minutes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nn_core import RunConfig, Trainer, load_mnist, load_shipped
from nn_core.explain import hidden_layers, layer_outputs
from nn_core.machine.numbers import percent
from nn_core.nn.losses import log_softmax
from nn_core.nn.network import Network
from nn_core.sketch.no_digits.detector import load_detector
from nn_core.sketch.no_digits.kinds import KINDS, NOISE, no_digits
from nn_core.sketch.pen import Pen
from nn_core.sketch.strangeness import Neighbours, Usual, energy
from nn_core.sketch.to_mnist import to_mnist

Images = NDArray[np.uint8]
N_EACH = 400
FONTS = Path("/usr/share/fonts/truetype")  # those that are there, and Pillow's own
LETTERS_IN_FONTS = "ABCDEFGHJKLMNPQRTUVWXYabdefhkmnpqrtuvwxy&?#@%$+=<>*~"
TOGETHER = (
    ("detector", "energy"),
    ("detector", "neighbours"),
    ("energy", "neighbours"),
    ("detector", "energy", "neighbours"),
)


def half(name: str, n_each: int = N_EACH) -> dict[str, Images]:
    """Kind -> images (n_each, 28, 28), of the half "choose" or "report", which share no random number."""
    data = load_mnist()
    images, labels, seed = {
        "choose": (data.val_images, data.val_labels, 1001),
        "report": (data.test_images, data.test_labels, 2002),
    }[name]
    pen, rng = Pen(images[:2500], labels[:2500]), np.random.default_rng(seed)
    return {kind: no_digits(kind, n_each, rng, pen) for kind in [*KINDS, NOISE]}


def printed(characters: str) -> Images:
    """The characters in each font that is at hand, in MNIST's form: (n, 28, 28)."""
    paths = sorted(FONTS.rglob("*.ttf"))
    fonts = [ImageFont.load_default(120), *(ImageFont.truetype(path, 120) for path in paths)]
    images = []
    for font in fonts:
        for character in characters:
            canvas = Image.new("L", (280, 280))
            ImageDraw.Draw(canvas).text((140, 140), character, font=font, fill=255, anchor="mm")
            images.append(to_mnist(np.asarray(canvas)).image)
    return np.stack(images)


class Mahalanobis:
    """The squared distance to the nearest class in the last hidden layer (Lee, Lee, Lee & Shin 2018)."""

    def __init__(self, model: Network, images: Images, labels: NDArray[np.uint8]) -> None:
        self.model, self.layer = model, len(hidden_layers(model.config)) - 1
        found = self._outputs(images)
        self.means = np.stack([found[labels == label].mean(axis=0) for label in range(10)])
        self.inverse = np.linalg.pinv(np.cov((found - self.means[labels]).T))

    def __call__(self, images: Images) -> NDArray[np.float64]:
        """(n,): the higher the stranger."""
        away = self._outputs(images)[:, None] - self.means
        distances: NDArray[np.float64] = np.einsum("nci,ij,ncj->nc", away, self.inverse, away).min(axis=1)
        return distances

    def _outputs(self, images: Images) -> NDArray[np.float64]:
        return layer_outputs(self.model, images, self.layer).reshape(len(images), -1).astype(np.float64)


def measured(model: Network, images: dict[str, Images]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Measure -> name of the images -> what it says of them (n,)."""
    data = load_mnist()
    known, labels = data.train_images[:12_000], data.train_labels[:12_000]
    logits = {name: model.logits(found) for name, found in images.items()}
    near, distance = Neighbours(model, known), Mahalanobis(model, known, labels)
    return {
        "softmax": {name: -log_softmax(z).max(axis=1).astype(float) for name, z in logits.items()},
        "energy": {name: energy(z, 1.0) for name, z in logits.items()},
        "Mahalanobis": {name: distance(found) for name, found in images.items()},
        "neighbours": {name: near.distances(found) for name, found in images.items()},
        "detector": {name: load_detector().odds(found) for name, found in images.items()},
    }


@cache
def trained_here() -> Network:
    """784-128-10 after five epochs: 97.5 %."""
    trainer = Trainer(RunConfig(hidden=(128,), lr=0.2, epochs=5), load_mnist())
    trainer.train_epochs(5)
    return trainer.model


def main() -> None:
    """Print a table a network: a row a measure, a column a kind."""
    data, drawings = load_mnist(), half("choose")
    images = {"val": data.val_images, "test": data.test_images, **drawings}
    for title, model in (("the shipped network", load_shipped()), ("784-128-10", trained_here())):
        print(f"{title}: refused where 1 % of the validation images are")
        found = measured(model, images)
        for names in TOGETHER:
            usual = {name: Usual.of(found[name]["val"], 0.01) for name in names}
            found[" + ".join(names)] = {
                of: np.sum([usual[name](found[name][of]) for name in names], axis=0) for of in images
            }
        for name, values in found.items():
            limit = np.quantile(values["val"], 0.99)
            shares = {of: float((values[of] > limit).mean()) for of in (*drawings, "test")}
            mean = float(np.mean([shares[kind] for kind in drawings]))
            row = ", ".join(f"{of} {percent(share)}" for of, share in shares.items())
            print(f"  {name}: {percent(mean)} on average; {row}")


if __name__ == "__main__":
    main()
