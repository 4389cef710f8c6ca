"""The arrows of the house point one way, and some things are done in one place only.

    machine, config <- data, nn <- kernels <- training, explain, evaluation <- store, sketch, instruments, frameworks
    <- runs, search <- export <- cli, ui <- pages <- dashboard, shared

Each rule reads a file's syntax tree and gives one sentence for each breach.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from itertools import pairwise

import pytest

from tests import ROOT
from tests.foreign_words import declared_markdown, foreign_words

LEVELS = {  # a package may import those below it, and those on its own level that do not import it
    "nn_core.machine": 0,
    "nn_core.config": 0,
    "nn_core.data": 1,
    "nn_core.own_data": 2,
    "nn_core.nn": 1,
    "nn_core.kernels": 2,
    "nn_core.training": 3,
    "nn_core.explain": 3,
    "nn_core.evaluation": 3,
    "nn_core.store": 4,
    "nn_core.sketch": 4,
    "nn_core.instruments": 4,
    "nn_core.frameworks": 4,
    "nn_core": 4,  # the front: `from nn_core import Trainer`
    "nn_core.runs": 5,
    "nn_core.search": 5,
    "nn_core.homework": 6,
    "nn_core.export": 6,
    "nn_core.cli": 7,
    "nn_core.__main__": 8,
    "ui.words": 7,
    "ui.texts": 7,
    "ui.style": 7,
    "ui.charts": 7,
    "ui.visitors": 7,
    "ui.session": 8,
    "ui.components": 9,
    "ui.panels": 10,
    "ui.sidebar": 11,
    "ui": 7,
    "pages": 12,
    "dashboard": 13,
    "shared": 13,
}
WITH_MORE_THAN_NUMPY = {  # where a function may import more
    "nn_core.export",
    "nn_core.own_data",
    "nn_core.store",
    "nn_core.search",
    "nn_core.sketch",
    "nn_core.machine",
    "nn_core.cli",
    "nn_core.frameworks",
}
ENTRIES = {"dashboard", "shared"}  # for one person alone, and for several
APP = {"ui", "pages", *ENTRIES}  # what draws
OUR_OWN = {"nn_core", *APP}
MAX_LINES = {"nn_core": 450, "ui": 450, "pages": 120}
STREAMLIT = {"streamlit", "streamlit_drawable_canvas"}
UNSAFE = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
GENERATORS = {"BitGenerator", "Generator", "PCG64", "PCG64DXSM", "Philox", "SFC64", "SeedSequence", "default_rng"}


class Source:
    """One file of the project: its path relative to the checkout, its text, and what it imports."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.tree = ast.parse(text, path)
        self.module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.top = self.module.split(".")[0]

    @property
    def unit(self) -> str:
        """What has a level and permissions: a package or module directly in nn_core or ui, pages, or an entry."""
        return _unit(self.module)

    @property
    def builds_figures(self) -> bool:
        """Whether this is a file of ui/charts."""
        return self.unit == "ui.charts"

    @cached_property
    def imports(self) -> list[tuple[ast.stmt, str]]:
        """Every imported module, wherever the import stands; relative ones made absolute."""
        found: list[tuple[ast.stmt, str]] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(node, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for (
                    alias
                ) in node.names:  # `from nn_core import data` means nn_core.data, `import Trainer` means the front
                    submodule = f"{base}.{alias.name}"
                    found.append((node, submodule if _is_module(submodule) else base))
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.module.split(".") if self.path.endswith("__init__.py") else self.module.split(".")[:-1]
        return ".".join(package[: len(package) - node.level + 1] + ([node.module] if node.module else []))

    @cached_property
    def imports_when_loaded(self) -> set[ast.stmt]:
        """The import statements that run when the module is loaded: not in a function, not for type checking alone."""
        return set(_run_when_loaded(self.tree.body))

    def at(self, node: ast.AST, sentence: str) -> str:
        """The sentence with its place."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {sentence}"


def _run_when_loaded(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        type_checking = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)
        for block in ("orelse",) if type_checking else ("body", "orelse", "finalbody"):
            yield from _run_when_loaded(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            yield from _run_when_loaded(handler.body)


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (name.split(".")[0] in OUR_OWN and path.is_dir())


def _unit(module: str) -> str:
    return ".".join(module.split(".")[: 2 if module.split(".")[0] in {"nn_core", "ui"} else 1])


# ---------------------------------------------------------------------------------------------- the rules

Rule = Callable[[Source], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Decorator: every file of the project is held to this."""
    RULES[check.__name__] = check
    return check


@rule
def imports_point_one_way(source: Source) -> Iterator[str]:
    for node, name in source.imports:
        if name.split(".")[0] not in OUR_OWN:
            continue
        unit = _unit(name)
        if unit not in LEVELS:
            yield source.at(node, f"{unit} has no level: it wants a line in LEVELS")
        elif LEVELS[unit] > LEVELS[source.unit] and source.module != "nn_core":
            yield source.at(node, f"{source.unit} must not know {unit}, which stands above it")
        if source.top == "pages" and unit == "pages":
            yield source.at(node, "a page must not import another page")


@rule
def streamlit_stays_in_the_app(source: Source) -> Iterator[str]:
    if source.top in APP and not source.builds_figures:
        return
    for node, name in source.imports:
        if name.split(".")[0] in STREAMLIT:
            yield source.at(node, f"{name} belongs in dashboard.py, shared.py, pages/ and ui/ (but not in ui/charts)")


@rule
def plotly_stays_in_charts_and_live_plot(source: Source) -> Iterator[str]:
    if source.builds_figures or source.path == "ui/components/live_plot.py":
        return
    for node, name in source.imports:
        if name.split(".")[0] == "plotly":
            yield source.at(node, "plotly belongs in ui/charts and ui/components/live_plot.py")


@rule
def nn_core_needs_numpy_alone(source: Source) -> Iterator[str]:
    if source.top != "nn_core":
        return
    for node, name in source.imports:
        if name.split(".")[0] in {*sys.stdlib_module_names, "numpy", "nn_core", *STREAMLIT, "plotly"}:
            continue
        if source.unit not in WITH_MORE_THAN_NUMPY:
            yield source.at(node, f"{source.unit} must do without {name}")
        elif node in source.imports_when_loaded:
            yield source.at(
                node, f"{name} must be imported where it is used, so that `import nn_core` works without it"
            )


@rule
def session_state_and_caches_are_named_in_ui_session_alone(source: Source) -> Iterator[str]:
    if f"{source.module}.".startswith("ui.session."):
        return
    for node in ast.walk(source.tree):
        names = [node.attr] if isinstance(node, ast.Attribute) else []
        if isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
        for name in {"session_state", "cache_data", "cache_resource"} & set(names):
            yield source.at(node, f"{name} belongs in ui/session")


@rule
def randomness_comes_from_a_generator(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        names: set[str] = set()
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"np.random", "numpy.random"}:
            names = {node.attr}
        elif isinstance(node, ast.ImportFrom) and node.module == "numpy.random":
            names = {alias.name for alias in node.names}
        for name in names - GENERATORS:
            yield source.at(node, f"np.random.{name} is global state: pass a Generator")
        if source.top == "nn_core" and re.fullmatch(r"(.*\.)?default_rng\((None)?\)", ast.unparse(node)):
            yield source.at(node, "a generator of nn_core needs a seed")


@rule
def no_data_is_run_as_code(source: Source) -> Iterator[str]:
    for node, name in source.imports:
        if name.split(".")[0] in UNSAFE:
            yield source.at(node, f"{name} runs what it reads")
    for call in (node for node in ast.walk(source.tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in {"eval", "exec"}:
            yield source.at(call, f"{call.func.id} runs what it is given")
        for keyword in call.keywords:
            if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True) is not False:
                yield source.at(call, "allow_pickle runs what it reads")


@rule
def json_is_read_in_one_way(source: Source) -> Iterator[str]:
    if source.path in {"nn_core/config/foreign.py", "nn_core/machine/holder.py"}:  # the latter of 2,000 bytes, guarded
        return
    for call in (node for node in ast.walk(source.tree) if isinstance(node, ast.Call)):
        if ast.unparse(call.func) in {"json.loads", "json.load", "loads"}:
            yield source.at(call, "deep nesting raises RecursionError: read it with nn_core/config/foreign.py")


@rule
def shares_are_written_in_one_place(source: Source) -> Iterator[str]:
    """No text puts a share in percent by itself: not in a format, not by printf, not by hand."""
    if source.path == "nn_core/machine/numbers.py":
        return
    said = "percent() of nn_core/machine/numbers.py writes shares, and PERCENT_COLUMN there in tables"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            for number, after in pairwise([*node.values, ast.Constant("")]):
                given = number.format_spec if isinstance(number, ast.FormattedValue) else None
                spec = "" if given is None else ast.unparse(given)[2:-1]
                by_hand = isinstance(after, ast.Constant) and re.match(r" ?%", str(after.value))
                if spec.endswith("%") or (spec and by_hand):
                    yield source.at(node, said)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _PERCENT_FORMAT.search(node.value):
            yield source.at(node, said)


_PERCENT_FORMAT = re.compile(r"%\.\df ?%%|\{[^{}]*:[^{}]*\d%\}|%\{\w+:[^}]*[%p]\}")  # printf, str.format, plotly


@rule
def files_stay_short(source: Source) -> Iterator[str]:
    n_lines, most = source.text.count("\n"), MAX_LINES.get(source.top)
    if most and n_lines > most:
        yield source.at(source.tree, f"{n_lines} lines, more than {most}: it wants to be two files with two names")


@rule
def what_lies_in_a_room_has_a_level(source: Source) -> Iterator[str]:
    if source.unit not in LEVELS:
        yield source.at(source.tree, f"{source.unit} has no level: it wants a line in LEVELS")


@rule
def pages_lie_in_groups(source: Source) -> Iterator[str]:
    if source.top == "pages" and source.path.count("/") != 2:
        yield source.at(source.tree, "a page is pages/<group>/<page>.py; Streamlit runs others without dashboard.py")


@rule
def variables_of_the_environment_are_declared_in_one_place(source: Source) -> Iterator[str]:
    if source.path == "nn_core/config/environment.py":
        return
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch("GLASSNET_[A-Z_]+", node.value)
        ):
            yield source.at(node, f"{node.value} is declared in nn_core/config/environment.py: read it from there")


@rule
def foreign_words_are_made_plain(source: Source) -> Iterator[str]:
    if source.top in APP and source.path != "ui/words.py":
        for text, drawn_by in foreign_words(source.tree, _declared()):
            yield source.at(text, f"{drawn_by} draws a word that may be foreign: {ast.unparse(text)}; see ui/words.py")


@cache
def _declared() -> dict[str, list[str]]:
    files = [path for path in _project_files() if path.startswith(("ui/", "pages/"))]
    return declared_markdown(ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in files)


def breaches(source: Source) -> list[str]:
    """One sentence for each breach of any rule."""
    return [sentence for check in RULES.values() for sentence in check(source)]


# ---------------------------------------------------------------------------------------------- the project


def _project_files() -> list[str]:
    paths = [
        *(ROOT / f"{entry}.py" for entry in ENTRIES),
        *(path for top in ("nn_core", "ui", "pages") for path in (ROOT / top).rglob("*.py")),
    ]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths if path.is_file())


