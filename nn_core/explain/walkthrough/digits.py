"""Calculations that come out on the screen: as many digits of each number are shown as the result shown needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

RESULT = 7  # significant digits of a result
DIGITS = range(8, 18)  # of what it is made of; 17 hold a float64 exactly
MOST_SHARES = 10  # of a sum that are shown one by one


@dataclass(frozen=True)
class Worked:
    """One line of a calculation. What is shown on the right is what one gets from the numbers shown on the left.

    symbol = formula in LaTeX; `numbers` is the same in numbers, "" for a sum, whose shares stand in `rows`.
    """

    symbol: str
    formula: str
    numbers: str
    result: str
    value: float
    rows: tuple[Share, ...] = ()
    words: str = ""  # what happens here, in a sentence


@dataclass(frozen=True)
class Share:
    """One share of a sum: what it is of, its two factors and their product; the rest of a sum has a product alone."""

    of: str
    first: str
    second: str
    product: str


def text(value: float, digits: int = RESULT) -> str:
    """A number to so many significant digits, with a true minus sign; "0" for zero."""
    shown = f"{value + 0.0:.{digits}g}"
    return ("0" if float(shown) == 0 else shown).replace("-", "−")


def number(shown: str) -> float:
    """What a text of `text` says."""
    return float(shown.replace("−", "-"))


def work_out(
    symbol: str, formula: str, numbers: str, calculate: Callable[..., float], words: str = "", **of: float
) -> Worked:
    """A line whose `numbers`, like "{a} × {b}", are filled with as many digits as the result needs.

    `calculate` gives the result from the numbers of the same names.
    """
    exact = calculate(**of)
    for digits in DIGITS:
        shown = {name: text(value, digits) for name, value in of.items()}
        found = calculate(**{name: number(each) for name, each in shown.items()})
        if text(found) == text(exact):
            break
    bracketed = {name: f"({each})" if each.startswith("−") else each for name, each in shown.items()}
    return Worked(symbol, formula, numbers.format(**bracketed), text(found), exact, words=words)


def add_up(
    symbol: str, formula: str, shares: Sequence[tuple[str, float, float]], words: str = "", extra: float = 0.0
) -> Worked:
    """A sum of products: the largest are shown one by one, the others together.

    `shares` are (what it is of, first factor, second factor); `extra` is added to the rest.
    """
    ordered = sorted(shares, key=lambda share: -abs(share[1] * share[2]))
    if len(ordered) == MOST_SHARES + 1:  # one alone needs no summary
        top, left = ordered, []
    else:
        top, left = ordered[:MOST_SHARES], ordered[MOST_SHARES:]
    rest = sum(a * b for _, a, b in left) + extra
    exact = sum(a * b for _, a, b in top) + rest
    for digits in DIGITS:
        rows = [_share(of, a, b, digits) for of, a, b in top]
        if left or extra:
            what = f"the other {len(left):,} together" if left else "the bias"
            rows.append(Share(what, "", "", text(rest, digits)))
        found = sum(number(row.product) for row in rows)
        if text(found) == text(exact):
            break
    return Worked(symbol, formula, "", text(found), exact, tuple(rows), words)


def _share(of: str, a: float, b: float, digits: int) -> Share:
    for more in range(digits + 1, 18):
        shown = text(a, more), text(b, more)
        if text(number(shown[0]) * number(shown[1]), digits) == text(a * b, digits):
            break
    else:
        shown = text(a, 17), text(b, 17)
    return Share(of, *shown, text(number(shown[0]) * number(shown[1]), digits))
