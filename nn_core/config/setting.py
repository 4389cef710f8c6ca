"""What a setting says about itself: range, stops, help, formula; and how it turns text into a checked value and back.

`declare` makes a field of RunConfig that carries its `Setting`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError, meant, shorten

MAX_HIDDEN_LAYERS = 6

Kind = Literal["int", "float", "choice", "sizes", "name"]
Group = Literal["network", "training", "regularization", "data", "schedule", "augmentation"]
Applies = Literal["now", "new network"]


@dataclass(frozen=True, repr=False)
class Setting:
    """One setting of a training run. `low` and `high` are inclusive; `log` asks for a logarithmic slider."""

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
    unit: str = ""  # of its values: "°", " px"
    in_sidebar: bool = True
    folded: bool = False  # among the settings that the sidebar keeps folded away until they are asked for
    each: str = "Layer {} units"  # what one of several sizes is called, by its number from 1 on
    searched: tuple[float, float] | None = None  # where a search begins to look, if not between the slider's ends
    needs: str = ""  # another setting, without which (at 0) this one has no effect
    citation: str = ""  # where it comes from; named choices have citations of their own

    def __repr__(self) -> str:
        return f"<Setting {self.name}: {self.kind}, {self.format(self.default)} unless given>"

    @property
    def word(self) -> str:
        """What it is called within a sentence: "learning rate", "L2 penalty"."""
        first = self.label.split()[0]
        kept = first[-1].isdigit() or first[1:] != first[1:].lower()
        return self.label if kept else self.label[:1].lower() + self.label[1:]

    def check(self, value: Any) -> Any:
        """The value in its canonical type, or a ConfigError that names setting, limit and value."""
        return _CHECKS[self.kind](self, value)

    def parse(self, text: str) -> Any:
        """The value that `text` (from a link or a shell) stands for; raises ConfigError."""
        return self.check(_PARSERS[self.kind](self, text))

    def format(self, value: Any) -> str:
        """The text that `parse` turns back into `value`."""
        if self.kind == "sizes":
            return "-".join(str(size) for size in value) or "none"
        return repr(value) if self.kind == "float" and float(f"{value:g}") != value else _plain(value)

    def written(self, value: Any) -> str:
        """The text for a sentence or a chart: `format`, with a comma in a whole number of four digits and more."""
        return f"{value:,}" if self.kind == "int" else self.format(value)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _limits(setting: Setting) -> str:
    low, high = (f"{limit:g}" if limit != round(limit) else str(round(limit)) for limit in (setting.low, setting.high))
    return f"[{low}, {high}]"


def _check_number(setting: Setting, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, numbers.Real)):  # NumPy's scalars are Real too
        raise ConfigError(f"{setting.name} must be a number in {_limits(setting)}, got {shorten(value)}")
    number = int(value) if isinstance(value, (int, numbers.Integral)) else float(value)
    if not (setting.low <= number <= setting.high):
        raise ConfigError(f"{setting.name} must be in {_limits(setting)}, got {shorten(number)}")
    return float(number)


def _check_int(setting: Setting, value: Any) -> int:
    number = _check_number(setting, value)
    if not number.is_integer():
        raise ConfigError(f"{setting.name} must be a whole number in {_limits(setting)}, got {shorten(number)}")
    return int(value)


def _check_choice(setting: Setting, value: Any) -> str:
    known = choices(setting.name)
    if not isinstance(value, str) or value not in known:
        known_names = f"{setting.name} must be one of {', '.join(known)}"
        raise ConfigError(f"{known_names}, got {shorten(value)}{meant(value, known)}")
    return str(value)


def _check_sizes(setting: Setting, value: Any) -> tuple[int, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        value = (value,)
    try:
        sizes = tuple(islice(value, MAX_HIDDEN_LAYERS + 1))  # it may have no end
    except TypeError:  # an array without an axis
        sizes = (value,)
    if len(sizes) > MAX_HIDDEN_LAYERS:
        found = len(value) if isinstance(value, tuple | list) else f"more: {shorten(value)}"
        raise ConfigError(f"{setting.name} may have at most {MAX_HIDDEN_LAYERS} layers, got {found}")
    return tuple(_check_int(setting, size) for size in sizes)


def _check_name(setting: Setting, value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 300 or "\0" in value:
        raise ConfigError(f"{setting.name} must be a name or a path of 1 to 300 characters, got {shorten(value)}")
    return value


def _parse_number(setting: Setting, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{setting.name} must be a number in {_limits(setting)}, got {shorten(text)}") from None


def _parse_int(setting: Setting, text: str) -> float:
    try:
        return int(text)
    except ValueError:
        return _parse_number(setting, text)


def _parse_sizes(setting: Setting, text: str) -> tuple[float, ...]:
    if text in ("", "none"):
        return ()
    try:
        return tuple(_parse_int(setting, part) for part in text.replace(",", "-").split("-"))
    except ConfigError:
        form = f"whole numbers in {_limits(setting)} with dashes between, or none"
        raise ConfigError(f"{setting.name} must be {form}, got {shorten(text)}") from None


def _parse_text(_setting: Setting, text: str) -> str:
    return text


_CHECKS: dict[Kind, Callable[[Setting, Any], Any]] = {
    "int": _check_int,
    "float": _check_number,
    "choice": _check_choice,
    "sizes": _check_sizes,
    "name": _check_name,
}
_PARSERS: dict[Kind, Callable[[Setting, str], Any]] = {
    "int": _parse_int,
    "float": _parse_number,
    "choice": _parse_text,
    "sizes": _parse_sizes,
    "name": _parse_text,
}


def declare(
    kind: Kind, default: Any, label: str, help: str, formula: str, group: Group, applies: Applies, **more: Any
) -> Any:
    """A dataclass field that carries its Setting (whose name is filled in by `all_settings`)."""
    meta = dict(kind=kind, default=default, label=label, help=help, formula=formula, group=group, applies=applies)
    return field(default=default, metadata={"setting": {**meta, **more}})
