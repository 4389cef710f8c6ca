"""The speed comparison's programs and table, without timing anything."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import cnn, instruments, steps, time_to_accuracy
from benchmarks.__main__ import main
from benchmarks.processes import MissingPackage, Program
from benchmarks.programs import textbook
from benchmarks.programs.batches import batches
from benchmarks.recipes import RECIPES, Recipe
from benchmarks.works import WORKS, Work
from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.nn.mlp import MLP
from tests import ROOT

END = {"gflops": 100.0, "memory_mb": 93.4}


def small(optimizer: str) -> Work:
    return Work("small", (6,), 32, optimizer, 0.01)


def started(name: str, work: Work, **more: Any) -> Program:
    return Program(name, {"config": work.config.to_dict(), "seconds": 0.001, **more}, threads=1)


def measured(**us: list[float]) -> list[steps.Contender]:
    """Contenders with rounds: ours, and those of the given settings ("torch_a" is torch in setting "a")."""
    return [steps.Contender(name.split("_")[0], name.split("_")[-1], {}, 1, rounds) for name, rounds in us.items()]


# ---------------------------------------------------------------------------------------------- the programs


def test_the_textbook_gradients_equal_ours(tiny: Dataset):
    model = MLP(RunConfig(hidden=(6,), init="normal"), np.random.default_rng(1), dtype=np.float64)
    images, labels = tiny.train_images[:40], tiny.train_labels[:40]
    model.loss_and_gradients(model.inputs(images), labels)
    W1, b1, W2, b2 = [values for _, values in model.named_params()]
    found = textbook.gradients([W1.T, b1[:, None], W2.T, b2[:, None]], model.inputs(images).T, labels)
    for grad, (name, expected) in zip(found, model.named_grads(), strict=True):
        np.testing.assert_allclose(grad.T.reshape(expected.shape), expected, rtol=1e-9, atol=1e-14, err_msg=name)


def test_the_textbook_adam_makes_the_step_that_is_derived_by_hand():
    adam = textbook.Adam([np.zeros(2)], lr=0.1, beta1=0.9, beta2=0.99)
    (moved,) = adam.step([np.zeros(2)], [np.array([4.0, -0.5])])
    np.testing.assert_allclose(moved, [-0.1, 0.1], rtol=1e-6)  # the first step is lr times the gradient's sign


def test_a_shuffled_epoch_holds_every_image_once_and_the_next_one_in_another_order():
    source = batches(70, 32)
    first, second = ([next(source) for _ in range(3)] for _ in range(2))
    assert [len(batch) for batch in first] == [32, 32, 6]  # type: ignore[arg-type]
    for epoch in (first, second):
        assert sorted(np.concatenate(epoch)) == list(range(70))  # type: ignore[arg-type]
    assert not np.array_equal(first[0], second[0])  # type: ignore[arg-type]
    assert next(batches(70, 0)) is None


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["ours", "textbook", "torch_step", "sklearn_step"])
def test_a_program_makes_rounds_when_told_to_and_says_its_peak_memory(name: str, optimizer: str):
    package = {"torch_step": "torch", "sklearn_step": "sklearn"}.get(name)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    program = started(name, small(optimizer), threads=1, variant="fused")
    try:
        assert program.facts["steps"] >= 2 and program.facts["version"]
        assert all(math.isfinite(program.ask("go")["us"]) for _ in range(2))
        assert 10 < program.ask("end")["memory_mb"] < 5000
    finally:
        program.close()


def test_a_missing_package_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    monkeypatch.setattr("benchmarks.processes.PYTHONPATH", [str(tmp_path)])
    with pytest.raises(MissingPackage) as refused:
        started("torch_step", small("sgd"), threads=1, variant="fused")
    sentence = str(refused.value)
    assert sentence == f"torch is not installed for {sys.executable}, so its column stays empty"


# ---------------------------------------------------------------------------------------------- whole trainings


@pytest.mark.parametrize("name", ["train_ours", "train_torch"])
def test_a_training_gives_seconds_and_validation_accuracy_of_each_epoch(name: str):
    if name == "train_torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    config = RECIPES[0].config.replace(n_train=2_000, epochs=2, hidden=(16,), batch_size=50)
    program = Program(name, {"config": config.to_dict(), "variant": "fused", "threads": 1}, threads=1)
    try:
        one, again = (program.ask("3")["epochs"] for _ in range(2))
        other = program.ask("4")["epochs"]
    finally:
        program.close()
    assert len(one) == 2 and 0 < one[0][0] < one[1][0] and 0.6 < one[1][1] < 1
    assert [accuracy for _, accuracy in one] == [accuracy for _, accuracy in again]
    assert [accuracy for _, accuracy in one] != [accuracy for _, accuracy in other]


def test_the_time_to_an_accuracy_is_that_of_the_first_epoch_end_that_passes_it():
    ends = [[1.0, 0.96], [2.0, 0.975], [3.0, 0.969], [4.0, 0.98]]
    assert time_to_accuracy.seconds_to(0.97, ends) == 2
    assert time_to_accuracy.seconds_to(0.98, ends) == math.inf  # reached, not passed


def test_a_recipe_that_most_seeds_do_not_pass_has_no_time():
    recipe = Recipe(0.97, RunConfig(hidden=(64,), epochs=2))
    good, bad = [[1.0, 0.9], [2.0, 0.98]], [[1.5, 0.9], [3.0, 0.95]]
    row = time_to_accuracy.row_of(recipe, {"ours": [good, bad, good], "torch": [bad, bad, good]}, "fused")
    assert (row["ours_s"], row["ours_passed"]) == (2, 2)
    assert (row["torch_s"], row["torch_passed"], row["ratio"]) == (None, 1, None)
    row = time_to_accuracy.row_of(recipe, {"ours": [good], "torch": [[[5.0, 0.99]]]}, "fused")
    assert row["ratio"] == 2.5 and row["last_accuracy"] == {"ours": 0.98, "torch": 0.99}


def test_the_table_of_trainings_says_what_was_not_passed_and_leaves_a_missing_opponent_empty():
    recipe = Recipe(0.985, RunConfig(hidden=(64,), epochs=2))
    good, bad = [[1.0, 0.99]], [[1.0, 0.9]]
    rows = [
        time_to_accuracy.row_of(recipe, {"ours": [good, good, bad], "torch": [bad, bad, good]}, "fused, 1 thread"),
        time_to_accuracy.row_of(recipe, {"ours": [good, good, good]}, None),
    ]
    result = {"machine": "a machine", "versions": {"ours": "NumPy 2"}, "seeds": 3, "rows": rows}
    lines = time_to_accuracy.table(json.loads(json.dumps(result))).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:4]]
    assert cells[0][0] == "98.5 %" and cells[0][1] == "784-64-10, batch 128, SGD, 2 epochs"
    assert cells[0][2:] == ["1.00 s (2 of 3 seeds)", "not passed (1 of 3 seeds), fused, 1 thread", ""]
    assert cells[1][2:] == ["1.00 s", "", ""]


# ---------------------------------------------------------------------------------------------- the table


def test_the_quickest_setting_by_its_median_is_the_opponent():
    found = measured(ours=[10.0, 12, 11], torch_a=[20.0, 90, 95], torch_b=[33.0, 33, 33], textbook_a=[50.0, 40, 60])
    row = steps.row_of(WORKS["b128-128"], found, END, threads=1)
    assert (row["torch_us"], row["torch_setting"], row["ratio"]) == (33, "b", 3)
    assert (row["textbook_us"], row["ratio_textbook"]) == (50, 4.55)
    assert row["ours_us"] == 11 and row["sklearn_us"] is None and row["ratio_sklearn"] is None
    json.dumps(row)


def test_the_share_of_sgemm_counts_the_multiplications_of_all_matrix_products():
    work = WORKS["b128-128"]
    assert work.step_flops == 2 * 128 * (784 * 128 * 2 + 128 * 10 * 3)
    us = work.step_flops / 50e9 * 1e6  # half of the machine's 100 GFLOP/s
    assert steps.row_of(work, measured(ours=[us]), END, threads=1)["sgemm_share"] == 0.5


def test_the_spread_is_the_distance_between_the_quartiles_over_the_median():
    assert steps.spread([1.0, 2, 3, 4, 5]) == pytest.approx(2 / 3, abs=1e-3)
    assert steps.spread([7.0]) == 0


def test_the_table_shows_a_line_for_each_row_and_leaves_empty_what_was_not_measured():
    rows = [
        steps.row_of(work, measured(ours=[100.0, 100], torch_fused=[250.0, 250]), END, threads=2)
        for work in WORKS.values()
    ]
    result = {"machine": "a machine", "versions": {"ours": "NumPy 2", "torch": "PyTorch 2"}, "rounds": 2, "rows": rows}
    lines = steps.table(json.loads(json.dumps(result))).splitlines()
    assert len({line.count("|") for line in lines[: len(WORKS) + 2]}) == 1
    for line, work in zip(lines[2:], WORKS.values(), strict=False):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == work.title
        assert cells[1:7] == ["100 us (0%), 2 threads", "250 us (0%), fused", "", "", "**2.50**", ""]
    assert lines[-1] == "a machine; NumPy 2, PyTorch 2."


def test_a_comparison_prints_its_table_and_the_same_as_json_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    mine = [one for one in steps.contenders() if one.kind == "ours" or (one.kind, one.threads) == ("textbook", 1)]
    monkeypatch.setattr(steps, "contenders", lambda: mine)
    monkeypatch.setattr("benchmarks.__main__.QUICK_SECONDS", 0.002)
    assert main(["--quick", "--rows", "b32-10", "--rounds", "2", "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out.splitlines()[-1])
    (row,) = result["rows"]
    assert result["machine"] and row["work"] == "b32-10" and row["torch_us"] is None
    assert row["ours_us"] > 0 and row["textbook_us"] > 0 and 0 < row["sgemm_share"] < 1
    assert row["title"] in printed.out and "b32-10: round 2 of 2" in printed.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rows", "b32-10,b1"], "no row is called 'b1'; there are full-10, b32-10,"),
        (["--rounds", "0"], "must be a whole number above 0, got '0'"),
        (["--python", "/no/such/python"], "no interpreter is found at /no/such/python"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code  # type: ignore[assignment]
    assert code == 2 and sentence in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------- convolutional networks

TINY = cnn.CNNWork("tiny", (8, 8), cnn.STEP)  # large enough for its steps to take more than a MB


@pytest.mark.parametrize("what", [cnn.STEP, cnn.ANSWERS])
@pytest.mark.parametrize("name", [cnn.OURS, cnn.TORCH])
def test_a_convolutional_program_makes_rounds_and_says_how_much_memory_its_steps_took(name: str, what: str):
    if name == cnn.TORCH and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    settings = {"config": TINY.config.to_dict(), "what": what, "seconds": 0.001, "layout": "NCHW", "threads": 1}
    program = Program(name, settings, threads=1)
    try:
        assert math.isfinite(program.ask("go")["us"])
        growth = program.facts["growth_mb"]
        assert 1 < growth < 300 if sys.platform == "linux" else growth is None
    finally:
        program.close()


GROWTH = """
import numpy as np
from benchmarks.programs.growth import peak_growth

