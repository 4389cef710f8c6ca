r"""What the arrays of a step are called in formulas: X, Z_1, A_1, ..., and how their shapes are written."""

from __future__ import annotations

from nn_core.explain.walkthrough.step import Passed, Step
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import AvgPool2D, Conv2D, Flatten, GlobalAveragePool, MaxPool2D
from nn_core.nn.layers import Dense
from nn_core.nn.normalization import Normalization

LETTERS = (  # the output of a layer of this kind
    (Dense, "Z"),
    (Conv2D, "Z"),
    (Activation, "A"),
    (Normalization, "N"),
    (MaxPool2D, "P"),
    (AvgPool2D, "P"),
    (Flatten, "F"),
    (GlobalAveragePool, "F"),
)


def letter(passed: Passed) -> str:
    """Like "Z1": the output of a layer, in plain text."""
    found = next((letter for kind, letter in LETTERS if isinstance(passed.layer, kind)), "Y")
    return found if found == "F" else f"{found}{passed.number}"


def output_of(step: Step, at: int) -> str:
    """Like "Z1": the output of the layer `at`, "X" for -1."""
    return "X" if at < 0 else letter(step.passed[at])


def latex(name: str) -> str:
    """Like "Z_{1}" for "Z1"."""
    return f"{name[0]}_{{{name[1:]}}}" if name[1:] else name


def d(name: str) -> str:
    r"""Like "\mathrm{d}Z_{1}": the gradient of the loss with respect to it."""
    return rf"\mathrm{{d}}{latex(name)}"


def at_place(index: tuple[int, ...]) -> str:
    """An index as it stands at a symbol: "3,5"."""
    return ",".join(map(str, index))


def element(name: str, index: tuple[int, ...]) -> str:
    """One value of an array: "Z_{1}[0,5]"."""
    return f"{latex(name)}[{at_place(index)}]"


def shape(values: Array) -> str:
    """Like "(1 × 784)"."""
    return f"({' × '.join(f'{n:,}' for n in values.shape)})"
