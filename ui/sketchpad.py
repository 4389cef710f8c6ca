"""A visitor's drawing: what the canvas is given, what came back from it, the way back, and how it is shown and said.

The canvas is given a drawing only when it must show another one than it does: on a visit of the page, and after undo,
clear or a digit put there from elsewhere. In between it keeps its own strokes and sends them, so nothing that happens
on the page can take a stroke away. Whatever picture it sends that is not the present one is the next one.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from nn_core.comparison import OUTLINED
from nn_core.network import Network, outline
from nn_core.runner import Snapshot
from nn_core.sketch import Sketch, to_mnist
from nn_core.store import StoredRun
from ui import theme
from ui.words import plain

Array = npt.NDArray[Any]
Drawing = dict[str, Any]

SIDE = 280  # pixels of the canvas
BRUSH = (8, 40, 20)  # narrowest, widest and first brush, in pixels
MAX_STATES = 50  # drawings that undo can go back to
STAGES = {"drawn": "as drawn", "cropped": "cropped", "20x20": "20 × 20", "28x28": "centred, 28 × 28"}

_helper = st.components.v2.component(
    "glassnet_sketchpad", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"), isolate_styles=False
)


@dataclass(frozen=True, eq=False)
class State:
    """One picture on the canvas: its objects in the canvas's own form, the sketch made of it, and where it is from."""

    objects: tuple[Drawing, ...]
    sketch: Sketch
    note: str = ""


def _blank() -> State:
    return State((), to_mnist(np.zeros((SIDE, SIDE), np.uint8)))