# 40 MB, gone again at once; none knows of the peak of the one before
print([peak_growth(lambda: np.ones(40_000_000, dtype=np.uint8)) for _ in range(5)])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_growth_of_memory_is_that_at_its_peak():
    # in a process of its own: libraries of other tests may have told malloc to keep what is freed
    told = subprocess.run([sys.executable, "-c", GROWTH], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = json.loads(told)
    assert 39 < np.median(found) <= max(found) < 60  # of one the system may have taken idle pages away meanwhile


def cnn_contenders(**rounds: list[float]) -> list[cnn.Contender]:
    return [cnn.Contender(name if name == cnn.OURS else cnn.TORCH, name, {}, 1, some) for name, some in rounds.items()]


def test_a_row_sets_torchs_time_over_ours_and_our_memory_over_the_least_of_torchs():
    step = cnn.row_of(TINY, cnn_contenders(ours_cnn=[2.0, 9, 2], slow=[5.0, 5, 5], quick=[3.0, 4, 80]))
    assert (step["ours"], step["torch"], step["torch_setting"], step["ratio"]) == (2, 4, "quick", 2)
    memory = cnn.WORKS["memory-8-16"]
    row = cnn.row_of(memory, cnn_contenders(ours_cnn=[6.0], much=[20.0], little=[12.0]))
    assert (row["unit"], row["torch_setting"], row["ratio"]) == ("MB", "little", 0.5)
    assert cnn.row_of(TINY, cnn_contenders(ours_cnn=[2.0]))["ratio"] is None


def test_the_table_of_convolutional_networks_has_a_line_a_row_and_leaves_a_missing_opponent_empty():
    rows = [cnn.row_of(work, cnn_contenders(ours_cnn=[2.0], quick=[5.0])) for work in cnn.WORKS.values()]
    rows.append(cnn.row_of(TINY, cnn_contenders(ours_cnn=[2.0])))
    result = {"machine": "a machine", "versions": {cnn.OURS: "NumPy 2"}, "rounds": 1, "rows": rows}
    lines = cnn.table(json.loads(json.dumps(result))).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2 : 2 + len(rows)]]
    assert cells[0] == [
        "8/16 channels: training step, batch 128",
        "2.00 ms (0%)",
        "5.00 ms (0%), quick",
        "**2.50** (PyTorch / ours)",
    ]
    assert cells[3][1:] == ["2.00 MB (0%)", "5.00 MB (0%), quick", "**0.40** (ours / PyTorch)"]
    assert cells[-1][1:] == ["2.00 ms (0%)", "", ""]
    assert lines[-1] == "a machine; NumPy 2."


