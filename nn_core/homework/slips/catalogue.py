"""What goes wrong in a backprop of one's own: each slip is the textbook's pass with one line got wrong.

An array that differs from ours is recognised where it equals what a slip would give. The formulas are written as in the
textbook, images in columns: Z1 = W1 @ X + b1. A new slip is one class with `@slip` in a file of this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from nn_core.config.choices import choices
from nn_core.homework.backprop import Backprop, Case


@dataclass(frozen=True)
class Slip:
    """What is said of a slip: a title, why it is wrong, the line as it was likely written, and as it should be."""

    name: str
    title: str
    why: str
    wrong: str
    right: str


class Wrong(Backprop):
    """A pass with a slip in it."""

    slip: ClassVar[Slip]
    by_layer: ClassVar[bool] = False  # whether it can be made in one layer alone

    @classmethod
    def serves(cls, case: Case) -> bool:
        """Whether the slip can be made here."""
        return True


SLIPS: dict[str, type[Wrong]] = {}


def slip(
    name: str, title: str, *, wrong: str, right: str, by_layer: bool = False
) -> Callable[[type[Wrong]], type[Wrong]]:
    """Decorator: register a slip; its docstring says why it is one. Of two that give the same, the first is named."""

    def register(cls: type[Wrong]) -> type[Wrong]:
        why = " ".join((cls.__doc__ or "").split())
        cls.slip, cls.by_layer = Slip(name, title, why, wrong, right), by_layer
        SLIPS[name] = cls
        return cls

    return register


# those of the shape alone, which are told without a pass
TRANSPOSED = Slip(
    "transposed",
    "transposed",
    "The gradient of a weight has the shape of that weight, so that the two can be subtracted.",
    "dW = A_before @ dZ.T",
    "dW = dZ @ A_before.T",
)
LOST_DIMENSION = Slip(
    "lost_dimension",
    "a dimension was lost",
    "A sum without keepdims=True is flat. Subtracted from a column, NumPy spreads it into a square, without a word.",
    "db = np.sum(dZ, axis=1)",
    "db = np.sum(dZ, axis=1, keepdims=True)",
)
ORDER = Slip(
    "order",
    "returned in another order",
    "The arrays are right, or nearly, but stand in each other's places: each would be taken off the wrong weights.",
    "return dW2, db2, dW1, db1",
    "return dW1, db1, dW2, db2",
)


def variants(case: Case) -> Iterator[tuple[Slip, Backprop]]:
    """Every slip that can be made in this case, whole and, where there are several hidden layers, in one alone."""
    for cls in _served(case):
        yield cls.slip, cls(case)
    for cls in _served(case):
        if cls.by_layer and len(case.weights) > 1:
            for layer in range(len(case.weights)):
                yield _in_layer(cls.slip, layer), cls(case, layer)
    yield from _other_choices(case)


def pairs(case: Case) -> Iterator[tuple[tuple[Slip, Slip], Backprop]]:
    """Every two slips, made at once."""
    served = _served(case)
    for at, first in enumerate(served):
        for second in served[at + 1 :]:
            both = type("Both", (first, second), {})
            yield (first.slip, second.slip), both(case)


def _served(case: Case) -> list[type[Wrong]]:
    return [cls for cls in SLIPS.values() if cls.serves(case)]


def _in_layer(slip: Slip, layer: int) -> Slip:
    return Slip(slip.name, f"{slip.title} (in layer {layer + 1} alone)", slip.why, slip.wrong, slip.right)


def _other_choices(case: Case) -> Iterator[tuple[Slip, Backprop]]:
    """The same pass with another activation, or another loss, than was agreed on."""
    for setting, noun in (("activation", "activation"), ("loss", "loss")):
        ours = getattr(case.config, setting)
        for name in choices(setting):
            if name != ours:
                other = Case(case.x, case.labels, case.weights, case.biases, case.config.replace(**{setting: name}))
                yield _other(setting, noun, name, ours), Backprop(other)


def _other(setting: str, noun: str, theirs: str, ours: str) -> Slip:
    return Slip(
        f"other_{setting}",
        f"the {noun} is {theirs}, not {ours}",
        f"This is the right gradient of another network. Ours has {setting}={ours!r}; to compare with yours, give "
        f"RunConfig({setting}={theirs!r}).",
        f"{setting}: {theirs}",
        f"{setting}: {ours}",
    )
