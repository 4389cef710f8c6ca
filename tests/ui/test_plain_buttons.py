"""A button without a frame looks like a word of the page: an icon says that it can be pressed."""

from __future__ import annotations

import ast

from tests import ROOT


def test_each_button_without_a_frame_has_an_icon():
    found, bare = 0, []
    for folder in ("ui", "pages"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                given = {word.arg: word.value for word in node.keywords}
                if isinstance(kind := given.get("type"), ast.Constant) and kind.value == "tertiary":
                    found += 1
                    bare += [f"{path.relative_to(ROOT)}:{node.lineno}"] if "icon" not in given else []
    assert found > 10 and bare == []
