"""What a file from elsewhere says, taken over only where it makes sense: JSON text, and the values in it by name.

Every run that is opened or brought in passes here. All raise ValueError, which names the value, its limits and what was
found; a key that is missing counts as None.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from nn_core.config.errors import shorten

MOST = 10**15  # steps, images: a float64 still tells these from their neighbours
LATEST = 1e11  # seconds since 1970: the year 5138

Values = Mapping[str, Any]


def parse_json(text: str | bytes) -> Any:
    """What the JSON text says, however deeply nested it is."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_object(text: str | bytes, what: str) -> dict[str, Any]:
    """The JSON object that `text` is; `what` names it."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise ValueError(f"{what} holds no JSON object")
    return value


def because(error: Exception) -> str:
    """Why something makes no sense, for a sentence: at most 160 characters."""
    text = f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else str(error)
    return text if len(text) <= 160 else f"{text[:157]}..."


def whole(values: Values, name: str, high: int = MOST) -> int:
    """A whole number in [0, high]."""
    value = values.get(name)
    if type(value) is not int or not 0 <= value <= high:
        raise ValueError(f"{name} must be a whole number in [0, {high:,}], got {shorten(value)}")
    return value


def real(values: Values, name: str, high: float = float(MOST)) -> float:
    """A number in [0, high]."""
    value: Any = values.get(name)
    if not _is_number(value) or not 0 <= value <= high:
        raise ValueError(f"{name} must be a number in [0, {high:,g}], got {shorten(value)}")
    return float(value)


def share(values: Values, name: str) -> float:
    """A number in [0, 1]."""
    return real(values, name, 1.0)


def any_number(values: Values, name: str) -> float:
    """A number as a float64 holds it, infinite ones among them: a loss may be one."""
    value: Any = values.get(name)
    if not _is_number(value) or (isinstance(value, int) and abs(value) > MOST):
        raise ValueError(f"{name} must be a number, got {shorten(value)}")
    return float(value)


def text(values: Values, name: str, longest: int) -> str:
    """A text of at most so many characters."""
    value = values.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"{name} must be a text of at most {longest:,} characters, got {shorten(value)}")
    return value


def flag(values: Values, name: str) -> bool:
    """True or false."""
    value = values.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {shorten(value)}")
    return value


def table(values: Values, name: str) -> dict[str, Any]:
    """An object; where there is anything else, or nothing, an empty one."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def is_finite(value: Any) -> bool:
    """Whether it is a number that a float64 holds and that is neither infinite nor nan."""
    return _is_number(value) and (abs(value) <= MOST if isinstance(value, int) else math.isfinite(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