class Sketchpad:
    """What is on a visitor's canvas, and what was there before."""

    def __init__(self) -> None:
        self._states = [_blank()]
        self._seen: bytes | None = None  # the last picture that came from the canvas, as PNG
        self._given: Drawing = {"objects": [], "serial": 0}
        self.visit = 0  # of the page on which the canvas was last given its drawing

    @property
    def now(self) -> State:
        """What is on the canvas."""
        return self._states[-1]

    @property
    def initial_drawing(self) -> Drawing:
        """What the canvas is given; the same until it must show another drawing than its own."""
        return dict(self._given)

    @property
    def can_undo(self) -> bool:
        """Whether there is a drawing to go back to."""
        return len(self._states) > 1

    def show(self) -> None:
        """Let the canvas show the present drawing, whatever it shows now."""
        self._given = {"objects": list(self.now.objects), "serial": self._given["serial"] + 1}

    def take(self, png: bytes | None, drawing: Drawing | None) -> None:
        """Take over what the canvas shows, when that is new: its picture, and the drawing in its own form."""
        if png is None or png == self._seen:  # nothing since it was given its drawing, or nothing new
            return
        self._seen = png
        sketch = to_mnist(np.asarray(Image.open(io.BytesIO(png))))
        if not np.array_equal(sketch.stages["drawn"], self.now.sketch.stages["drawn"]):
            self._push(State(tuple((drawing or {}).get("objects", ())), sketch))

    def undo(self) -> None:
        """Go back to the drawing before the last stroke, clearing or digit."""
        if self.can_undo:
            self._states.pop()
            self.show()

    def clear(self) -> None:
        """A blank canvas; undo brings the drawing back."""
        if not self.now.sketch.empty:
            self._push(_blank())
            self.show()

    def put_digit(self, image: Array, note: str = "") -> None:
        """Put an MNIST image uint8 (28, 28) on the canvas, enlarged ten times; `note` says what it is."""
        large = image.repeat(SIDE // 28, axis=0).repeat(SIDE // 28, axis=1)
        picture = {
            "type": "Image",
            **{"left": 0, "top": 0, "originX": "left", "originY": "top", "width": SIDE, "height": SIDE},
            "src": _png_uri(large),
        }
        self._push(State((picture,), to_mnist(large, drop_specks=False), note))
        self.show()

    def _push(self, state: State) -> None:
        self._states = [*self._states[1 - MAX_STATES :], state]


def canvas(pad: Sketchpad, brush: int) -> None:
    """Draw the canvas, and take over what was drawn on it."""
    from streamlit_drawable_canvas import st_canvas  # it can be imported only where Streamlit runs

    result = st_canvas(
        stroke_width=brush,
        stroke_color="#ffffff",
        background_color="#000000",
        width=SIDE,
        height=SIDE,
        initial_drawing=pad.initial_drawing,
        return_image_data=True,
        key="canvas",
    )
    _helper(key="canvas-helper", data={"canvas": "canvas"}, height="content")
    pad.take(result.image_bytes, result.json_data)


# ---------------------------------------------------------------------------------------------- pictures and words

_LOOKS = f"""
<style>
  .st-key-sketch-field {{ position: relative; height: {SIDE}px; }}
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
    .verdict {{ min-height: 4.6rem; }}
    .verdict > b {{ font-size: 4.4rem; min-width: 3rem; }}
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


def film(sketch: Sketch) -> str:
    """The stages side by side, as HTML: each in a square of its own, its pixels crisp."""
    frames = [
        f'<figure><div><img src="{_png_uri(sketch.stages[name])}" alt="{label}" decoding="sync"></div>'
        f"<figcaption>{label}</figcaption></figure>"
        for name, label in STAGES.items()
    ]
    hint = _HINT if sketch.empty else ""
    drawn, kept = (int(sketch.stages[name].sum()) for name in ("drawn", "cropped"))
    speck = '<p class="speck">A speck far from the digit is left out.</p>' if kept < drawn else ""
    return f'{_LOOKS}{hint}<div class="film">{"<span>›</span>".join(frames)}</div>{speck}'


def verdict(probabilities: Array, dark: bool) -> str:
    """The digit that is read, large, with its share and the runner-up in words, as HTML; probabilities (10,)."""
    first, second = (int(digit) for digit in np.argsort(-probabilities, kind="stable")[:2])
    share, next_share = (_percent(float(probabilities[digit])) for digit in (first, second))
    lead = f"Read as {first}, with {share}"
    rest = f"The runner-up is {second}, with {next_share}."
    if probabilities[first] < 0.6:
        lead, rest = f"Unsure: perhaps {first}, with {share}", f"It might as well be {second}, with {next_share}."
    colour = theme.palette(dark).digits[first]
    return f'<div class="verdict"><b style="color: {colour}">{first}</b><div>{_lines(lead, rest)}</div></div>'


def reader(shot: Snapshot, looking_back: bool = False) -> str:
    """Which network it is that reads, in one line."""
    when = f":orange[at step {shot.step:,}, looking back]" if looking_back else f"step {shot.step:,}"
    parts = [f"Read by the network **{outline(shot.config)}**, {shot.config.title(OUTLINED)}", when]
    if shot.step and shot.scores:
        parts.append(f"validation accuracy {shot.scores.val_accuracy:.1%}".replace("%", " %"))
    elif not shot.step:
        parts.append("it has learned nothing yet, so this is a guess")
    if shot.is_training and not looking_back:
        parts.append("training, read anew every second")
    return " · ".join(parts)


def stored_reader(run: StoredRun) -> str:
    """Which stored run it is that reads, in one line."""
    accuracy = "" if run.val_accuracy is None else f" · validation accuracy {run.val_accuracy:.1%}".replace("%", " %")
    what = plain(run.name or run.config.title(OUTLINED))
    return f"Read by a stored run, the network **{outline(run.config)}**, {what} · step {run.step:,}{accuracy}"


def shipped_reader(model: Network) -> str:
    """That it is the network of the project that reads, in one line."""
    drawn = "trained beforehand on MNIST, drawn again with thin and thick pens"
    return f"Read by the network that comes with Glassnet, **{outline(model.config)}** · {drawn}"


def invitation() -> str:
    """What stands in the place of the digit while the canvas is blank, as HTML."""
    lines = _lines("Draw one digit, large, in the black field", "It is read after every stroke, from 0 to 9.")
    return f'<div class="verdict"><b style="opacity: .3">?</b><div>{lines}</div></div>'


def _percent(share: float) -> str:
    """A share in words that are never rounded to certainty: "98.2 %", "over 99.9 %", "less than 0.1 %"."""
    if share > 0.9995:
        return "over 99.9 %"
    return "less than 0.1 %" if share < 0.0005 else f"{share:.1%}".replace("%", " %")


def _lines(lead: str, rest: str) -> str:
    return f'<p class="lead">{lead}</p><p>{rest}</p>'


def _png_uri(image: Array) -> str:
    """A grey picture uint8 (H, W) as a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
