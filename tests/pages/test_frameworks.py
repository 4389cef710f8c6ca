"""The page of the frameworks: what can be compared, what is missing, and a comparison as it is shown."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from nn_core.config import RunConfig
from nn_core.frameworks import FRAMEWORKS, Comparison, Row, Same, Task
from tests.pages.looking import at, fails, notices, words
from ui.session import frameworks

PAGE = "pages/compare/frameworks.py"
TASK = Task("784-8-10", RunConfig(hidden=(8,), epochs=2), ("glassnet", "torch"))
CURVE = ((1.0, 0.5, 0.9), (2.0, 1.0, 0.981))


@pytest.fixture(autouse=True)
def no_comparison() -> Iterator[None]:
    frameworks._room.clear()
    yield
    frameworks._room.clear()


def shown_with(app: AppTest, rows: list[Row], same: list[Same]) -> AppTest:
    """The page while a comparison of these rows is over."""
    comparison = Comparison([TASK], identical=False)
    comparison._rows = {(0, row.framework): row for row in rows}
    comparison._same, comparison._doing = same, ""
    frameworks._room().comparison = comparison
    return at(app, PAGE)


def test_without_any_framework_the_page_shows_how_to_install_each_and_compares_our_own(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, one in list(FRAMEWORKS.items()):
        if name != "glassnet":
            monkeypatch.setitem(FRAMEWORKS, name, dataclasses.replace(one, packages=("no_such_package",)))
    page = at(app, PAGE)
    assert not fails(page)
    commands = {shown.value for shown in page.code}
    assert {one.install for name, one in FRAMEWORKS.items() if name != "glassnet"} <= commands
    assert {box.label: box.disabled for box in page.checkbox}["PyTorch"]
    assert not page.button("frameworks-start").disabled


def test_the_code_shown_is_the_code_that_runs(app: AppTest) -> None:
    page = at(app, PAGE)
    shown = "\n".join(part.value for part in page.code)
    for name in ("glassnet", "torch"):
        first = inspect.getsource(FRAMEWORKS[name].code).strip().splitlines()[0]
        assert first.strip() in shown


def test_what_a_framework_leaves_out_of_the_settings_is_named(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FRAMEWORKS, "torch", dataclasses.replace(FRAMEWORKS["torch"], packages=("numpy",)))
    app.query_params["rotation"] = "10"
    assert "It has no equivalent of rotation 10, and trains without it." in words(at(app.run(), PAGE))


def test_measured_figures_quoted_ones_and_what_failed_stand_beside_one_another(app: AppTest) -> None:
    measured = Row("784-8-10", "glassnet", "Glassnet (NumPy)", "done", curve=CURVE, seconds=1.0, samples_per_second=5e4)
    failed = Row("784-8-10", "torch", "PyTorch", "failed", said="PyTorch could not go on: it was killed.")
    page = shown_with(app, [measured, failed], [])
    assert not fails(page)
    (table,) = page.table
    column = table.value["Glassnet (NumPy)"]
    assert column["images a second"] == "50,000" and column["seconds to 98 %"] == "1.0"
    assert column["seconds to 99 %"] == "not reached"
    assert "PyTorch could not go on: it was killed." in words(page)
    assert page.button("frameworks-anew").label == "Compare anew"


def test_differences_batch_by_batch_are_listed_with_the_reason_why_they_grow(app: AppTest) -> None:
    same = Same("torch", "PyTorch", "784-128-10", "adam", 2, 3e-7, ((2.0, 2.0), (1.5, 1.5 + 4.5e-7)))
    page = shown_with(app, [Row("784-8-10", "glassnet", "Glassnet (NumPy)", "cancelled")], [same])
    assert not fails(page) and "rounds after each addition" in words(page)
    assert "3.0e-07" in page.table[-1].value.to_string()
    page.button("frameworks-anew").click().run()
    assert page.button("frameworks-start") and not notices(page)
