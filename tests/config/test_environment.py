"""Variables of the environment: declared once, listed, and a bad value is a sentence and the default."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from nn_core.cli.main import main
from nn_core.config.environment import VARIABLES, problems, table
from tests import ROOT

NUMBERS = [one for one in VARIABLES.values() if one.kind in ("whole", "seconds")]
OUT_OF_RANGE = ["abc", "-1", "1e400", "nan", "inf", "0x10", "9" * 30, "1;2", "٣"]


@pytest.mark.parametrize("variable", NUMBERS, ids=lambda one: one.name)
@pytest.mark.parametrize("text", OUT_OF_RANGE)
def test_a_number_that_cannot_be_used_gives_the_default_and_one_sentence(variable, text: str) -> None:
    found: list[str] = []
    assert variable.read({variable.name: text}, found) == variable.default
    (sentence,) = found
    assert sentence.startswith(f"{variable.name} must be ") and text[:40] in sentence and "is used." in sentence


@pytest.mark.parametrize("variable", NUMBERS, ids=lambda one: one.name)
def test_the_ends_of_a_range_can_be_used_and_what_lies_beyond_cannot(variable) -> None:
    for value in (variable.low, variable.high):
        found: list[str] = []
        assert variable.read({variable.name: f" {value} "}, found) == value and not found
    for value in (variable.low - 1, variable.high + 1):
        assert problems({variable.name: str(value)})


def test_nothing_is_said_of_what_is_not_set_or_empty() -> None:
    assert problems({}) == problems({"GLASSNET_MAX_TRAINING": "", "GLASSNET_HOSTS": " ", "PATH": "x"}) == []


def test_a_name_that_is_none_of_ours_is_said_with_the_one_that_may_have_been_meant() -> None:
    assert problems({"GLASSNET_LEASE_SECOND": "5"}) == [
        "No variable is called GLASSNET_LEASE_SECOND; did you mean 'GLASSNET_LEASE_SECONDS'?"
    ]


def test_the_command_line_says_what_is_not_used_on_stderr_and_lists_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "abc")
    monkeypatch.setenv("GLASSNET_OWNER_KEY", "sixteen-characters")
    assert main(["environment", "--json"]) == 0
    printed = capsys.readouterr()
    assert "OPENBLAS_NUM_THREADS must be a whole number in [1, 64], got 'abc'; 1 is used." in printed.err
    told = {one["name"]: one for one in json.loads(printed.out)["variables"]}
    assert list(told) == list(VARIABLES) and told["OPENBLAS_NUM_THREADS"]["set"] == "'abc'"
    assert "sixteen" not in printed.out and told["GLASSNET_OWNER_KEY"]["set"] == "(set)"
    assert main(["environment"]) == 0
    shown = capsys.readouterr().out
    assert all(one.name in shown and one.help in shown for one in VARIABLES.values())


def test_the_page_of_the_documentation_is_what_is_declared() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in page if line.startswith("|")] == table()


def test_no_variable_keeps_nn_core_from_being_imported() -> None:
    environment = {**os.environ, **{one.name: "abc" for one in VARIABLES.values() if one.name.startswith("GLASSNET")}}
    done = subprocess.run(
        [sys.executable, "-c", "import nn_core"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and not done.stderr
