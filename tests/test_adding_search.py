"""Adding an objective of a search, or a rule of health, touches one place: these tests add one and find it again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nn_core import RunConfig, Trainer
from nn_core.cli import search as command
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.instruments import health
from nn_core.instruments.evidence import Evidence
from nn_core.search import SearchSpec, SearchView, Values, create_search
from nn_core.search.objectives import OBJECTIVES, Unit, objective
from nn_core.search.study import load_study
from nn_core.search.trial_run import TrialRun
from nn_core.search.watch import read_search
from nn_core.search.worker import Worker
from tests import ROOT
from ui import session
from ui.charts.search import CHARTS
from ui.words import plain

BASE = RunConfig(n_train=300, hidden=(8,), epochs=2, batch_size=50)
RATES: dict[str, Any] = {"lr": Values((0.0001, 0.3))}


@pytest.fixture
def added() -> Iterator[None]:
    """An objective that stands first, and one that is a cost beside validation accuracy."""

    @objective(
        "train_loss",
        label="Training loss",
        help="The last one, in nats.",
        direction="minimize",
        unit=Unit("{:.1f} nats".format, "%.1f", scale=1000, suffix=" mnat"),
        report=lambda trial: trial.epoch_ends[-1].train_loss,
    )
    def train_loss(trial: TrialRun) -> float:
        return trial.epoch_ends[-1].train_loss

    @objective("steps", label="Steps", help="How many there were.", direction="minimize")
    def steps(trial: TrialRun) -> float:
        return trial.trainer.step_count

    yield
    del OBJECTIVES["train_loss"], OBJECTIVES["steps"]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    return tmp_path


@pytest.fixture
def app() -> Iterator[AppTest]:
    """The dashboard on its first page."""
    yield AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60).run()
    session.registry().close()
    session.registry.clear()


def searched(name: str, *objectives: str) -> SearchView:
    """A search of two trials, one of them at a learning rate that teaches nothing."""
    create_search(name, SearchSpec(BASE, RATES, "grid", "none", objectives=objectives))
    Worker(name, tell=lambda line: None).work()
    return read_search(load_study(name))


def test_an_added_objective_is_optimized(added: None, runs: Path):
    view = searched("lowest", "train_loss")
    assert view.best is not None and view.best.params == {"lr": 0.3} and view.n_done == 2
    for row in view.trials:
        assert row.values == (row.reported[2],) and row.reported[1] > 0


def test_a_pruner_ends_the_trials_that_an_added_objective_finds_bad(added: None, runs: Path):
    rates = Values((0.3, 0.31, 0.32, 0.33, 0.34, 0.0001))
    spec = SearchSpec(BASE, {"lr": rates}, "grid", n_trials=6, objectives=("train_loss",), seed=1)
    create_search("pruned", spec)
    Worker("pruned", tell=lambda line: None).work()
    ended = [row for row in read_search(load_study("pruned")).trials if row.state == "pruned"]
    assert all(row.reason == "It was behind the others after epoch 1." for row in ended)
    bad = max(read_search(load_study("pruned")).trials, key=lambda row: row.reported[1])
    assert bad.params == {"lr": 0.0001} and (bad in ended or bad.number < 4)  # the first four are not compared


def test_an_added_cost_has_a_front_with_validation_accuracy(added: None, runs: Path):
    view = searched("cost", "val_accuracy", "steps")
    assert [row.values[1] for row in view.trials if row.values] == [12, 12]
    assert [row.params["lr"] for row in view.front] == [0.3]


def test_an_added_objective_is_on_the_command_line(
    added: None, runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        main(["sweep", "--help"])
    assert "train_loss" in capsys.readouterr().out

    def work_here(name: str, n: int, storage: str, started: list[Any]) -> list[Any]:
        """Instead of another process, which knows nothing of this test's objective."""
        Worker(name, storage, tell=lambda line: None).work()
        return started

    monkeypatch.setattr(command, "start_workers", work_here)
    asked = ["sweep", "--study", "cli", "--trials", "2", "--vary", "lr=0.0001,0.3", "--sampler", "grid"]
    settings = ["--n-train", "300", "--hidden", "8", "--epochs", "1"]
    assert main([*asked, *settings, "--objective", "train_loss", "--json"]) == 0
    out = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert out["config"]["lr"] == 0.3 and out["values"][0] > 0
    assert main(["sweep", "--study", "cli", "--resume"]) == 0
    assert f"Training loss {out['values'][0]:.1f} nats" in capsys.readouterr().out


