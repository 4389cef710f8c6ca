"""Style sheets and scripts find widgets by the class that Streamlit makes of a key: each of those keys is given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests import ROOT


def keys() -> Iterator[str]:
    """A pattern for each key that a call in the app gives: what is worked out is any text."""
    for folder in ("ui", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "key":
                    yield from _patterns(node.value)


def _patterns(key: ast.expr) -> Iterator[str]:
    if isinstance(key, ast.JoinedStr):
        yield "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in key.values)
    else:
        constants = [part.value for part in ast.walk(key) if isinstance(part, ast.Constant)]
        yield from (re.escape(text) for text in constants if isinstance(text, str) and text)


def test_every_key_that_a_style_sheet_or_script_looks_for_is_given_to_something():
    sources = [path for path in (ROOT / "ui").rglob("*") if path.suffix in (".css", ".js", ".py")]
    wanted = {name for path in sources for name in re.findall(r"\.st-key-([\w-]+)", path.read_text(encoding="utf-8"))}
    assert len(wanted) > 10
    given = re.compile("|".join(f"(?:{pattern})" for pattern in set(keys())))
    assert sorted(name for name in wanted if not given.fullmatch(name)) == []
