"""`python -m nn_core train`, and the example that trains without the app."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nn_core import PRESETS, RunConfig
from nn_core.cli.main import main
from nn_core.config.run_config import all_settings
from nn_core.data import Dataset
from tests import ROOT

QUICK = ["train", "--n-train", "400", "--epochs", "2", "--hidden", "8", "--batch-size", "50"]


@pytest.fixture
def on_tiny(monkeypatch: pytest.MonkeyPatch, tiny: Dataset) -> None:
    """The command line trains on few images."""
    monkeypatch.setattr("nn_core.cli.train.load_dataset", lambda name: tiny)


def result_of(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main([*options, "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def refusal_of(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main([*QUICK, *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    return printed.err.strip()


# ---------------------------------------------------------------------------------------------- what it gives


@pytest.mark.usefixtures("on_tiny")
def test_the_last_line_of_json_says_what_was_trained_and_how_well(capsys: pytest.CaptureFixture[str], tiny: Dataset):
    result = result_of(capsys, *QUICK, "--seed", "3")
    config = RunConfig.from_dict(result["config"])
    assert config == RunConfig(n_train=400, epochs=2, hidden=(8,), batch_size=50, seed=3)
    assert (result["steps"], result["epochs"], result["stopped"]) == (16, 2, "")
    assert result["test_accuracy"] is None
    result |= {"test_accuracy": result_of(capsys, *QUICK, "--seed", "3", "--test")["test_accuracy"]}
    for split, n in {"train": 400, "val": 200, "test": 200}.items():
        accuracy = result[f"{split}_accuracy"]
        assert 0 <= accuracy <= 1 and accuracy * n == pytest.approx(round(accuracy * n))
    assert result["samples_per_second"] == pytest.approx(800 / result["seconds"]) and result["seconds"] > 0


@pytest.mark.usefixtures("on_tiny")
def test_the_json_gives_the_verdicts_with_their_dates(capsys: pytest.CaptureFixture[str]):
    assert result_of(capsys, *QUICK, "--no-save")["events"] == []
    events = result_of(capsys, *QUICK, "--no-save", "--init", "zeros", "--eval-every", "2")["events"]
    event = next(each for each in events if each["rule"] == "symmetric")
    assert (event["level"], event["verdict"], event["ended"]) == ("bad", "symmetric", None)
    assert 1 <= event["began"] <= 16 and event["why"].startswith("All 8 first-layer units")


@pytest.mark.usefixtures("on_tiny")
def test_the_same_seed_gives_the_same_result(capsys: pytest.CaptureFixture[str]):
    one, other = (result_of(capsys, *QUICK, "--eval-every", "5") for _ in range(2))
    for times in ("seconds", "samples_per_second", "run", "events"):
        del one[times], other[times]
    assert one == other


@pytest.mark.usefixtures("on_tiny")
def test_scores_of_an_earlier_step_are_printed_beside(capsys: pytest.CaptureFixture[str]):
    result = result_of(capsys, *QUICK, "--scores-at", "5")
    assert result["scores_at"]["step"] == 5
    early = result_of(capsys, *QUICK, "--epochs", "1", "--batch-size", "80")  # another run, of five steps
    assert early["steps"] == 5 and set(result["scores_at"]) == {"step", "train_accuracy", "val_accuracy"}


@pytest.mark.usefixtures("on_tiny")
def test_without_json_the_result_is_a_sentence_that_names_each_split_and_its_size(capsys: pytest.CaptureFixture[str]):
    assert main([*QUICK, "--scores-at", "5"]) == 0
    printed = capsys.readouterr()
    assert "16 steps" in printed.out and "after 5 steps:" in printed.out
    for part in ("training", "(n = 400)", "validation", "(n = 200)"):
        assert part in printed.out
    assert "test" not in printed.out
    assert main([*QUICK, "--test"]) == 0
    assert ", test " in capsys.readouterr().out
    assert "epoch 2.0 of 2" in printed.err and "[##############################]" in printed.err


@pytest.mark.usefixtures("on_tiny")
def test_quiet_prints_no_progress(capsys: pytest.CaptureFixture[str]):
    assert main([*QUICK, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("on_tiny")
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_can_be_trained_and_an_option_beside_it_wins(name: str, capsys: pytest.CaptureFixture[str]):
    result = result_of(capsys, "train", "--preset", name, "--epochs", "1", "--seed", "9")
    config = RunConfig.from_dict(result["config"])
    assert config == PRESETS[name].config.replace(epochs=1, seed=9, n_train=1000)  # all there are


@pytest.mark.usefixtures("on_tiny")
def test_a_run_that_diverges_ends_with_its_sentence_and_a_result(capsys: pytest.CaptureFixture[str]):
    options = ["--hidden", "16", "--activation", "sigmoid", "--lr", "10", "--l2", "1", "--epochs", "30", "--quiet"]
    assert main([*QUICK, *options, "--json"]) == 3
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1 and "learning rate of 10" in printed.err
    result = json.loads(printed.out)
    assert result["stopped"] == printed.err.strip() and result["steps"] < 240


def test_every_setting_is_an_option_with_its_help(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["train", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for item in all_settings():
        assert f"--{item.name.replace('_', '-')} " in text


# ---------------------------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--lr", "-1"], "lr must be in [1e-05, 10], got -1.0"),
        (["--lr", "nan"], "lr must be in [1e-05, 10], got nan"),
        (["--hidden", "0"], "hidden must be in [1, 2048], got 0"),
        (["--n-train", "10"], "n_train must be in [200, 55000], got 10"),
        (
            ["--optimizer", "adan"],
            "optimizer must be one of sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, muon, "
            "got 'adan'; did you mean 'adam'?",
        ),
        (["--dataset", "no/such/file.npz"], "no/such/file.npz is missing"),
        (["--dataset", "no-such-name"], "no-such-name.npz is missing"),
    ],
)
def test_a_bad_value_ends_with_one_sentence(options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert refusal_of(capsys, *options).endswith(sentence)


def test_a_file_that_is_no_data_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    assert "bad.npz is truncated or altered" in refusal_of(capsys, "--dataset", str(tmp_path / "bad.npz"))


@pytest.mark.usefixtures("on_tiny")
def test_more_images_than_the_data_hold_end_with_one_sentence(capsys: pytest.CaptureFixture[str]):
    assert "n_train must be at most 1000 for tiny, got 1001" in refusal_of(capsys, "--n-train", "1001")


@pytest.mark.parametrize(
    "arguments", [["train", "--no-such"], ["train", "--preset", "none"], ["trian"], [], ["train", "--scores-at", "x"]]
)
def test_unknown_options_end_with_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m nn_core" in capsys.readouterr().err


def test_ctrl_c_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def interrupted(name: str) -> Dataset:
        raise KeyboardInterrupt

    monkeypatch.setattr("nn_core.cli.train.load_dataset", interrupted)
    assert main(QUICK) == 130
    assert capsys.readouterr().err == "\nstopped\n"


# ---------------------------------------------------------------------------------------------- as a program


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_module_runs_as_a_program_on_the_real_data():
    done = run("-m", "nn_core", *QUICK, "--json", "--quiet", cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["steps"] == 16 and 0.1 < result["val_accuracy"] < 1


def test_the_example_runs_from_anywhere_and_learns(tmp_path: Path):
    done = run(str(ROOT / "examples" / "train.py"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("epoch 1: ") and lines[2].startswith("test accuracy 9")
    assert lines[-1].startswith("It reads this ")


def test_a_step_to_score_at_that_never_comes_is_refused(capsys: pytest.CaptureFixture[str]):
    assert "scores-at must be a step of at least 1, got -3" in refusal_of(capsys, "--scores-at", "-3")
