"""What is said of a setting that makes no sense."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class ConfigError(ValueError):
    """A setting that makes no sense; the message names the setting, the limit and the value."""


class Conflict(ConfigError):
    """A choice that cannot work beside the other settings; `setting` is the one whose choice it is."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.setting = name


def meant(word: Any, known: Iterable[str]) -> str:
    """Like "; did you mean 'relu'?" where one of the known names is close to a word, whatever its capitals; else ""."""
    import difflib  # for few: importing takes longer than asking

    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1) if isinstance(word, str) else []
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


def sentence(text: str) -> str:
    """A message as a sentence that others may follow: with a full stop, unless it ends with a mark of its own."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def shorten(value: Any) -> str:
    """How a value is quoted in a message: its repr, at most 60 characters of it."""
    try:
        text = repr(value)
    except Exception:  # a number of more than 4,300 digits has none
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
