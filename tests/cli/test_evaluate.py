"""`python -m nn_core evaluate`: the figures of the page Evaluate on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.runs import RunRegistry
from nn_core.store import RunStore

CONFIG = RunConfig(n_train=400, epochs=1, hidden=(8,), batch_size=50)


@pytest.fixture(scope="module")
def stored(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, np.ndarray]:
    """A folder of runs, the id of one an epoch old, and what it reads the test images as."""
    folder = tmp_path_factory.mktemp("runs")
    registry = RunRegistry(RunStore(folder))
    run = registry.create(CONFIG, tiny)
    assert run.epoch_once().wait(30)
    registry.close()
    trainer = Trainer(CONFIG, tiny)
    trainer.train_epochs(1)
    return folder, run.id, trainer.model.predict(tiny.test_images)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["evaluate", *arguments, "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch, tiny: Dataset) -> None:
    monkeypatch.setattr("nn_core.cli.evaluate.load_dataset", lambda name: tiny)


def test_the_figures_are_those_of_the_stored_network(capsys, stored, tiny: Dataset):
    folder, run_id, read_as = stored
    found = told(capsys, "--runs", str(folder), "--run", run_id, "--split", "test")
    n_right = int((read_as == tiny.test_labels).sum())
    assert (found["split"], found["n"], found["step"]) == ("test", 200, 8)
    assert found["accuracy"]["right"] == n_right and np.trace(found["confusion"]) == n_right
    assert found["accuracy"]["interval"][0] < n_right / 200 < found["accuracy"]["interval"][1]
    assert found["top2_accuracy"]["right"] > n_right and "robustness" not in found
    for index in found["surest_errors"]:
        assert read_as[index] != tiny.test_labels[index]


def test_beside_itself_no_image_is_read_otherwise_and_the_robustness_comes_when_asked_for(capsys, stored):
    folder, run_id, _ = stored
    of = ("--runs", str(folder), "--run", run_id)
    found = told(capsys, *of, "--beside", run_id, "--robustness", "--images", "20")
    assert found["beside"]["only_first"] == found["beside"]["only_second"] == 0 and found["beside"]["mcnemar_p"] == 1
    assert found["robustness"]["n"] == 20 and 0 <= found["robustness"]["mean_corruption_accuracy"] <= 1
    assert main(["evaluate", *of, "--robustness", "--images", "5"]) == 0
    printed = capsys.readouterr().out
    assert "95 % interval" in printed and "impulse_noise" in printed and "of the pixels becomes" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run", "nothing"], "eight hexadecimal digits"),
        (["--run", "shipped", "--at", "3"], "which has no steps, got 3"),
        (["--run", "shipped", "--images", "0"], "images must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_evaluated_is_a_sentence(capsys, tmp_path: Path, arguments: list[str], said: str):
    assert main(["evaluate", "--runs", str(tmp_path), *arguments]) == 2
    assert said in capsys.readouterr().err
