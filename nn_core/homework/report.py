"""What is said of a backprop that was checked: as text, as JSON, and as a picture in a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn_core.homework.exercise import Exercise
from nn_core.homework.slips import Slip
from nn_core.machine.memory import Array

N_DOTS = 150  # of an array in the picture
SIDE, MARGIN = 150, 14  # of a panel, in pixels


@dataclass(frozen=True)
class Named:
    """A likely slip, and the arrays that show it."""

    slip: Slip
    arrays: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its short name, like "missing_mean"."""
        return self.slip.name

    def __str__(self) -> str:
        return f"{', '.join(self.arrays)}: {self.slip.title}"


@dataclass(frozen=True, eq=False)
class ArrayVerdict:
    """One array against ours. Relative differences are to the largest number of our array."""

    name: str
    shape: tuple[int, ...]  # expected
    given_shape: tuple[int, ...]
    agrees: bool
    difference: float | None  # the largest, relative; None where the shapes do not compare
    where: tuple[int, ...]  # its place
    theirs: float | None  # there
    ours: float | None
    slips: tuple[Slip, ...]
    their_values: Array  # (n,), beside ours
    our_values: Array

    def __repr__(self) -> str:
        return f"<ArrayVerdict: {self}>"

    def __str__(self) -> str:
        head = f"{self.name} {_shape(self.shape)}"
        if self.agrees:
            return f"{head} agrees (within {self.difference:.0e} of its largest number)"
        likely = f"; likely: {' and '.join(slip.title for slip in self.slips)}" if self.slips else "; not recognised"
        if self.difference is None:
            return f"{head} differs: its shape is {_shape(self.given_shape)}{likely}"
        shape = "" if self.shape == self.given_shape else f" its shape is {_shape(self.given_shape)};"
        if self.theirs is not None and self.difference < 1e-6:
            return f"{head} differs:{shape} the numbers agree{likely}"
        return (
            f"{head} differs:{shape} most at {list(self.where)}, where yours is {self.theirs:.6g} "
            f"and ours {self.ours:.6g}{likely}{self._hint}"
        )

    @property
    def _hint(self) -> str:
        """Of what was not recognised: whether it is a multiple of ours, or has nothing to do with it."""
        if self.slips:
            return ""
        a, b = self.their_values, self.our_values
        square, other = float(b @ b), float(a @ a)
        if not other:
            return ": it is zero everywhere"
        if not square:
            return ": ours is zero everywhere"
        factor = float(a @ b) / square
        if np.abs(a - factor * b).max() <= 1e-5 * np.abs(a).max():
            return f": it is ours times {factor:.6g}"
        cosine = float(a @ b) / (square * other) ** 0.5
        n_off = int((np.abs(a - b) > 1e-5 * np.abs(b).max()).sum())
        return f": {n_off:,} of {len(a):,} numbers are off; the cosine of the angle to ours is {cosine:.3f}"


