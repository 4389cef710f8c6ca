"""What Draw shows of a sketch, as HTML: the stages of its image, the digits that are read, and how sure that is."""

from __future__ import annotations

import numpy as np

from nn_core.export.png import png_uri
from nn_core.machine.memory import Array
from nn_core.machine.numbers import decimal, probability
from nn_core.sketch.doubt import DETECTOR, ENERGY, NEIGHBOURS
from nn_core.sketch.reading import NO_DIGIT, SURE, UNSURE_BELOW, Readings
from nn_core.sketch.to_mnist import Sketch
from ui.charts import theme
from ui.session.drawing import CANVAS_SIDE
from ui.texts import link
from ui.words import Html, Markdown

STAGES = {"drawn": "as drawn", "cropped": "cropped", "20x20": "20 × 20", "28x28": "28 × 28, centred"}
MEASURES = {
    DETECTOR: "a detector trained with what is no digit",
    ENERGY: "the energy of its outputs",
    NEIGHBOURS: "the distance to its 20th nearest training image",
}

# ---------------------------------------------------------------------------------------------- the stages

_LOOKS = f"""
<style>
  .st-key-sketch-field {{ position: relative; height: {CANVAS_SIDE}px; }}
  .st-key-sketch-tools {{ max-width: 11rem; }}
  .film {{ display: flex; align-items: flex-start; gap: 4px; max-width: 27.5rem; margin: 0; }}
  .film figure {{ flex: 1 1 0; min-width: 0; margin: 0; }}
  .film div {{ aspect-ratio: 1; border: 1px solid rgba(128, 128, 128, .35); border-radius: 4px; overflow: hidden;
    display: flex; background: rgba(128, 128, 128, .16); }}
  .film img {{ width: 100%; height: 100%; object-fit: contain; image-rendering: pixelated; }}
  .film figcaption {{ font-size: .78rem; line-height: 1.25; margin-top: .25rem; text-align: center; opacity: .8; }}
  .film > span {{ align-self: center; opacity: .5; margin-bottom: 1.2rem; }}
  .speck {{ margin: .3rem 0 0; font-size: .85rem; opacity: .8; }}
  .verdict {{ display: flex; align-items: center; gap: 1.1rem; min-height: 5.6rem; }}
  .verdict > b {{ font-size: 5.4rem; line-height: 1; min-width: 3.6rem; text-align: center; font-weight: 680; }}
  .verdict > b.number {{ font-size: 3.6rem; flex: none; }}
  .verdict p {{ margin: 0; line-height: 1.4; font-variant-numeric: tabular-nums; }}
  .verdict p.lead {{ font-size: 1.2rem; font-weight: 600; }}
  .verdict p + p {{ margin-top: .15rem; }}
  @media (max-width: 640px) {{
    :has(> .st-key-sketch-field) {{ margin: 0 auto; }}
    .st-key-sketch-tools.st-key-sketch-tools {{ flex-flow: row wrap; max-width: none; }}
    .st-key-sketch-tools > .stElementContainer {{ flex: 1 1 auto; width: auto; min-width: 5.5rem; }}
    .st-key-sketch-tools > .st-key-brush {{ flex: 1 0 100%; }}
    /* the answer stays in sight under the canvas, wherever the page is scrolled */
    .stElementContainer:has(.verdict) {{ position: fixed; inset: auto 0 0; width: auto; z-index: 80; padding: 0 1rem;
      backdrop-filter: blur(14px); background: var(--veil); border-top: 1px solid rgba(128, 128, 128, .35); }}
    .stMainBlockContainer:has(.verdict) {{ padding-bottom: 5.5rem; }}
    .verdict {{ min-height: 4.2rem; }}
    .verdict > b {{ font-size: 3.4rem; min-width: 2.4rem; }}
    .verdict > b.number {{ font-size: 2.2rem; }}
    .verdict p.lead {{ font-size: 1.05rem; }}
  }}
</style>
"""
_HINT = """
<style>
  .st-key-sketch-field::after { content: "draw a digit here"; position: absolute; inset: 0; display: grid;
    place-items: center; color: #8d969c; font-size: 1.05rem; pointer-events: none; z-index: 30; }
  .st-key-sketch-field:hover::after { content: none; }
</style>
"""


