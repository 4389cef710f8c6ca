"""What a framework says of settings, without being started."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from nn_core.config import RunConfig
from nn_core.frameworks import FRAMEWORKS, Comparison, tasks

APART = ("torch", "keras", "tensorflow", "sklearn")


def test_our_own_network_refuses_and_leaves_out_nothing() -> None:
    config = RunConfig(model="cnn", rotation=10, l1=0.001, optimizer="muon", loss="mse", max_norm=3)
    ours = FRAMEWORKS["glassnet"]
    assert ours.is_installed and not ours.refuses(config) and not ours.leaves_out(config)


@pytest.mark.parametrize("name", APART)
def test_a_setting_without_an_equal_is_named(name: str) -> None:
    left_out = FRAMEWORKS[name].leaves_out(RunConfig(rotation=10, lr=0.3, hidden=(64,)))
    assert left_out == ["rotation 10"]


@pytest.mark.parametrize("name", APART)
def test_a_choice_without_an_equal_is_refused_in_a_sentence(name: str) -> None:
    framework = FRAMEWORKS[name]
    assert (
        framework.refuses(RunConfig(optimizer="muon")) == f"{framework.label} has no equivalent of optimizer muon here."
    )


def test_scikit_learn_has_no_convolutions() -> None:
    assert "model cnn" in FRAMEWORKS["sklearn"].refuses(RunConfig(model="cnn"))


def test_a_framework_that_is_not_installed_shows_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = dataclasses.replace(FRAMEWORKS["torch"], packages=("no_such_package",))
    monkeypatch.setitem(FRAMEWORKS, "torch", gone)
    (row,) = Comparison(tasks(RunConfig(epochs=1), quoted=False, only=["torch"]), identical=False).shown.rows
    assert row.status == "not installed" and row.said.endswith(gone.install)


def test_listing_and_asking_the_frameworks_imports_none_of_them() -> None:
    code = (
        "import sys; from nn_core.frameworks import FRAMEWORKS; "
        "[one.is_installed for one in FRAMEWORKS.values()]; "
        "print([name for name in ('torch', 'keras', 'tensorflow', 'sklearn') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_the_quoted_figures_stand_beside_ours_of_the_same_task() -> None:
    quoted = [task for task in tasks(RunConfig(), quick=True) if task.quoted]
    assert [round(100 * figure.train) for task in quoted for figure in task.quoted.values()] == [85, 98, 99]
    assert all("glassnet" in task.frameworks for task in quoted)