def test_every_entry_is_held_to_the_rules() -> None:
    assert {path.stem for path in ROOT.glob("*.py")} == ENTRIES
    assert {f"{entry}.py" for entry in ENTRIES} < set(_project_files())


@pytest.mark.parametrize("unit", sorted({*LEVELS, *WITH_MORE_THAN_NUMPY}))
def test_what_has_a_level_is_there(unit: str) -> None:
    assert _is_module(unit)


@pytest.mark.parametrize("room", ["nn_core", "ui"])
def test_few_files_lie_outside_the_rooms(room: str) -> None:
    assert len(list((ROOT / room).glob("*.py"))) <= 4


@pytest.mark.parametrize("path", _project_files())
def test_a_file_keeps_the_rules_of_the_house(path: str) -> None:
    found = breaches(Source(path, (ROOT / path).read_text(encoding="utf-8")))
    assert not found, "\n".join(found)


def test_no_modules_import_one_another_in_a_circle() -> None:
    arrows: dict[str, set[str]] = {}
    for path in _project_files():
        source = Source(path, (ROOT / path).read_text(encoding="utf-8"))
        arrows[source.module] = {name for _, name in source.imports if name.split(".")[0] in OUR_OWN} - {source.module}
    assert _circle(arrows) is None
    rooms: dict[str, set[str]] = {}
    for module, known in arrows.items():
        if module not in OUR_OWN:  # the front hands on what lies in the rooms
            rooms.setdefault(_unit(module), set()).update({_unit(name) for name in known} - {_unit(module), *OUR_OWN})
    assert _circle(rooms) is None


