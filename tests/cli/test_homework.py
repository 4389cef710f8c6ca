"""`python -m nn_core check-backprop`, and the worked example."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nn_core.cli.main import main
from nn_core.homework import exercise
from tests import ROOT
from tests.homework.textbook import SOURCE

EXAMPLE = ROOT / "examples" / "check_my_backprop.py"
RIGHT = "import numpy as np\nl2 = 0.0\n" + SOURCE


def written(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_right_file_agrees_and_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-backprop", written(tmp_path, RIGHT)]) == 0
    assert "your backprop agrees with ours" in capsys.readouterr().out


def test_a_wrong_file_ends_with_1_and_its_slip_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = written(tmp_path, RIGHT.replace("1 / m * ", ""))
    assert main(["check-backprop", wrong, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["agrees"] and [slip["name"] for slip in told["slips"]] == ["missing_mean"]


def test_rows_and_settings_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = """
import numpy as np
def gradients(X, Y, W1, b1, W2, b2):
    A1 = np.tanh(X @ W1 + b1)
    E = np.exp(A1 @ W2 + b2)
    dZ2 = (E / E.sum(axis=1, keepdims=True) - Y) / len(X)
    dZ1 = dZ2 @ W2.T * (1 - A1**2)
    return X.T @ dZ1, dZ1.sum(axis=0), A1.T @ dZ2, dZ2.sum(axis=0)
"""
    file = written(tmp_path, rows)
    settings = ["--hidden", "16", "--activation", "tanh"]
    assert main(["check-backprop", file, "--rows", *settings]) == 0
    assert main(["check-backprop", file, "--rows", "--hidden", "16"]) == 1
    assert "the activation is tanh, not relu" in capsys.readouterr().out


def test_gradients_are_worked_out_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question, answer = str(tmp_path / "question.npz"), str(tmp_path / "answer.npz")
    assert main(["check-backprop", question, "--write"]) == 0
    with np.load(question) as file:
        np.testing.assert_array_equal(file["W1"], exercise().parameters["W1"])
        assert file["X"].shape == (784, 32) and file["Y"].shape == (10, 32)
    np.savez(answer, **exercise().gradients())  # type: ignore[arg-type]
    assert main(["check-backprop", answer]) == 0
    assert "agrees" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("x = 1", [], "which function of mine.py is to be checked? Name it by --function; it has none"),
        ("def a(): 0\ndef b(): 0", [], "it has a, b"),
        (RIGHT, ["--function", "other"], "mine.py has no function other; it has backprop"),
        ("def f(:", [], "mine.py itself fails with SyntaxError"),
        ("raise KeyError('data.csv')", [], "mine.py itself fails with KeyError: 'data.csv'"),
        (RIGHT.replace("return dW1", "return 'dW1'"), [], "dW1 must be of shape (10, 784), got the word 'dW1'"),
        (RIGHT, ["--dropout", "0.5"], "dropout must be 0 to check a backprop against, got 0.5"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], sentence: str
) -> None:
    assert main(["check-backprop", written(tmp_path, text), *options]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err and printed.err.count("\n") == 1 and printed.out == ""


def test_a_file_that_is_missing_or_no_python_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, sentence in (("nothing.py", "there is no such file"), ("nothing.npz", "cannot be read")):
        assert main(["check-backprop", str(tmp_path / name)]) == 2
        assert sentence in capsys.readouterr().err
    for name, sentence in (("a.txt", "must be a Python file"), ("a.npz", "must be an .npz file")):
        assert main(["check-backprop", written(tmp_path, "hello", name)]) == 2
        assert sentence in capsys.readouterr().err


def test_the_worked_example_shows_a_right_backprop_and_two_slips(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, EXAMPLE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "your backprop agrees with ours" in done.stdout
    assert done.stdout.strip().endswith("agrees: False | slips: mask_of_gradient, mean_twice")
