"""One line of the table that `python -m tests.faults` prints: what was tried, how often, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was tried, what was seen, what is allowed (both as words with units), and whether it holds."""

    tried: str
    seen: str
    allowed: str
    holds: bool


def as_table(figures: list[Figure]) -> str:
    """The figures as a table in Markdown."""
    lines = ["| tried | seen | allowed | holds |", "|---|---|---|---|"]
    lines += [f"| {one.tried} | {one.seen} | {one.allowed} | {'yes' if one.holds else 'NO'} |" for one in figures]
    return "\n".join(lines)