def film(sketch: Sketch) -> Html:
    """The stages side by side, as HTML: each in a square of its own, its pixels crisp."""
    frames = [
        f'<figure><div><img src="{png_uri(sketch.stages[name])}" alt="{label}" decoding="sync"></div>'
        f"<figcaption>{label}</figcaption></figure>"
        for name, label in STAGES.items()
    ]
    hint = _HINT if sketch.empty else ""
    drawn, kept = (int(sketch.stages[name].sum()) for name in ("drawn", "cropped"))
    speck = '<p class="speck">A speck far from the digit is left out.</p>' if kept < drawn else ""
    return f'{_LOOKS}{hint}<div class="film">{"<span>›</span>".join(frames)}</div>{speck}'


# ---------------------------------------------------------------------------------------------- what is read


def verdict(probabilities: Array, dark: bool, found: Readings | None = None, at: int = 0) -> Html:
    """The digit that is read, large, and how sure that is in words, as HTML.

    probabilities (10,): as the network gives them. `found`, whose reading number `at` it is, may be on its way.
    """
    raw = probabilities
    if found is not None:
        probabilities = found.probabilities[at]
    first, second = (int(digit) for digit in np.argsort(-probabilities, kind="stable")[:2])
    share, next_share = (probability(float(probabilities[digit])) for digit in (first, second))
    lead, rest = f"Read as {first}, with {share}", f"The runner-up is {second}, with {next_share}."
    colour, shown = theme.palette(dark).digits[first], str(first)
    if probabilities[first] < UNSURE_BELOW:
        lead, rest = f"Unsure: perhaps {first}, with {share}", f"It might as well be {second}, with {next_share}."
    if found is not None and found.verdict[at] == NO_DIGIT:
        shown, colour = "?", "inherit"
        lead, rest = "Not like any digit it has seen", f"The nearest is {first}."
    uncalibrated = "" if found is None else f" Before calibration: {probability(float(raw[first]))}."
    return _large(f'<b style="color: {colour}">{shown}</b>', lead, rest + uncalibrated)


def number_verdict(found: Readings, dark: bool) -> Html:
    """Several digits as one number, large, each in its colour, and how sure each is, as HTML."""
    colours, large, each = theme.palette(dark).digits, [], []
    signs = [
        "?" if verdict == NO_DIGIT else str(digit) for digit, verdict in zip(found.digit, found.verdict, strict=True)
    ]
    for sign, digit, verdict, confidence in zip(signs, found.digit, found.verdict, found.confidence, strict=True):
        refused = verdict == NO_DIGIT
        large.append(f'<span style="color: {"inherit" if refused else colours[digit]}">{sign}</span>')
        each.append(NO_DIGIT if refused else f"{digit}: {verdict}, {probability(float(confidence))}")
    number = "".join(signs)
    lead = f"Read as the number {number}" if (found.verdict == SURE).all() else f"Unsure: perhaps {number}"
    return _large(f'<b class="number">{"".join(large)}</b>', lead, " · ".join(each))


def thresholds(found: Readings, at: int = 0) -> Markdown:
    """How it is calibrated, and from where on it is called no digit, in three sentences."""
    doubt, strange = found.doubt, decimal(float(found.strangeness[at]), 1)
    temperature = doubt.temperature
    how, term = " and ".join(MEASURES[name] for name in doubt.measures), link("strangeness")
    return (
        f"The bars are what the network gives. The line above is calibrated (temperature {decimal(temperature)}), "
        f"so that of readings with 90 % nine of ten are right. [Strangeness]({term}) {strange}, from {how}; "
        f"above {decimal(doubt.limit, 1)}, as 1 % of the validation images are, it is called no digit."
    )


def invitation() -> Html:
    """What stands in the place of the digit while the canvas is blank, as HTML."""
    rest = "It is read after every stroke. Digits with a gap between them are read as a number."
    return _large('<b style="opacity: .3">?</b>', "Draw one digit, large, in the black field", rest)


def _large(sign: Html, lead: Html, rest: Html) -> Html:
    return f'<div class="verdict">{sign}<div><p class="lead">{lead}</p><p>{rest}</p></div></div>'