def _circle(arrows: dict[str, set[str]]) -> list[str] | None:
    """Modules that import one another in a circle, or None."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str] | None:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return None
        found = next(filter(None, (walk(target, [*way, module]) for target in sorted(arrows.get(module, ())))), None)
        done.add(module)
        return found

    return next(filter(None, (walk(module, []) for module in sorted(arrows))), None)


def test_a_circle_of_imports_is_noticed() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_every_package_that_the_app_imports_is_in_requirements_txt() -> None:
    def named_in(file: str) -> set[str]:
        return {_canonical(line) for line in (ROOT / file).read_text().splitlines() if line[:1].isalpha()}

    required, optional = named_in("requirements.txt"), named_in("requirements-export.txt")
    frameworks = named_in("requirements-frameworks.txt") | {"sklearn", "tensorflow"}  # the latter on top of them
    distributions = importlib.metadata.packages_distributions()
    for path in _project_files():
        source = Source(path, (ROOT / path).read_text(encoding="utf-8"))
        for node, name in source.imports:
            package = name.split(".")[0]
            if package in OUR_OWN or package in sys.stdlib_module_names:
                continue
            provided_by = {_canonical(name) for name in distributions.get(package, [package])}
            more = {"nn_core.export": optional, "nn_core.frameworks": frameworks}  # they say what is missing
            named = required | more.get(source.unit, set())
            assert provided_by & named, source.at(node, f"requirements.txt does not name {package}")


def _canonical(requirement: str) -> str:
    return re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0].replace("_", "-").lower()


# ---------------------------------------------------------------------------------------------- the rules themselves

BAD = [
    ("imports_point_one_way", "nn_core/nn/layers.py", "from nn_core.training.trainer import Trainer"),
    ("imports_point_one_way", "nn_core/nn/layers.py", "from nn_core import Trainer"),
    ("imports_point_one_way", "nn_core/training/trainer.py", "from ..runs.run import Run"),
    ("imports_point_one_way", "nn_core/config/run_config.py", "def f():\n    import nn_core.nn.optimizers"),
    ("imports_point_one_way", "nn_core/data/__init__.py", "from ..kernels.mlp import MLPKernel"),
    ("imports_point_one_way", "nn_core/explain/maps.py", "from nn_core.instruments import health"),
    ("imports_point_one_way", "nn_core/runs/run.py", "import ui.session"),
    ("imports_point_one_way", "nn_core/nn/layers.py", "import nn_core.elsewhere.layers"),
    ("imports_point_one_way", "ui/charts/curves.py", "from ui.session import current"),
    ("imports_point_one_way", "ui/session/current.py", "from ui.panels import ghost"),
    ("imports_point_one_way", "ui/sidebar/sidebar.py", "import dashboard"),
    ("imports_point_one_way", "pages/play/train.py", "import pages.play.draw"),
    ("imports_point_one_way", "ui/visitors/gate.py", "import shared"),
    ("what_lies_in_a_room_has_a_level", "nn_core/elsewhere/layers.py", "x = 1"),
    ("streamlit_stays_in_the_app", "nn_core/runs/run.py", "def f():\n    import streamlit as st"),
    ("streamlit_stays_in_the_app", "ui/charts/curves.py", "import streamlit_drawable_canvas"),
    ("streamlit_stays_in_the_app", "ui/charts/figure.py", "from streamlit.components import v2"),
    ("plotly_stays_in_charts_and_live_plot", "pages/look/data.py", "import plotly.express as px"),
    ("plotly_stays_in_charts_and_live_plot", "nn_core/nn/metrics.py", "from plotly import graph_objects"),
    ("nn_core_needs_numpy_alone", "nn_core/nn/layers.py", "def f():\n    import scipy.special"),
    ("nn_core_needs_numpy_alone", "nn_core/sketch/to_mnist.py", "from PIL import Image"),
    (
        "nn_core_needs_numpy_alone",
        "nn_core/search/study.py",
        "try:\n    import optuna\nexcept ImportError:\n    optuna = None",
    ),
    ("session_state_and_caches_are_named_in_ui_session_alone", "ui/panels/unit.py", "st.session_state['a'] = 1"),
    ("session_state_and_caches_are_named_in_ui_session_alone", "pages/play/draw.py", "@st.cache_data\ndef f(): ..."),
    ("session_state_and_caches_are_named_in_ui_session_alone", "dashboard.py", "from streamlit import cache_resource"),
    ("randomness_comes_from_a_generator", "shared.py", "x = np.random.rand()"),
    ("randomness_comes_from_a_generator", "nn_core/nn/layers.py", "x = np.random.randn(3)"),
    ("randomness_comes_from_a_generator", "ui/panels/unit.py", "from numpy.random import shuffle"),
    ("randomness_comes_from_a_generator", "nn_core/training/trainer.py", "rng = np.random.default_rng()"),
    ("no_data_is_run_as_code", "nn_core/store/files.py", "import pickle"),
    ("no_data_is_run_as_code", "nn_core/data/npz.py", "np.load(path, allow_pickle=True)"),
    ("no_data_is_run_as_code", "ui/session/address.py", "value = eval(text)"),
    ("json_is_read_in_one_way", "nn_core/store/files.py", "state = json.loads(text)"),
    ("shares_are_written_in_one_place", "ui/panels/unit.py", "f'{share:.1%} right'"),
    ("shares_are_written_in_one_place", "pages/look/data.py", "f'{100 * share:.1f} % right'"),
    ("shares_are_written_in_one_place", "nn_core/cli/runs.py", "'{:.2%}'.format(share)"),
    ("shares_are_written_in_one_place", "ui/panels/unit.py", "column(format='%.2f%%')"),
    ("shares_are_written_in_one_place", "ui/charts/bars.py", "'%{y}: %{x:.3p}<extra></extra>'"),
    ("files_stay_short", "nn_core/nn/layers.py", "x = 1\n" * 451),
    ("files_stay_short", "pages/play/train.py", "x = 1\n" * 121),
    ("pages_lie_in_groups", "pages/train.py", "x = 1"),
    (
        "variables_of_the_environment_are_declared_in_one_place",
        "nn_core/runs/run.py",
        "x = os.environ.get('GLASSNET_PATIENCE', '1')",
    ),
    ("foreign_words_are_made_plain", "ui/panels/ghost.py", "st.markdown(run.title)"),
    ("foreign_words_are_made_plain", "ui/panels/ghost.py", "st.button('Pin', help=f'The ghost is {pinned.title}.')"),
    ("foreign_words_are_made_plain", "ui/panels/ghost.py", "def f(name):\n    st.caption(f'{plain(name)}{name}')"),
    ("foreign_words_are_made_plain", "pages/look/data.py", "try: f()\nexcept E as e:\n    st.error(str(e))"),
    ("foreign_words_are_made_plain", "pages/look/data.py", "st.html(f'<b>{run.name}</b>')"),
    ("foreign_words_are_made_plain", "pages/look/data.py", "words = [run.name]\ncolumn.info(', '.join(words))"),
    ("foreign_words_are_made_plain", "ui/panels/unit.py", "def f(name: str) -> Markdown:\n    return f'**{name}**'"),
    ("foreign_words_are_made_plain", "ui/panels/unit.py", "excites_none(run.name, 3)"),
]
GOOD = [
    ("nn_core/nn/layers.py", "import math\nimport numpy as np\nfrom nn_core.config.choices import register\n"),
    ("nn_core/nn/layers.py", "rng = np.random.default_rng(np.random.SeedSequence(0))\nmodel.eval()\n"),
    ("nn_core/sketch/to_mnist.py", "def f():\n    from PIL import Image\n"),
    ("nn_core/store/files.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import safetensors\n"),
    ("nn_core/instruments/health.py", "from nn_core.explain.units import unit_order\n"),
    ("nn_core/__init__.py", "from nn_core.training.trainer import Trainer\n"),
    ("nn_core/data/npz.py", "np.load(path, allow_pickle=False)\n"),
    ("nn_core/config/foreign.py", "json.loads(text)\n"),
    ("ui/panels/unit.py", "f'{percent(share)} of {n:,}, 100 % of {name}%'\n"),
    ("ui/charts/curves.py", "import plotly.graph_objects as go\n"),
    ("ui/session/current.py", "import streamlit as st\nfrom nn_core.runs.run import Run\nst.session_state['a'] = 1\n"),
    ("pages/look/data.py", "import streamlit as st\nfrom ui.charts import walls\nfrom nn_core import Trainer\n"),
    (
        "ui/panels/unit.py",
        "st.markdown(f'**{plain(run.title)}** at {step:,}, {percent(share)}', help=item.help or None)\n",
    ),
    ("ui/panels/unit.py", "def f(n: int):\n    text = 'all' if n else plain(name)\n    st.info(f'{text} {n}')\n"),
    ("ui/panels/unit.py", "def f(name: str) -> Markdown:\n    return f'**{plain(name)}**'\n"),
    ("dashboard.py", "import streamlit as st\nfrom ui.sidebar.sidebar import sidebar\n"),
]


@pytest.mark.parametrize(("name", "path", "text"), BAD)
def test_a_breach_is_noticed_by_its_rule(name: str, path: str, text: str) -> None:
    assert list(RULES[name](Source(path, text)))


@pytest.mark.parametrize(("path", "text"), GOOD)
def test_what_is_allowed_is_no_breach(path: str, text: str) -> None:
    assert breaches(Source(path, text)) == []


def test_every_rule_is_shown_to_notice_something() -> None:
    assert {name for name, *_ in BAD} == set(RULES)


# ---------------------------------------------------------------------------------------------- NumPy alone

BLOCK_ALL_BUT_NUMPY = """
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "nn_core"):
            raise ModuleNotFoundError(f"blocked: {name}", name=name)

sys.meta_path.insert(0, Block())
"""


def _python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCK_ALL_BUT_NUMPY + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_every_module_of_nn_core_can_be_imported_with_numpy_alone() -> None:
    done = _python(
        "import nn_core\n"
        "for module in pkgutil.walk_packages(nn_core.__path__, 'nn_core.'):\n"
        "    importlib.import_module(module.name)\n"
        "    print(module.name)"
    )
    assert done.returncode == 0, done.stderr
    assert "nn_core.config" in done.stdout.split()


def test_the_package_tells_the_version_that_the_project_declares() -> None:
    import nn_core

    assert nn_core.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_what_few_ask_for_is_imported_when_it_is_asked_for() -> None:
    done = _python(
        "import nn_core\n"
        "assert not any(name.startswith('nn_core.homework') for name in sys.modules)\n"
        "print(*(getattr(nn_core, name).__name__ for name in ('check_backprop', 'watch')))\n"
    )
    assert done.stdout.split() == ["check_backprop", "watch"], done.stderr


def test_with_numpy_alone_nothing_else_can_be_imported() -> None:
    done = _python("import streamlit")
    assert done.returncode != 0
    assert "blocked: streamlit" in done.stderr
