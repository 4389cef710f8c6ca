"""What a hyperparameter says about itself, and the names that a hyperparameter can take.

A `Knob` holds the range, help, formula and group of one field of RunConfig, and turns text into a checked value and
back. A `Choice` is one registered name (an optimizer, an activation, an initializer): the module that implements it
calls `register`, and it appears in the menus, the command line, the permalink and the generic tests by that alone.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

MAX_HIDDEN_LAYERS = 6

Kind = Literal["int", "float", "choice", "sizes", "name"]
Group = Literal["network", "training", "regularization", "data", "schedule", "augmentation"]
Applies = Literal["now", "new network"]


class ConfigError(ValueError):
    """A hyperparameter that makes no sense; the message names the field, the limit and the value."""


class Conflict(ConfigError):
    """A choice that cannot work beside the other settings; `field` is the one whose choice it is."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


# ---------------------------------------------------------------------------------------------- named choices


@dataclass(frozen=True)
class Choice:
    """One registered name of a field: what implements it and how it is explained."""

    name: str
    label: str
    target: Any
    help: str
    formula: str
    citation: str
    uses: tuple[str, ...]  # the RunConfig fields that only matter when this choice is taken
    needs: tuple[str, ...] = ()  # those that must not be 0 or empty then


CHOICES: dict[str, dict[str, Choice]] = {}
_Target = TypeVar("_Target")


def register(
    field_name: str,
    name: str,
    *,
    label: str,
    help: str,
    formula: str,
    citation: str,
    uses: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> Callable[[_Target], _Target]:
    """Decorator: make `name` one of the values that the RunConfig field `field_name` can take."""

    def add(target: _Target) -> _Target:
        choice = Choice(name, label, target, help, formula, citation, uses, needs)
        CHOICES.setdefault(field_name, {})[name] = choice
        return target

    return add


def choices(field_name: str) -> Mapping[str, Choice]:
    """Name -> Choice of everything registered for a field, in order of registration."""
    return CHOICES.get(field_name, {})


# ---------------------------------------------------------------------------------------------- field metadata


@dataclass(frozen=True)
class Knob:
    """What a RunConfig field says about itself. `low` and `high` are inclusive; `log` asks for a logarithmic slider."""

    name: str
    kind: Kind
    default: Any
    label: str
    help: str
    formula: str
    group: Group
    applies: Applies
    low: float = -math.inf
    high: float = math.inf
    log: bool = False
    steps: tuple[float, ...] = ()  # the values a slider stops at; others are allowed in Python, the URL and the shell
    zero_means: str = ""  # what the value 0 stands for, where it is special
    in_sidebar: bool = True
    folded: bool = False  # among the settings that the sidebar keeps folded away until they are asked for
    each: str = "Layer {} units"  # what one of several sizes is called, by its number from 1 on
    searched: tuple[float, float] | None = None  # where a search begins to look, if not between the slider's ends
    needs: str = ""  # another field, without which (at 0) this one has no effect
    citation: str = ""  # where it comes from; named choices have citations of their own

    def check(self, value: Any) -> Any:
        """The value in its canonical type, or a ConfigError that names field, limit and value."""
        return _CHECKS[self.kind](self, value)

    def parse(self, text: str) -> Any:
        """The value that `text` (from a link or a shell) stands for; raises ConfigError."""
        return self.check(_PARSERS[self.kind](self, text))

    def format(self, value: Any) -> str:
        """The text that `parse` turns back into `value`."""
        if self.kind == "sizes":
            return "-".join(str(size) for size in value) or "none"
        return repr(value) if self.kind == "float" and float(f"{value:g}") != value else _plain(value)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _limits(knob: Knob) -> str:
    low, high = (f"{limit:g}" if limit != round(limit) else str(round(limit)) for limit in (knob.low, knob.high))
    return f"[{low}, {high}]"


def _check_number(knob: Knob, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):  # NumPy's scalars are Real too
        raise ConfigError(f"{knob.name} must be a number in {_limits(knob)}, got {shorten(value)}")
    number = int(value) if isinstance(value, numbers.Integral) else float(value)
    if not (knob.low <= number <= knob.high):
        raise ConfigError(f"{knob.name} must be in {_limits(knob)}, got {shorten(number)}")
    return float(number)


def _check_int(knob: Knob, value: Any) -> int:
    number = _check_number(knob, value)
    if not number.is_integer():
        raise ConfigError(f"{knob.name} must be a whole number in {_limits(knob)}, got {shorten(number)}")
    return int(value)


def _check_choice(knob: Knob, value: Any) -> str:
    known = choices(knob.name)
    if not isinstance(value, str) or value not in known:
        close = difflib.get_close_matches(value, known, n=1) if isinstance(value, str) else []
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"{knob.name} must be one of {', '.join(known)}, got {shorten(value)}{hint}")
    return str(value)


def _check_sizes(knob: Knob, value: Any) -> tuple[int, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        value = (value,)
    try:
        sizes = tuple(islice(value, MAX_HIDDEN_LAYERS + 1))  # it may have no end
    except TypeError:  # an array without an axis
        sizes = (value,)
    if len(sizes) > MAX_HIDDEN_LAYERS:
        found = len(value) if isinstance(value, tuple | list) else f"more: {shorten(value)}"
        raise ConfigError(f"{knob.name} may have at most {MAX_HIDDEN_LAYERS} layers, got {found}")
    return tuple(_check_int(knob, size) for size in sizes)


def _check_name(knob: Knob, value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 300 or "\0" in value:
        raise ConfigError(f"{knob.name} must be a name or a path of 1 to 300 characters, got {shorten(value)}")
    return value


def shorten(value: Any) -> str:
    """How a value is quoted in a message: its repr, at most 60 characters of it."""
    try:
        text = repr(value)
    except Exception:  # a number of more than 4,300 digits has none
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def _parse_number(knob: Knob, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{knob.name} must be a number in {_limits(knob)}, got {shorten(text)}") from None


def _parse_int(knob: Knob, text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return _parse_number(knob, text)


def _parse_sizes(knob: Knob, text: str) -> tuple[float, ...]:
    if text in ("", "none"):
        return ()
    try:
        return tuple(_parse_int(knob, part) for part in text.replace(",", "-").split("-"))
    except ConfigError:
        form = f"whole numbers in {_limits(knob)} with dashes between, or none"
        raise ConfigError(f"{knob.name} must be {form}, got {shorten(text)}") from None


def _parse_text(_knob: Knob, text: str) -> str:
    return text


_CHECKS: dict[Kind, Callable[[Knob, Any], Any]] = {
    "int": _check_int,
    "float": _check_number,
    "choice": _check_choice,
    "sizes": _check_sizes,
    "name": _check_name,
}
_PARSERS: dict[Kind, Callable[[Knob, str], Any]] = {
    "int": _parse_int,
    "float": _parse_number,
    "choice": _parse_text,
    "sizes": _parse_sizes,
    "name": _parse_text,
}
