"""What is said of a setting that makes no sense."""

from __future__ import annotations

from typing import Any


class ConfigError(ValueError):
    """A setting that makes no sense; the message names the setting, the limit and the value."""


class Conflict(ConfigError):
    """A choice that cannot work beside the other settings; `setting` is the one whose choice it is."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.setting = name


def shorten(value: Any) -> str:
    """How a value is quoted in a message: its repr, at most 60 characters of it."""
    try:
        text = repr(value)
    except Exception:  # a number of more than 4,300 digits has none
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
