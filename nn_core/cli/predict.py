"""`python -m nn_core predict`: which digit is on an image, and how sure that is."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_core.cli.runs import add_runs_option
from nn_core.config import shorten
from nn_core.config.errors import ConfigError
from nn_core.data.dataset import SIDE
from nn_core.machine.disk import reason
from nn_core.machine.memory import Array
from nn_core.machine.numbers import probability
from nn_core.nn.network import Network, from_weights
from nn_core.sketch import Readings, read
from nn_core.sketch.number import digits_apart
from nn_core.sketch.to_mnist import MAX_SIDE, to_mnist
from nn_core.store import RunStore
from nn_core.training import exact_frame

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 10_000_000  # of an image file


def add_commands(commands: Any) -> None:
    """Add `predict` to the subparsers of the command line."""
    command = commands.add_parser("predict", help="read the digits on images, and say how sure that is")
    command.set_defaults(run=_predict)
    command.add_argument("--image", nargs="+", required=True, metavar="FILE", help="PNG, JPEG, ...: bright on dark")
    command.add_argument(
        "--sketch",
        action="store_true",
        help="a drawing of any size: it is cropped, scaled and centred as MNIST's digits are, and digits with a gap "
        f"between them are read one by one. Without it, an image must be {SIDE}x{SIDE} and is read as it is.",
    )
    command.add_argument("--run", dest="run_id", metavar="RUN", help="by this run. Default: Glassnet's own.")
    command.add_argument("--json", action="store_true", help="print one JSON object, of all images")
    add_runs_option(command)


def _predict(options: argparse.Namespace) -> None:
    """Print a line an image, or JSON."""
    model = None if options.run_id is None else _of_run(RunStore(options.runs), options.run_id)
    told = []
    for path in options.image:
        images, remarks = _images_of(path, options.sketch)
        found = read(images, model)
        told.append({"file": path, **_to_json(found), "remarks": remarks})
        if not options.json:
            print(f"{path}: {_in_words(found)}", *remarks)
    if options.json:
        print(json.dumps({"images": told}))


def _of_run(store: RunStore, run_id: str) -> Network:
    checkpoint = store.checkpoint(run_id)
    return from_weights(checkpoint.config, exact_frame(checkpoint).weights())


def _images_of(path: str, is_sketch: bool) -> tuple[Array, list[str]]:
    """The digits of a file as images (n, 28, 28), and a sentence on each that can hardly be read."""
    pixels = _pixels_of(path)
    if is_sketch:
        digits = digits_apart(to_mnist(pixels))
        return np.stack([digit.image for digit in digits]), [digit.message for digit in digits if digit.message]
    if pixels.shape[:2] != (SIDE, SIDE):
        height, width = pixels.shape[:2]
        raise ConfigError(
            f"{shorten(path)} must be {SIDE} x {SIDE} pixels, got {width} x {height}: with --sketch it is made so"
        )
    return pixels[None], []


def _pixels_of(path: str) -> Array:
    """The grey levels uint8 (height, width) of an image file, transparent pixels black. Raises ConfigError."""
    from PIL import Image, UnidentifiedImageError

    named = shorten(path)
    try:
        n_bytes = Path(path).stat().st_size
        if n_bytes > MOST_BYTES:
            raise ConfigError(f"{named} may have at most {MOST_BYTES:,} bytes, got {n_bytes:,}")
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:  # of many pixels: we count them, too
            if max(image.size) > MAX_SIDE:
                raise ConfigError(f"{named} may have at most {MAX_SIDE:,} pixels a side, got {max(image.size):,}")
            return _gray(image)
    except ConfigError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise ConfigError(f"{named} is no image that can be read") from None
    except (OSError, SyntaxError, ValueError) as error:
        why = reason(error).lower() if isinstance(error, OSError) and error.errno else "it is damaged"
        raise ConfigError(f"{named} cannot be read: {why}") from None


def _gray(image: Image) -> Array:
    """Luminance over black, uint8 (height, width); of 16 bits a pixel the upper eight."""
    from PIL import Image as images

    if image.mode.startswith("I;16"):
        return (np.asarray(image) // 256).astype(np.uint8)
    over_black = images.new("RGBA", image.size, "black")
    over_black.alpha_composite(image.convert("RGBA"))
    return np.asarray(over_black.convert("L"))


def _in_words(found: Readings) -> str:
    """Like "12 (1, sure, 99.2 %; 2, unsure, 55.0 %)"."""
    each = [
        f"no digit (nearest to {digit})" if verdict == "no digit" else f"{digit}, {verdict}, {probability(confidence)}"
        for digit, verdict, confidence in zip(found.digit, found.verdict, found.confidence, strict=True)
    ]
    return each[0] if len(each) == 1 else f"{''.join(map(str, found.digit))} ({'; '.join(each)})"


def _to_json(found: Readings) -> dict[str, Any]:
    digits = [
        {
            "digit": int(digit),
            "verdict": str(verdict),
            "confidence": round(float(confidence), 6),
            "raw_confidence": round(float(raw[digit]), 6),
            "probabilities": [round(float(p), 6) for p in probabilities],
        }
        for digit, verdict, confidence, raw, probabilities in zip(
            found.digit, found.verdict, found.confidence, found.raw, found.probabilities, strict=True
        )
    ]
    return {"number": "".join(map(str, found.digit)), "digits": digits}
