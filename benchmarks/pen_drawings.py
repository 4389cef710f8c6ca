"""How well the shipped network reads what it was not trained on: `python -m benchmarks.pen_drawings`.

Digits of 52 hands, written down here as strokes, are drawn with pens of 5 to 26 pixels on a canvas of 280, shaken,
slanted and stretched, and go through `to_mnist` as a sketch does. Beside them: MNIST's test images, and its
validation images drawn again (nn_core/sketch/pen.py). A minute.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.no_digits import LETTERS_IN_FONTS, half, printed
from nn_core import load_mnist
from nn_core.evaluation import reliability
from nn_core.machine.numbers import exact, percent
from nn_core.sketch import Readings, read
from nn_core.sketch.pen import Pen
from nn_core.sketch.strokes import Stroke, along, arc, smooth, straight
from nn_core.sketch.to_mnist import to_mnist

SIDE, FINER = 280, 2  # pixels of the canvas; drawn at so many times the size
WIDTHS = (5.0, 26.0)  # pixels of the pen, drawn evenly on a logarithmic scale
BANDS = ((2.0, 5.0), (5.0, 9.0), (9.0, 15.0), (15.0, 22.0), (22.0, 30.0), (30.0, 42.0))  # of widths, told apart
N_EACH, N_IN_BAND = 40, 16  # drawings of each hand
N_REDRAWN = 2_000


# fmt: off
HANDS: dict[int, list[list[Stroke]]] = {
    0: [[arc(.5, .5, .38, .5, -90, 270)], [arc(.5, .5, .3, .5, -60, 300)], [arc(.5, .5, .45, .45, -100, 285)],
        [arc(.5, .5, .38, .5, -90, 270), straight((.8, .1), (.2, .9))], [arc(.5, .5, .35, .5, -120, 225)]],
    1: [[straight((.5, 0), (.5, 1))], [straight((.25, .3), (.55, 0), (.55, 1))], [straight((.62, 0), (.4, 1))],
        [straight((.3, .2), (.5, 0), (.5, 1)), straight((.25, 1), (.75, 1))], [straight((.1, .45), (.6, 0), (.6, 1))],
        [smooth((.2, .35), (.4, .2), (.55, 0), (.55, .3), (.5, 1))], [straight((.5, 0), (.5, 1), (.3, 1), (.7, 1))]],
    2: [[smooth((.1, .25), (.3, .02), (.7, .02), (.88, .25), (.75, .5), (.4, .8), (.1, 1)), straight((.1, 1), (1, 1))],
        [smooth((.1, .2), (.4, 0), (.8, .1), (.8, .4), (.4, .8), (.15, .95), (.15, .8), (.35, .8), (.6, .95),
                (1, .95))],
        [straight((.1, .05), (.85, .05), (.85, .45), (.1, 1), (.9, 1))],
        [straight((.15, .2), (.5, 0), (.8, .25), (.1, 1), (.9, .97))]],
    3: [[smooth((.15, .12), (.5, 0), (.82, .2), (.65, .43), (.4, .48), (.7, .53), (.9, .75), (.55, 1), (.1, .88))],
        [arc(.45, .25, .36, .25, 200, 430), arc(.45, .74, .42, .26, -70, 150)],
        [straight((.1, 0), (.85, 0), (.45, .4)), smooth((.45, .4), (.85, .5), (.88, .8), (.5, 1), (.1, .9))],
        [straight((.1, .05), (.8, .2), (.35, .48), (.85, .75), (.1, 1))]],
    4: [[straight((.65, 0), (.1, .65), (.95, .65)), straight((.65, 0), (.65, 1))],
        [straight((.2, 0), (.15, .55), (.85, .55)), straight((.75, 0), (.75, 1))],
        [smooth((.2, .02), (.18, .3), (.22, .52)), straight((.22, .52), (.85, .5)), straight((.8, .02), (.72, 1))],
        [straight((.5, 0), (.1, .6), (.9, .6)), straight((.6, .35), (.55, 1))],
        [straight((.2, 0), (.2, .5), (.8, .5)), straight((.8, .3), (.8, 1))],
        [straight((.7, 1), (.7, 0), (.05, .7), (.95, .7))]],
    5: [[straight((.85, 0), (.2, 0), (.15, .45)),
         smooth((.15, .45), (.5, .36), (.85, .55), (.85, .8), (.5, 1), (.1, .9))],
        [straight((.2, 0), (.2, .45)), smooth((.2, .45), (.6, .38), (.85, .68), (.6, .98), (.1, .9)),
         straight((.2, 0), (.85, .02))],
        [straight((.85, 0), (.15, 0), (.15, .48), (.8, .48), (.8, 1), (.1, 1))],
        [smooth((.85, .02), (.5, .04), (.25, .05), (.2, .4), (.55, .42), (.8, .65), (.6, .95), (.1, .95))]],
    6: [[smooth((.75, .02), (.4, .2), (.15, .6), (.25, .95), (.6, 1), (.82, .78), (.65, .55), (.35, .58), (.18, .78))],
        [smooth((.6, 0), (.25, .35), (.15, .75), (.4, 1), (.75, .9), (.8, .65), (.5, .5), (.2, .65))],
        [smooth((.3, 0), (.2, .5), (.22, .9), (.5, 1), (.75, .85), (.7, .62), (.45, .58), (.22, .75))],
        [straight((.7, 0), (.2, .5), (.2, 1), (.8, 1), (.8, .6), (.2, .6))],
        [smooth((.85, .1), (.55, 0), (.25, .25), (.12, .65), (.3, .97), (.7, .97), (.85, .72), (.6, .5), (.15, .7))]],
    7: [[straight((.1, 0), (.9, 0), (.4, 1))], [straight((.1, .02), (.9, 0), (.4, 1)), straight((.3, .5), (.85, .48))],
        [straight((.1, .15), (.12, 0), (.9, 0), (.45, 1))], [straight((.2, 0), (.8, 0), (.75, 1))],
        [smooth((.1, .05), (.5, .06), (.88, 0), (.65, .35), (.5, .65), (.45, 1))],
        [straight((.1, .2), (.15, .02), (.9, 0), (.4, 1)), straight((.35, .5), (.85, .5))]],
    8: [[smooth((.75, .12), (.5, 0), (.2, .2), (.4, .43), (.7, .58), (.85, .8), (.5, 1), (.15, .8), (.35, .55),
                (.7, .4), (.8, .2), (.72, .08))],
        [arc(.5, .25, .3, .25, 90, 450), arc(.5, .75, .38, .25, -90, 270)],
        [arc(.5, .22, .22, .22, 100, 455), arc(.5, .7, .36, .28, -90, 265)],
        [straight((.2, 0), (.8, 1), (.2, 1), (.8, 0), (.2, 0))],
        [smooth((.8, .05), (.3, .05), (.25, .3), (.75, .65), (.7, .97), (.25, .95), (.3, .65), (.75, .3), (.82, .1))]],
    9: [[smooth((.8, .2), (.5, 0), (.2, .25), (.4, .5), (.75, .35), (.8, .15)), smooth((.8, .15), (.78, .5), (.6, 1))],
        [arc(.45, .27, .33, .27, 0, 360), straight((.78, .2), (.78, 1))],
        [arc(.45, .27, .33, .27, -20, 340), smooth((.78, .25), (.8, .7), (.55, 1), (.15, .92))],
        [smooth((.75, .1), (.3, .05), (.2, .35), (.5, .5), (.78, .2)), straight((.78, .05), (.5, 1))],
        [straight((.8, .4), (.2, .4), (.2, 0), (.8, 0), (.8, 1))],
        [smooth((.8, .2), (.5, 0), (.2, .25), (.4, .5), (.75, .35), (.8, .15), (.78, .6), (.4, 1), (.15, .85))]],
}
# fmt: on


def drawn(strokes: list[Stroke], rng: np.random.Generator, widths: tuple[float, float] = WIDTHS) -> NDArray[np.uint8]:
    """A canvas (280, 280) with these strokes as one hand draws them once, with a pen between these widths."""
    turn, stretch = np.deg2rad(rng.normal(0, 7)), np.exp(rng.normal(0, 0.11))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shape = turned @ [[0.72 * stretch, -rng.normal(0, 0.18)], [0, 1 / stretch]]
    size = rng.uniform(70, 220)
    width = FINER * min(np.exp(rng.uniform(np.log(widths[0]), np.log(widths[1]))), 0.22 * size)
    waves = [(rng.normal(0, 0.02, 2), rng.uniform(-9, 9, 2), rng.uniform(0, 2 * np.pi)) for _ in range(3)]
    picture = Image.new("L", (FINER * SIDE, FINER * SIDE))
    pen = ImageDraw.Draw(picture)
    for is_smooth, points in strokes:
        shaken = points + rng.normal(0, 0.035 if len(points) < 15 else 0.014, points.shape)
        line = along(is_smooth, shaken)
        for push, wave, phase in waves:
            line = line + push * np.sin(line @ wave + phase)[:, None]
        line = ((line - 0.5) @ shape.T * size + SIDE / 2) * FINER
        pen.line([(x, y) for x, y in line], fill=255, width=max(1, round(width)))
        for x, y in line:
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))


def pen_drawings(
    n_each: int = N_EACH, widths: tuple[float, float] = WIDTHS, seed: int = 5
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[tuple[int, int]]]:
    """So many drawings of each hand in MNIST's form (n, 28, 28), their digits (n,), and (digit, number of the hand)."""
    rng = np.random.default_rng(seed)
    hands = [(digit, number) for digit, found in HANDS.items() for number in range(len(found)) for _ in range(n_each)]
    images = [to_mnist(drawn(HANDS[digit][number], rng, widths)).image for digit, number in hands]
    return np.stack(images), np.array([digit for digit, _ in hands]), hands