def test_an_added_objective_is_in_the_menu_with_its_help(added: None, app: AppTest):
    shown = app.switch_page("pages/compare/search.py").run()
    menu = shown.selectbox(key="search-objective")
    assert {"Training loss", "Validation accuracy and Steps"} <= set(menu.options) and "Steps" not in menu.options
    assert "**Training loss**: The last one, in nats." in menu.help
    menu.select("train_loss").run()
    assert not shown.exception and not shown.error


def test_an_added_objective_is_in_the_table_the_sentence_and_the_curves(added: None, runs: Path, app: AppTest):
    name = f"shown-{runs.name[-20:]}"
    view = searched(name, "train_loss")
    assert view.best is not None and view.best.values is not None
    app.session_state["search"] = (name, "")
    shown = app.switch_page("pages/compare/search.py").run()
    deadline = time.monotonic() + 30
    while not shown.dataframe:  # until then it is being read
        assert time.monotonic() < deadline
        shown = shown.run()
    losses = shown.dataframe[0].value["Training loss"]
    assert list(losses) == sorted(1000 * row.values[0] for row in view.trials if row.values)  # the best is above
    assert plain(f"training loss {view.best.values[0]:.1f} nats") in "".join(part.value for part in shown.markdown)
    figure = CHARTS["curves"][1](view, False, False)
    assert figure["layout"]["yaxis"]["title"]["text"] == "Training loss"
    assert figure["layout"]["yaxis"]["ticksuffix"] == " mnat"
    reported = [[1000 * value for value in row.reported.values()] for row in view.trials]
    assert [list(trace["y"]) for trace in figure["data"]] == reported


# ---------------------------------------------------------------------------------------------- a rule of health


@pytest.fixture
def rule() -> Iterator[health.Rule]:
    """A rule that finds every trained network blue."""

    @health.rule("blue", "warning", looks_at="nothing", gain=99, remedy=lambda seen: {"l2": 0.01})
    def blue(seen: Evidence) -> str:
        return f"It is blue at step {seen.step}." if seen.step else ""

    found = next(each for each in health.RULES if each.name == "blue")
    yield found
    health.RULES.remove(found)


def test_an_added_rule_gives_the_verdict_on_a_run_in_its_order_of_precedence(rule: health.Rule, tiny: Dataset):
    trainer = Trainer(RunConfig(batch_size=32, eval_every=5), tiny)
    trainer.train_epochs(1)
    run: dict[str, Any] = {"step": trainer.step_count, "epoch": trainer.epoch}
    series, weights = trainer.history.series(), trainer.model.weights()
    found = health.health(trainer.config, series, weights, **run)
    assert found == health.Health("warning", "blue", f"It is blue at step {trainer.step_count}.", {"l2": 0.01})
    assert health.health(trainer.config, series, weights, stopped="It stopped.", **run).verdict == "diverged"
    zeros = {name: 0 * W for name, W in weights.items()}
    assert health.health(trainer.config, series, zeros, **run).verdict == "symmetric"


def test_an_added_rule_is_on_the_page_of_a_run_with_its_remedy(rule: health.Rule, app: AppTest, mnist: Dataset):
    run = session.registry().create(RunConfig(n_train=2_000, batch_size=50), mnist)
    assert run.epoch_once().wait(30)
    while run.snapshot.is_training:
        time.sleep(0.01)
    app.session_state["run"] = run.id
    shown = app.run()
    assert any("orange-badge[blue] It is blue at step 40." in part.value for part in shown.markdown)
    shown.button(key="fix").click().run()
    assert not shown.exception and run.settings.l2 == 0.01
