"""The words of the app: what a reader has stumbled over does not come back, and one thing has one name."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from nn_core.config.run_config import setting
from tests import ROOT
from ui.sidebar.settings import _shown

REFUSED = {  # what was said before -> what is said now
    r"fools himself": "makes results look too good",
    r"memoris": "overfitting",
    r"\bon all pages\b.*\bghost\b": "current",
    r"^End$": "close",
    r"and training, dotted": "with training (dotted)",
    r"read anew": "updates every second",
    r"not taken whole": "part of this link was ignored",
    r"[Ss]teps a frame|[Ee]pochs a trial|trials a second": "per",
    r"goes on for \{?\w*\}? more": "Press Train for 4 more",
    r"What varies is drawn below": "Choose below what to vary",
    r"is falling: ": "has fallen from 2.3 to 0.2: true while it trains and afterwards",
    r"never for choosing\"?$": "only for the final result",
    r"\bonly \{name\} differs": "one setting differs",
    r"read linearly|taken linearly": "an estimate",
    r"speaks? (most )?for\b": "raises the score of",
    r"now on all pages": "now the current run",
    r"[Ii]mages a step|one step an epoch|\} an epoch|[Aa] row a point|one run a row": "per",
    r"; the default \{": "a sentence of its own: The default, he, is used.",
}


@cache
def texts() -> list[tuple[str, str]]:
    """(file, text) of every text in the program that is no docstring."""
    found = []
    for folder in ("ui", "pages", "nn_core"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            docs = {
                id(node.body[0].value)
                for node in ast.walk(tree)
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
                and node.body
                and isinstance(node.body[0], ast.Expr)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    found.append((path.name, ast.unparse(node)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                    found.append((path.name, node.value))
    return found


@pytest.mark.parametrize("refused", REFUSED)
def test_a_wording_that_readers_stumbled_over_does_not_come_back(refused: str):
    assert len(texts()) > 1000
    again = [place for place in texts() if re.search(refused, place[1])]
    assert again == [], f"say: {REFUSED[refused]}"


def test_settings_have_a_word_for_within_a_sentence_that_keeps_names():
    words = [setting(name).word for name in ("lr", "l2", "hidden", "beta1")]
    assert words == ["learning rate", "L2 penalty", "hidden units", "beta 1"]


def test_a_shift_and_a_rotation_are_shown_with_their_units():
    assert _shown(setting("shift"), 2.0) == "2 px" and _shown(setting("rotation"), 10.0) == "10°"
    assert _shown(setting("rotation"), 0.0) == "off"
