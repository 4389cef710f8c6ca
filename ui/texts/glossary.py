"""The words of the field, out of glossary.toml: for the Glossary page, and as links in help texts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ui.words import Markdown

HERE = Path(__file__).parent
PAGES = HERE.parent.parent / "pages"
_LEFT_ALONE = re.compile(r"(\$[^$]*\$|`[^`]*`|\[[^\]]*\]\([^)]*\))")  # formulas, code and links


@dataclass(frozen=True)
class Term:
    """One word of the field; glossary.toml says what the fields are."""

    key: str
    label: str
    help: str
    citation: str
    seen: Mapping[str, str]
    formula: str = ""
    also: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Term {self.label}>"

    def matches(self, words: str) -> bool:
        """Whether all these words, or their beginnings, are found in it."""
        text = " ".join((self.label, *self.also, self.help, self.citation)).lower()
        return all(re.search(rf"\b{re.escape(word)}", text) for word in words.lower().split())


@cache
def glossary() -> Mapping[str, Term]:
    """Key -> term, by alphabet."""
    tables = tomllib.loads((HERE / "glossary.toml").read_text(encoding="utf-8"))
    terms = [Term(**{"key": key, **table, "also": tuple(table.get("also", ()))}) for key, table in tables.items()]
    return {term.key: term for term in sorted(terms, key=lambda term: term.label.lower())}


def found(words: str) -> list[Term]:
    """The terms that match, those whose name begins so first."""
    terms = [term for term in glossary().values() if term.matches(words)]
    wanted = words.lower().strip()
    return sorted(terms, key=lambda term: not any(name.lower().startswith(wanted) for name in (term.label, *term.also)))


def page_of(name: str) -> str:
    """The script of the page whose address ends so: "weights" -> "pages/look/weights.py"; KeyError where none does."""
    for path in PAGES.glob(f"*/{name}.py"):
        return path.relative_to(PAGES.parent).as_posix()
    raise KeyError(name)


def link(key: str) -> str:
    """The address of a term, from any page."""
    return f"glossary?term={glossary()[key].key}"


def linked(text: Markdown) -> str:
    """A text of ours with a link to the glossary at the first mention of each term."""

    def with_link(match: re.Match[str]) -> str:
        key = _keys().get(match[0].lower())
        if key is None or key in told:
            return match[0]
        told.add(key)
        return f"[{match[0]}]({link(key)})"

    told: set[str] = set()
    parts = _LEFT_ALONE.split(text)  # every second one is left alone
    parts[::2] = [_any_term().sub(with_link, part) for part in parts[::2]]
    return "".join(parts)


@cache
def _keys() -> Mapping[str, str]:
    """What a term is called, in small letters -> its key."""
    return {word.lower(): term.key for term in glossary().values() for word in (term.label, *term.also)}


@cache
def _any_term() -> re.Pattern[str]:
    words = sorted(_keys(), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)
