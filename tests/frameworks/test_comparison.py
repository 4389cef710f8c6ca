"""A comparison trains real networks in processes of its own; what goes wrong is a sentence, and leaves nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from nn_core.cli.compare import as_text
from nn_core.cli.main import main
from nn_core.config import RunConfig
from nn_core.frameworks import FRAMEWORKS, Comparison, Row, Same, Shown, Task, tasks
from nn_core.frameworks import comparison as comparison_file
from nn_core.frameworks.process import Worker, WorkerError
from nn_core.frameworks.tasks import Quoted

CONFIG = RunConfig(hidden=(8,), n_train=1_000, epochs=3, batch_size=50)


@pytest.fixture(autouse=True)
def short_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_file, "TRIAL_SECONDS", 0.02)


def ours(config: RunConfig = CONFIG) -> Comparison:
    return Comparison(tasks(config, quoted=False, only=["glassnet"]), identical=False)


def wait_for(found: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pids(comparison: Comparison) -> list[int]:
    return [worker._process.pid for worker in list(comparison._workers)]


def test_our_own_row_is_measured_and_its_curve_has_a_point_an_epoch() -> None:
    comparison = ours()
    comparison.run()
    (row,) = comparison.shown.rows
    assert row.status == "done" and comparison.shown.is_over and comparison.shown.share == 1
    epochs, seconds, accuracy = np.array(row.curve).T
    assert epochs.tolist() == [1, 2, 3] and (np.diff(seconds) > 0).all()
    assert row.val_accuracy == accuracy[-1] and row.train_accuracy is not None and row.train_accuracy > 0.5
    assert row.seconds == seconds[-1] and row.samples_per_second is not None
    assert row.slowest is not None and row.quickest is not None
    assert row.slowest <= row.samples_per_second <= row.quickest
    assert row.n_weights == 784 * 8 + 8 + 8 * 10 + 10
    assert row.import_seconds is not None and row.import_seconds > 0.01
    assert row.seconds_to(0.0) == seconds[0] and row.seconds_to(1.1) is None
    assert len(row.series(CONFIG)["val/accuracy"]) == 3


def test_a_process_that_is_killed_leaves_a_sentence_and_the_others_go_on() -> None:
    comparison = ours(CONFIG.replace(epochs=2_000))
    comparison.start()
    wait_for(lambda: bool(comparison.shown.rows[0].curve))
    os.kill(pids(comparison)[0], signal.SIGKILL)
    assert comparison.wait(60)
    (row,) = comparison.shown.rows
    assert row.status == "failed" and "killed (SIGKILL)" in row.said and row.curve


def test_cancelling_ends_every_process_at_once_and_keeps_what_was_measured() -> None:
    comparison = ours(CONFIG.replace(epochs=2_000))
    comparison.start()
    wait_for(lambda: bool(comparison.shown.rows[0].curve))
    started = pids(comparison)
    comparison.cancel()
    assert comparison.wait(60)
    (row,) = comparison.shown.rows
    assert row.status == "cancelled" and row.curve and comparison.shown.is_over
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_process_that_does_not_answer_is_ended_with_a_sentence() -> None:
    worker = Worker("glassnet")
    try:
        worker.answer()
        os.kill(worker._process.pid, signal.SIGSTOP)
        with pytest.raises(WorkerError, match=r"did not answer for 0\.2 s"):
            worker.answer(timeout=0.2)
        assert worker._process.poll() is not None
    finally:
        worker.end()


def test_a_process_that_cannot_begin_says_why() -> None:
    worker = Worker("no such framework")
    try:
        with pytest.raises(WorkerError, match=r"KeyError"):
            worker.answer()
    finally:
        worker.end()


@pytest.mark.slow
def test_a_network_that_diverges_is_a_row_that_says_so() -> None:
    comparison = ours(CONFIG.replace(lr=10.0, optimizer="momentum", activation="identity", hidden=(64, 64)))
    comparison.run()
    (row,) = comparison.shown.rows
    assert row.status == "failed" and "diverged" in row.said


@pytest.mark.slow
def test_our_own_losses_are_those_of_the_trainer_on_its_own_batches() -> None:
    comparison = Comparison([], identical=False)
    losses = comparison._losses("glassnet", CONFIG, 25)
    again = comparison._losses("glassnet", CONFIG, 25)
    assert losses == again and len(losses) == 25 and losses[-1] < losses[0]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("comparison")]


def test_only_the_frameworks_that_were_chosen_are_compared_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "keras"):
        monkeypatch.setitem(FRAMEWORKS, name, dataclasses.replace(FRAMEWORKS[name], packages=("numpy",)))
    asked: list[str] = []

    def losses(self: Comparison, name: str, config: RunConfig, n: int) -> list[float]:
        asked.append(name)
        return [1.0, 0.5]

    monkeypatch.setattr(Comparison, "_losses", losses)
    Comparison([Task("", CONFIG, ("glassnet", "torch"))])._compare_identical()
    assert set(asked) == {"glassnet", "torch"}
    asked.clear()
    Comparison([Task("", CONFIG, ("glassnet",))])._compare_identical()
    assert not asked


def test_where_our_own_losses_cannot_be_had_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FRAMEWORKS, "torch", dataclasses.replace(FRAMEWORKS["torch"], packages=("numpy",)))

    def fails(self: Comparison, name: str, config: RunConfig, n: int) -> list[float]:
        raise WorkerError("it was killed")

    monkeypatch.setattr(Comparison, "_losses", fails)
    comparison = Comparison([Task("", CONFIG, ("glassnet", "torch"))])
    comparison._compare_identical()
    assert {one.said for one in comparison.shown.same} == {"Glassnet (NumPy) could not go on: it was killed."}


def test_the_command_prints_every_row_as_json_last(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--json", "--no-quoted", "--no-identical", "--frameworks", "glassnet"]
    options += ["--n-train", "500", "--hidden", "4", "--epochs", "1"]
    assert main(["compare", *options]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.keys() == {"machine", "versions", "rows", "identical"}
    (row,) = found["rows"]
    assert row["framework"] == "glassnet" and 0 < row["val_accuracy"] < 1 and row["seconds"] > 0
    assert {"name", "train_accuracy", "test_accuracy", "samples_per_second", "seconds_to_98"} <= row.keys()


def test_a_framework_that_is_not_known_is_refused_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--frameworks", "pytorch"]) == 2
    assert "frameworks must be some of glassnet, torch" in capsys.readouterr().err


def test_the_text_is_a_markdown_table_with_every_figure_and_says_what_was_not_measured() -> None:
    measured = Row(
        "784-10",
        "glassnet",
        "Ours",
        status="done",
        versions="numpy 9",
        left_out=("rotation 10",),
        curve=((1.0, 2.5, 0.972), (2.0, 5.0, 0.985)),
        train_accuracy=0.99,
        val_accuracy=0.985,
        test_accuracy=0.98,
        seconds=5.0,
        samples_per_second=22_000.0,
        slowest=20_000.0,
        quickest=24_000.0,
        n_weights=7_850,
        peak_memory_mb=101.0,
        import_seconds=0.4,
        installed_mb=57.0,
        quoted=Quoted(0.85, 0.84, "a book"),
    )
    missing = Row("784-10", "torch", "Theirs", status="not installed", said="Install it.")
    same = Same("torch", "Theirs", "784-10", "adam", 20, 3.2e-6)
    lines = as_text(Shown((measured, missing), (same,), "", 1.0)).splitlines()
    head, rule, row = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"][:3]
    assert set("".join(rule)) == {"-"} and len(head) == len(row)
    found = dict(zip(head, row, strict=True))
    assert found["s to 97 / 98 / 99 %"] == "2.5 / 5.0 / -" and found["quoted"] == "85.0 % / 84.0 %"
    assert found["weights"] == "7,850" and found["images/s"] == "22,000" and found["installed, MB"] == "57"
    text = "\n".join(lines)
    for said in ("Theirs: Install it.", "Ours trained without rotation 10", "a book", "Ours: numpy 9", "3.2e-06"):
        assert said in text
