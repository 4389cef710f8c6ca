"""What is said where a page is asked "What am I looking at?", out of looking_at.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ui.texts.glossary import HERE


@dataclass(frozen=True)
class Sight:
    """Of one page: three sentences, and where to go on; looking_at.toml says what the fields are."""

    help: str
    on: str  # the page to go on to, by the end of its address
    label: str  # what to do there


@cache
def _sights() -> Mapping[str, Sight]:
    tables = tomllib.loads((HERE / "looking_at.toml").read_text(encoding="utf-8"))
    return {page: Sight(**table) for page, table in tables.items()}


def sight_of(page: str) -> Sight | None:
    """That of the page whose address ends so ("train" for the first); None for a page without a text."""
    return _sights().get(page)
