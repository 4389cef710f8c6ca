"""Adding an instrument touches its own file: one that is registered here, in a test, is found wherever it should be."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn_core.instruments as package
from nn_core import RunConfig, Trainer
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.export import export
from nn_core.instruments.look import Look
from nn_core.instruments.readings import readings, vital
from nn_core.instruments.recording import Recording
from nn_core.instruments.registry import INSTRUMENTS, Band, instrument, times
from nn_core.runs import RunRegistry
from nn_core.store import RunStore
from tests.exporting import source_of
from ui.charts.instruments import instrument_curves
from ui.panels.dynamics.panels import panels

FILE = '''"""The largest weight."""
from nn_core.instruments.registry import WHOLE, instrument

@instrument("found_by_itself", label="", formula="", source="", reading="", check="", needs="network")
def largest(look):
    return {WHOLE: 1.0}
'''


@pytest.fixture
def added() -> Iterator[str]:
    """An instrument, registered for the time of a test, that finds everything broken."""

    @instrument(
        "largest_weight",
        label="Largest weight",
        unit="times 1",
        formula=r"\max |W|",
        source="Nobody 2026",
        reading="How large the largest weight of a layer is.",
        check="By hand.",
        needs="network",
        bands=(Band(0.0, "broken", "Any weight is too large for this test.", times(0.5)),),
        order=0,
    )
    def largest_weight(look: Look) -> Mapping[str, float]:
        return {layer: float(np.abs(W).max()) for layer, W in look.matrices(look.model.flat).items()}

    yield "largest_weight"
    del INSTRUMENTS["largest_weight"]


def trained(data: Dataset, steps: int = 9, **settings: Any) -> Trainer:
    trainer = Trainer(RunConfig(hidden=(6,), n_train=300, batch_size=50, **settings), data)
    watching = Recording(trainer)
    for _ in range(steps):
        trainer.step()
    watching.rests()
    return trainer


def test_a_file_in_the_package_is_found_by_that_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "found_by_itself.py").write_text(FILE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        package.register_all()
        assert "found_by_itself" in INSTRUMENTS
    finally:
        INSTRUMENTS.pop("found_by_itself", None)
        sys.modules.pop("nn_core.instruments.found_by_itself", None)


def test_it_is_recorded_by_layer_and_kept_over_a_restart(added: str, tiny: Dataset, tmp_path: Path):
    registry = RunRegistry(RunStore(tmp_path))
    run = registry.create(RunConfig(hidden=(6,), n_train=300, batch_size=50, epochs=1), tiny)
    assert run.play().wait(20)
    while run.snapshot.is_training:
        time.sleep(0.01)
    wanted = {name: one.points.tolist() for name, one in run.snapshot.series.items() if added in name}
    weights, newest = run.snapshot.weights, run.snapshot.series[f"instruments/{added}/dense1"]
    registry.close()
    assert newest.step[-1] == run.snapshot.step == 6
    assert newest.last == pytest.approx(float(np.abs(weights["dense1.W"]).max()))
    stored = RunStore(tmp_path).open(run.id).series()
    assert {name: one.points.tolist() for name, one in stored.items() if added in name} == wanted
    assert len(wanted) == 2


def test_the_command_line_says_its_last_value_and_none_of_any_where_nothing_is_measured(
    added: str, tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("nn_core.cli.train.load_dataset", lambda dataset: tiny)
    quick = ["train", "--n-train", "300", "--epochs", "1", "--hidden", "6", "--batch-size", "50", "--json", "--no-save"]
    results = {}
    for which in ("vital", "all", "none"):
        assert main([*quick, "--instruments", which]) == 0
        results[which] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert main(quick) == 0
    default = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(default["instruments"]) == set(results["vital"]["instruments"])
    assert set(results["vital"]["instruments"][added]) == {"dense1", "dense2"}
    assert set(results["all"]["instruments"]) - set(results["vital"]["instruments"]) == {
        each.name for each in INSTRUMENTS.values() if each.cost == "all" and not each.serves(RunConfig(hidden=(6,)))
    }
    assert results["none"]["instruments"] == {}
    assert {"step_gauge", "update_ratio", "dead_units", "gradient_rms"} <= set(default["instruments"])
    assert len({each["weights_sha256"] for each in [default, *results.values()]}) == 1
    assert len(default["weights_sha256"]) == 64
    assert main([*quick, "--seed", "1"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["weights_sha256"] != default["weights_sha256"]


def test_csv_parquet_and_tensorboard_hold_every_point_of_it(added: str, tiny: Dataset, tmp_path: Path):
    trainer = trained(tiny)
    source = dataclasses.replace(source_of(trainer.config, tiny, steps=1), series=trainer.history.series())
    name = f"instruments/{added}/dense2"
    wanted = [
        (int(step), value) for step, value in zip(source.series[name].step, source.series[name].value, strict=True)
    ]
    assert len(wanted) == 5  # steps 1, 2, 4, 8 and 9
    rows = csv.DictReader(io.StringIO(export(source, "csv", lambda: tiny).decode()))
    assert [(int(row["step"]), float(row["value"])) for row in rows if row["series"] == name] == wanted
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(io.BytesIO(export(source, "parquet", lambda: tiny)))
    mine = table[table.series == name]
    assert list(zip(mine.step, mine.value, strict=True)) == wanted
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    assert name.encode() in export(source, "tensorboard", lambda: tiny)


@pytest.mark.parametrize("axis", ["step", "epoch", "images", "seconds"])
def test_it_is_drawn_on_every_axis_with_the_ghost_dashed_behind_and_the_cursor(added: str, axis: Any, tiny: Dataset):
    trainer, ghost = trained(tiny), trained(tiny, lr=0.01)
    series = trainer.history.series()
    figure = instrument_curves(
        INSTRUMENTS[added],
        series,
        titles={"dense1": "Hidden layer 1", "dense2": "Output"},
        x=axis,
        cursor=4,
        ghost=ghost.history.series(),
    )
    lines = {trace.name: trace for trace in figure.data}
    assert list(lines) == ["ghost, Hidden layer 1", "ghost, Output", "Hidden layer 1", "Output"]
    assert [trace.line.dash for trace in lines.values()] == ["dash", "dash", None, None]
    one = series[f"instruments/{added}/dense1"]
    np.testing.assert_allclose(lines["Hidden layer 1"]["x"], one.x(axis), rtol=1e-6)
    np.testing.assert_allclose(lines["Hidden layer 1"]["y"], one.value, rtol=1e-6)
    assert [shape.name for shape in figure.layout.shapes if shape.name] == ["looked at"]
    assert figure.layout.meta["label"].startswith("Largest weight: Hidden layer 1 ")


def test_it_has_a_panel_of_its_own_on_dynamics(added: str):
    assert [panel.title for panel in panels(RunConfig()) if panel.name == added] == ["Largest weight"]


def test_its_reading_says_what_is_wrong_and_what_mends_it(added: str, tiny: Dataset):
    trainer = trained(tiny)
    found = readings(INSTRUMENTS[added], trainer.config, trainer.history.series(), {})
    assert {layer: one.state for layer, one in found.items()} == {"dense1": "broken", "dense2": "broken"}
    assert found["dense1"].fix(trainer.config) == {"lr": 0.05}
    earlier = readings(INSTRUMENTS[added], trainer.config, trainer.history.series(), {}, step=3)
    assert earlier["dense1"].step == 2 and vital()[0].name in (added, "step_gauge")
