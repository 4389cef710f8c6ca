"""A visitor's drawing, with undo: what the canvas is told to show, and what comes back from it.

The canvas is told to show a drawing only when it shows another one: on a new visit of the page, and after undo, clear
or a digit put there from elsewhere. Otherwise it keeps its own strokes and sends its picture after each of them, so
that no rerun of the page can lose a stroke. A picture that differs from the present one is the next state.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from nn_core.config.foreign import parse_json
from nn_core.data.dataset import SIDE
from nn_core.export.png import png_uri
from nn_core.machine.memory import Array
from nn_core.sketch.number import digits_apart
from nn_core.sketch.to_mnist import Sketch, to_mnist

Drawing = dict[str, Any]
CANVAS_SIDE = 280  # pixels
MAX_TEXT = 2_000_000  # characters of a drawing that a browser gives back
MAX_STATES = 50  # drawings that undo can go back to


@dataclass(frozen=True, eq=False)
class State:
    """One picture on the canvas: its objects in the canvas's format, the sketch made of it, and where it is from."""

    objects: tuple[Drawing, ...]
    sketch: Sketch
    note: str = ""
    is_one_digit: bool = False  # whether that is known

    @cached_property
    def digits(self) -> tuple[Sketch, ...]:
        """The digits with a gap between them, from left to right; the sketch itself where there is one."""
        return (self.sketch,) if self.is_one_digit else digits_apart(self.sketch)


def _blank() -> State:
    return State((), to_mnist(np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)))


class Sketchpad:
    """What is on a visitor's canvas, and what was there before; `now` is the newest state."""

    def __init__(self) -> None:
        self._states = [_blank()]
        self._seen: bytes | None = None  # the last picture that came from the canvas, as PNG
        self._given: Drawing = {"objects": [], "serial": 0}
        self._was_touched = False
        self.visit = 0  # of the page on which the canvas was last given its drawing

    def __repr__(self) -> str:
        return f"Sketchpad({len(self._states)} states, now {self.now.sketch})"

    @property
    def now(self) -> State:
        """What is on the canvas."""
        return self._states[-1]

    @property
    def initial_drawing(self) -> Drawing:
        """The drawing that the canvas is told to show; it takes a new one over when the serial changes."""
        return dict(self._given)

    @property
    def can_undo(self) -> bool:
        """Whether there is a drawing to go back to."""
        return len(self._states) > 1

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was drawn here yet; a drawing that was undone was."""
        return not self._was_touched

    def to_text(self) -> str:
        """The present drawing, for the browser to keep."""
        return json.dumps({"objects": list(self.now.objects), "picture": png_uri(self.now.sketch.stages["drawn"])})

    def bring_back(self, text: str) -> None:
        """Take over what `to_text` gave, perhaps on another server; anything else is passed over."""
        try:
            if len(text) > MAX_TEXT:
                return
            kept = parse_json(text)
            objects = [one for one in kept["objects"] if isinstance(one, dict)]
            picture = Image.open(io.BytesIO(base64.b64decode(kept["picture"].split(",")[1])), formats=["PNG"])
            if picture.size != (CANVAS_SIDE, CANVAS_SIDE):
                return
            sketch = to_mnist(np.asarray(picture.convert("L")))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OSError, SyntaxError):
            return
        if not sketch.empty:
            self._push(State(tuple(objects), sketch))
            self.show()

    def show(self) -> None:
        """Tell the canvas to show the present drawing."""
        self._given = {"objects": list(self.now.objects), "serial": self._given["serial"] + 1}

    def take(self, png: bytes | None, drawing: Drawing | None) -> None:
        """Take over what the canvas has sent, if it is new: its picture as PNG, and its objects."""
        if png is None or png == self._seen:  # nothing drawn since the canvas was told what to show, or nothing new
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
        large = image.repeat(CANVAS_SIDE // SIDE, axis=0).repeat(CANVAS_SIDE // SIDE, axis=1)
        picture = {
            "type": "Image",
            **{"left": 0, "top": 0, "originX": "left", "originY": "top", "width": CANVAS_SIDE, "height": CANVAS_SIDE},
            "src": png_uri(large),
        }
        self._push(State((picture,), to_mnist(large, drop_specks=False), note, is_one_digit=True))
        self.show()

    def _push(self, state: State) -> None:
        self._was_touched = True
        self._states = [*self._states[1 - MAX_STATES :], state]
