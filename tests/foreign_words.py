"""Finds Streamlit calls that draw a word of unknown origin as Markdown (or as HTML) without making it plain.

What Streamlit draws is Markdown: a run's name, a setting out of an address or an error that quotes either could bring
pictures, links and colours. So each text that a call draws must be made of literals, numbers, our own words, and what
has gone through `ui.words.plain` (in HTML: `html.escape`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

TEXTS = {  # a call that draws Markdown: the place of its text among the arguments
    **dict.fromkeys(("markdown", "caption", "info", "warning", "error", "success", "toast", "title"), 0),
    **dict.fromkeys(("header", "subheader", "badge", "metric", "button", "popover", "expander"), 0),
    **dict.fromkeys(("download_button", "link_button", "checkbox", "toggle", "radio", "selectbox", "multiselect"), 0),
    **dict.fromkeys(("slider", "select_slider", "number_input", "text_input", "text_area", "file_uploader"), 0),
    **dict.fromkeys(("segmented_control", "pills", "spinner", "html", "tabs", "table"), 0),
    "progress": 1,
}
KEYWORDS = {"label", "body", "text", "help", "caption", "captions"}
PLAIN = {"plain", "escape", "dumps"}  # make a foreign word harmless, in Markdown, in HTML and in a script
COUNTED = {"len", "int", "float", "bool", "round", "sum", "abs"}
OWN_ATTRIBUTES = {
    "label",
    "help",
    "word",
    "about_probabilities",
    "short",
    "line",
    "formula",
    "citation",
    "each",
    "also",
    "digits",
}  # declared in the code, never out of a file
OWN_FUNCTIONS = {  # a time, a colour, a picture, and numbers as text
    *("duration", "run_colour", "png_uri"),
    "link",  # the address of a term in our own glossary
    "linked",  # what it is given is looked at, and it adds links to our own glossary
    *("percent", "round_percent", "exact", "decimal", "probability", "loss", "count", "short_number"),
}
NUMBER = re.compile(r"[+ z]?\d*[,_]?(\.\d+)?[dfgeE%]|,")
SAME_WORDS = {"lower", "upper", "strip", "capitalize", "format", "removesuffix", "replace", "items"}


def foreign_words(tree: ast.AST, markdown: Mapping[str, list[str]]) -> Iterator[tuple[ast.expr, str]]:
    """Each text that is drawn and may hold a foreign word: where it stands, and what draws it.

    `markdown` tells what in the project is declared as `ui.words.Markdown` (see `declared_markdown`).
    """
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]
    for node in ast.walk(tree):
        texts = list(_texts(node, markdown))
        if not texts:
            continue
        known = _Known(tree, [each for each in functions if any(inner is node for inner in ast.walk(each))], markdown)
        for text, what in texts:
            if not known.holds(text):
                yield text, what


def declared_markdown(trees: Iterable[ast.AST]) -> dict[str, list[str]]:
    """The functions and classes that return Markdown or take it, by name: the parameters and fields that are."""
    found: dict[str, list[str]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            taken = [ast.unparse(one.target) if _is_markdown(one.annotation) else "" for one in fields]
            if any(taken):
                found[node.name] = taken
        if not isinstance(node, ast.FunctionDef):
            continue
        taken = [one.arg if _is_markdown(one.annotation) else "" for one in [*node.args.args, *node.args.kwonlyargs]]
        if any(taken) or _is_markdown(node.returns):
            found[node.name] = taken if not _is_markdown(node.returns) else [*taken, RETURNED]
    return found


RETURNED = "returned"  # stands behind the parameters of a function that returns Markdown


def _is_markdown(annotation: ast.expr | None) -> bool:
    words = set() if annotation is None else set(re.findall(r"\w+", ast.unparse(annotation)))
    return bool(words & {"Markdown", "Html"}) and words <= {"Markdown", "Html", "None", "tuple"}


def _texts(node: ast.AST, markdown: Mapping[str, list[str]]) -> Iterator[tuple[ast.expr, str]]:
    """What a call draws or hands on as Markdown, and what a function returns as Markdown."""
    if isinstance(node, ast.FunctionDef) and _is_markdown(node.returns):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Return) and inner.value is not None:
                yield inner.value, node.name
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
    if isinstance(node.func, ast.Attribute) and name in TEXTS and not _is_log(node.func.value):
        if name == "title" and not node.args:  # of a text, or of a configuration
            return
        yield from ((text, name) for text in node.args[TEXTS[name] :][:1])
        yield from ((keyword.value, name) for keyword in node.keywords if keyword.arg in KEYWORDS)
    elif taken := markdown.get(name):
        yield from ((text, name) for text, one in zip(node.args, taken, strict=False) if one and one != RETURNED)
        yield from ((keyword.value, name) for keyword in node.keywords if keyword.arg and keyword.arg in taken)


def _is_log(receiver: ast.expr) -> bool:
    return "log" in ast.unparse(receiver).lower()


class _Known:
    """Tells whether an expression is made of known words alone, as seen from inside some functions."""

    def __init__(
        self, tree: ast.AST, around: list[ast.FunctionDef | ast.Lambda], markdown: Mapping[str, list[str]]
    ) -> None:
        statements = [each for each in getattr(tree, "body", []) if not isinstance(each, ast.FunctionDef)]
        self._outside = ast.Module(statements, [])
        self._around, self._markdown, self._asked = around, markdown, set[str]()

    def holds(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant() | ast.Compare():
                return True
            case ast.JoinedStr(values):
                return all(map(self.holds, values))
            case ast.FormattedValue(value, _, spec):
                return _is_number(spec) or self.holds(value)
            case ast.BinOp(left, ast.Mod() | ast.Add() | ast.Mult() | ast.Sub(), right):
                return self.holds(left) and self.holds(right)
            case ast.BoolOp(ast.And(), values):  # of the others, only what is empty
                return self.holds(values[-1])
            case ast.BoolOp(_, values) | ast.List(values) | ast.Tuple(values):
                return all(map(self.holds, values))
            case ast.IfExp(_, first, second):
                return self.holds(first) and self.holds(second)
            case ast.GeneratorExp(element) | ast.ListComp(element):
                return self.holds(element)
            case ast.Call(ast.Name(name)):
                return name in PLAIN | COUNTED | OWN_FUNCTIONS or self._returns_markdown(name)
            case ast.Call(ast.Attribute(ast.Constant(), "join"), arguments):
                return all(map(self.holds, arguments))
            case ast.Call(ast.Attribute(_, "DataFrame"), arguments, keywords):
                return all(map(self.holds, [*arguments, *(keyword.value for keyword in keywords)]))
            case ast.Call(ast.Attribute(value, "get"), [_, default]):
                return self.holds(value) and self.holds(default)
            case ast.Call(ast.Attribute(value, name), arguments):
                same = name in SAME_WORDS and self.holds(value) and all(map(self.holds, arguments))
                return same or name in PLAIN | OWN_FUNCTIONS or self._returns_markdown(name)
            case ast.Attribute(_, name):
                return name in OWN_ATTRIBUTES or name.isupper() or self._is_field(name)
            case ast.Subscript(value):
                return self.holds(value)
            case ast.Dict(_, values):
                return all(map(self.holds, values))
            case ast.Name(name):
                return name.isupper() or self._variable(name)
        return False

    def _returns_markdown(self, name: str) -> bool:
        return RETURNED in self._markdown.get(name, ())

    def _is_field(self, name: str) -> bool:
        return any(each[:1].isupper() and name in fields for each, fields in self._markdown.items())

    def _variable(self, name: str) -> bool:
        """Whether all that functions around put into it is known; a parameter must be a number or Markdown."""
        if name in self._asked:
            return True
        self._asked.add(name)
        found: list[bool] = []
        for function in self._around:
            for each in [*function.args.args, *function.args.kwonlyargs]:
                if each.arg == name:
                    found.append(_is_markdown(each.annotation) or _is_counted(each.annotation))
        for scope in [*self._around, self._outside]:
            for statement in ast.walk(scope):
                found += [self.holds(value) for value in _put_into(name, statement)]
        return bool(found) and all(found)


def _is_counted(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation) in COUNTED


def _put_into(name: str, node: ast.AST) -> Iterator[ast.expr]:
    """What a statement puts into a variable."""
    match node:
        case ast.Assign(targets, value):
            for target in targets:
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    pairs = zip(target.elts, value.elts, strict=False)
                else:
                    pairs = zip([target], [value], strict=True)
                for one, its in pairs:
                    if name in _names(one):
                        yield its
        case ast.AnnAssign(target, _, value) | ast.AugAssign(target, _, value) | ast.NamedExpr(target, value):
            if value is not None and name in _names(target):
                yield value
        case ast.For(ast.Tuple(targets), ast.Tuple(rows)) if all(isinstance(row, ast.Tuple) for row in rows):
            for at, target in enumerate(targets):
                if name in _names(target):
                    yield from (row.elts[at] for row in rows if isinstance(row, ast.Tuple))
        case ast.For(target, iterable) | ast.comprehension(target, iterable):
            if name in _names(target):
                yield iterable
        case ast.Call(ast.Attribute(ast.Name(found), "append"), [value]) if found == name:
            yield value


def _names(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _is_number(spec: ast.expr | None) -> bool:
    """Whether a format could be that of a number alone: a text in its place would raise ValueError."""
    if not isinstance(spec, ast.JoinedStr) or len(spec.values) != 1 or not isinstance(spec.values[0], ast.Constant):
        return False
    return NUMBER.fullmatch(str(spec.values[0].value)) is not None