def test_without_torch_the_comparison_of_convolutional_networks_says_so_and_measures_ours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    monkeypatch.setattr("benchmarks.processes.PYTHONPATH", [str(tmp_path)])
    monkeypatch.setattr("benchmarks.__main__.QUICK_SECONDS", 0.002)
    assert main(["cnn", "--quick", "--rows", "memory-8-16", "--rounds", "1", "--json"]) == 0
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out.splitlines()[-1])["rows"]
    assert row["work"] == "memory-8-16" and row["torch"] is None and "torch is not installed" in printed.err
    assert row["title"] in printed.out


# ---------------------------------------------------------------------------------------------- instruments


def test_the_cost_of_instruments_is_told_beside_what_it_may_be_for_each_work(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(instruments, "load_dataset", lambda name: tiny)
    monkeypatch.setattr(instruments, "set_blas_threads", lambda n: None)
    work = instruments.WORKS["b32-10"]
    small = dataclasses.replace(work, config=work.config.replace(n_train=1000))
    said: list[str] = []
    result = instruments.measure([small], 2, 0.01, sys.executable, said.append)
    (row,) = result["rows"]
    assert len(said) == 2 and row["images_a_second"] > 0 and row["at_most"] == 0.10 and row["cost"] < 1
    shown = instruments.table(result).splitlines()
    assert shown[2].startswith(f"| {work.title} |") and "| 10% |" in shown[2] and shown[0].count("|") == 8