@dataclass(frozen=True, eq=False)
class Report:
    """`agrees` is whether every array does; `slips` are what is likely wrong; `arrays` has a verdict for each."""

    exercise: Exercise
    arrays: tuple[ArrayVerdict, ...]
    slips: tuple[Named, ...]
    is_in_order: bool = True

    @property
    def agrees(self) -> bool:
        """Whether all arrays agree, in the order that was asked for."""
        return self.is_in_order and all(array.agrees for array in self.arrays)

    @property
    def not_recognised(self) -> tuple[str, ...]:
        """The arrays that differ in a way that no slip explains."""
        return tuple(array.name for array in self.arrays if not array.agrees and not array.slips)

    def __bool__(self) -> bool:
        return self.agrees

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [self.headline, "", *(f"  {array}" for array in self.arrays)]
        for named in self.slips:
            lines += ["", *_lines_on(named)]
        if self.not_recognised:
            lines += ["", self.sentence_on_the_rest]
        return "\n".join(lines)

    @property
    def headline(self) -> str:
        """One sentence."""
        config, case = self.exercise.case.config, self.exercise.case
        what = f"{case.outline}, {config.activation}, {config.loss}{f', l2 {config.l2:g}' if config.l2 else ''}"
        on = f"on {len(case.x):,} image{'s' if len(case.x) != 1 else ''} in {self.exercise.layout}"
        n_right = sum(array.agrees for array in self.arrays)
        if self.agrees:
            verdict = "your backprop agrees with ours"
        elif self.slips:
            verdict = f"{n_right} of {len(self.arrays)} arrays agree. Likely: {'; '.join(map(str, self.slips))}"
        else:
            verdict = f"{n_right} of {len(self.arrays)} arrays agree; what is wrong is not recognised"
        return f"Backprop of {what}, {on}: {verdict}."

    @property
    def sentence_on_the_rest(self) -> str:
        """What is said where no slip explains an array."""
        return (
            f"Not recognised: {', '.join(self.not_recognised)}. Look at the last layer first: what is wrong there "
            "spoils all layers before it. Then compare single numbers with central differences."
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, without the arrays' numbers."""
        return {
            "agrees": self.agrees,
            "slips": [
                {"name": each.name, "title": each.slip.title, "arrays": list(each.arrays)} for each in self.slips
            ],
            "not_recognised": list(self.not_recognised),
            "arrays": {
                array.name: {
                    "agrees": array.agrees,
                    "shape": list(array.shape),
                    "given_shape": list(array.given_shape),
                    "relative_difference": array.difference,
                    "at": list(array.where),
                    "yours": array.theirs,
                    "ours": array.ours,
                    "slips": [slip.name for slip in array.slips],
                }
                for array in self.arrays
            },
        }

    def _repr_html_(self) -> str:
        """For a notebook: a panel an array, our numbers from left to right, theirs upwards; then the text."""
        panels = "".join(
            f'<figure style="margin:0 12px 8px 0">{_panel(array)}<figcaption>{html.escape(array.name)}: '
            f"{'agrees' if array.agrees else 'differs'}</figcaption></figure>"
            for array in self.arrays
        )
        about = "Each dot is one number of the array: to the right, ours; upwards, yours. On the line they are equal."
        rest = html.escape(str(self).partition("\n")[2].strip("\n"))
        return (
            f"<div><p><b>{html.escape(self.headline)}</b></p>"
            f'<div style="display:flex;flex-wrap:wrap">{panels}</div><p>{about}</p>'
            f'<pre style="white-space:pre-wrap">{rest}</pre></div>'
        )


def _shape(shape: tuple[int, ...]) -> str:
    return str(shape) if shape else "a single number"


def _lines_on(named: Named) -> list[str]:
    slip = named.slip
    return [
        f"Likely slip in {', '.join(named.arrays)}: {slip.title}.",
        f"  {slip.why}",
        f"  likely written:  {slip.wrong}",
        f"  should be:       {slip.right}",
    ]


def _panel(array: ArrayVerdict) -> str:
    """Dots of ours against theirs, as SVG; of large arrays the largest numbers and some between them."""
    colour = "#2a9d5c" if array.agrees else "#d1495b"
    label = f"{array.name}: {'agrees' if array.agrees else 'differs'}"
    frame = (
        f'<svg role="img" aria-label="{html.escape(label)}" width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}">'
        f'<rect x="0.5" y="0.5" width="{SIDE - 1}" height="{SIDE - 1}" fill="none" stroke="#888"/>'
    )
    if not len(array.our_values):
        words = f"{_shape(array.given_shape)} in place of {_shape(array.shape)}"
        return f'{frame}<text x="8" y="{SIDE // 2}" font-size="10" fill="#888">{html.escape(words)}</text></svg>'
    order = np.argsort(-np.maximum(np.abs(array.our_values), np.abs(array.their_values)), kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(N_DOTS, len(order))).astype(int))]
    ours, theirs = array.our_values[chosen], array.their_values[chosen]
    reach = float(max(np.abs(ours).max(), np.abs(theirs).max())) or 1.0
    middle, scale = SIDE / 2, (SIDE / 2 - MARGIN) / reach
    dots = "".join(
        f'<circle cx="{middle + x * scale:.1f}" cy="{middle - y * scale:.1f}" r="2.2" fill="{colour}" '
        'fill-opacity="0.6"/>'
        for x, y in zip(ours.tolist(), theirs.tolist(), strict=True)
    )
    line = f'<line x1="{MARGIN}" y1="{SIDE - MARGIN}" x2="{SIDE - MARGIN}" y2="{MARGIN}" stroke="#888"/>'
    return f"{frame}{line}{dots}</svg>"
