"""The code that computes a stage, read from nn_core itself so that it cannot drift, with the lines that are at work."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Code:
    """The source of one function; `at_work` counts its lines from 0."""

    name: str  # "Dense.backward"
    path: str  # "nn_core/nn/layers.py"
    first: int  # the number of its first line in that file
    lines: tuple[str, ...]
    at_work: tuple[int, ...]


def code_of(function: Callable[..., Any], *marks: str) -> Code:
    """The source of a function; at work are its lines that hold one of `marks`, its text at the top left out."""
    found, first = inspect.getsourcelines(function)
    lines = [line.rstrip("\n") for line in found]
    margin = len(lines[0]) - len(lines[0].lstrip())
    begins = _after_docstring(lines)
    at_work = [at for at in range(begins, len(lines)) if any(mark in lines[at] for mark in marks)]
    path = f"{function.__module__.replace('.', '/')}.py"
    return Code(function.__qualname__, path, first, tuple(line[margin:] for line in lines), tuple(at_work))


def _after_docstring(lines: list[str]) -> int:
    quotes = [at for at, line in enumerate(lines) for _ in range(line.count('"""'))]
    return quotes[1] + 1 if len(quotes) > 1 else 0
