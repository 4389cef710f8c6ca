"""What Draw shows of a sketch, as HTML: the stages of its image, the digit that is read, and how sure that is."""

from __future__ import annotations

import numpy as np

from nn_core.export.png import png_uri
from nn_core.machine.memory import Array
from nn_core.machine.numbers import probability
from nn_core.sketch.to_mnist import Sketch
from ui.charts import theme
from ui.session.drawing import CANVAS_SIDE
from ui.words import Html

STAGES = {"drawn": "as drawn", "cropped": "cropped", "20x20": "20 × 20", "28x28": "28 × 28, centred"}
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


def verdict(probabilities: Array, dark: bool) -> Html:
    """The digit that is read, large, with its share and the runner-up in words, as HTML; probabilities (10,)."""
    first, second = (int(digit) for digit in np.argsort(-probabilities, kind="stable")[:2])
    share, next_share = (probability(float(probabilities[digit])) for digit in (first, second))
    lead = f"Read as {first}, with {share}"
    rest = f"The runner-up is {second}, with {next_share}."
    if probabilities[first] < 0.6:
        lead, rest = f"Unsure: perhaps {first}, with {share}", f"It might as well be {second}, with {next_share}."
    colour = theme.palette(dark).digits[first]
    return f'<div class="verdict"><b style="color: {colour}">{first}</b><div>{_lines(lead, rest)}</div></div>'


def invitation() -> Html:
    """What stands in the place of the digit while the canvas is blank, as HTML."""
    lines = _lines("Draw one digit, large, in the black field", "It is read after every stroke, from 0 to 9.")
    return f'<div class="verdict"><b style="opacity: .3">?</b><div>{lines}</div></div>'


def _lines(lead: Html, rest: Html) -> Html:
    return f'<p class="lead">{lead}</p><p>{rest}</p>'