def told(readings: Readings, digits: NDArray[Any]) -> str:
    """What is said of digits that were read: accuracy, ECE, and how many are refused or unsure."""
    right = readings.digit == digits
    ece = reliability(readings.confidence, right).ece
    refused, unsure = ((readings.verdict == name).mean() for name in ("no digit", "unsure"))
    wrong_and_sure = (~right & (readings.verdict == "sure")).mean()
    return (
        f"{exact(right.mean())} of {len(digits):,} right, ECE {ece:.4f}; refused {exact(refused)}, "
        f"unsure {exact(unsure)}; wrong and sure {exact(wrong_and_sure)}"
    )


def main() -> None:
    """Print the accuracies, the hands that are read worst, and what is said of what is no digit."""
    data = load_mnist()
    images, digits, hands = pen_drawings()
    readings = read(images)
    print(f"drawings of {sum(map(len, HANDS.values()))} hands: {told(readings, digits)}")
    wrong = Counter(hand for hand, right in zip(hands, readings.digit == digits, strict=True) if not right)
    worst = ", ".join(
        f"{digit} (number {number}) {count} of {N_EACH}" for (digit, number), count in wrong.most_common(5)
    )
    print(f"  most often wrong: {worst}")
    for widths in BANDS:
        images, digits, _ = pen_drawings(N_IN_BAND, widths, seed=11)
        right = (read(images).digit == digits).mean()
        print(f"  with pens of {widths[0]:g} to {widths[1]:g} pixels: {percent(right)} of {len(digits):,}")
    labels = data.val_labels[:N_REDRAWN]
    rngs = np.random.default_rng(8), np.random.default_rng(9)
    again = Pen(data.val_images[:N_REDRAWN], labels).draw(np.arange(N_REDRAWN), rngs)
    print(f"validation images drawn again: {told(read(again), labels)}")
    print(f"test images: {told(read(data.test_images), data.test_labels)}")
    print("what is no digit, the half that nothing was chosen by: refused, unsure")
    found = {**half("report"), "letters and signs in print": printed(LETTERS_IN_FONTS)}
    shares = []
    for kind, drawings in found.items():
        verdict = read(drawings).verdict
        refused, unsure = (float((verdict == name).mean()) for name in ("no digit", "unsure"))
        shares.append(refused + unsure)
        print(f"  {kind}: {percent(refused)}, {percent(unsure)} of {len(drawings):,}")
    print(f"  on average over the kinds, refused or unsure: {percent(float(np.mean(shares)))}")


if __name__ == "__main__":
    main()
