"""The list of runs: stored runs with their values of now, one row each, and what they can be filtered by."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from nn_core.config.run_config import RunConfig, all_settings
from nn_core.export.curves import FORMULA
from nn_core.runs.listing import as_they_are, kept
from nn_core.runs.run import Run
from nn_core.runs.snapshot import Status
from nn_core.store.run_store import StoredRun
from nn_core.training.history import Series
from nn_core.training.state import Edit, Parent
from ui.components import run_rows
from ui.components.live_plot import to_json
from ui.components.run_table import View
from ui.panels import overlay
from ui.words import STATUS_WORDS


def stored(run_id: str, **more) -> StoredRun:
    values = {
        **{"id": run_id, "name": "", "config": RunConfig(), "edits": (), "parent": None, "created": 1_000.0},
        **{"changed": 2_000.0, "status": "paused", "step": 100, "epoch": 1.5, "seconds": 3.0, "val_accuracy": 0.8},
        **{"best_val_accuracy": 0.9, "best_step": 80, "starred": False, "size": 123_456},
    }
    return StoredRun(**{**values, **more})


def a_snapshot(run_id: str, status: str = "training", accuracies: tuple[float, ...] = (0.5, 0.95, 0.7)):
    points = np.zeros((len(accuracies), 5))
    points[:, 0], points[:, 4] = 100 * np.arange(len(accuracies)), accuracies
    return SimpleNamespace(
        run_id=run_id,
        status=status,
        series={"val/accuracy": Series("val/accuracy", points)},
        scores=SimpleNamespace(val_accuracy=accuracies[-1]),
        step=200,
        epoch=2.5,
        seconds=9.0,
        edits=(),
        started_as=RunConfig(lr=0.3),
        parent=None,
    )


def test_a_run_in_memory_is_listed_with_its_values_of_now_and_keeps_its_name_and_star():
    kept = stored("0000000a", name="mine", starred=True)
    (run,) = as_they_are([kept], [(a_snapshot("0000000a"), 5.0)])
    assert (run.status, run.step, run.epoch, run.seconds, run.val_accuracy) == ("training", 200, 2.5, 9.0, 0.7)
    assert (run.best_val_accuracy, run.best_step) == (0.95, 100)
    assert (run.name, run.starred, run.created, run.size) == ("mine", True, 1_000.0, 123_456)


def test_the_best_of_a_branch_is_not_its_parents():
    branch = stored("0000000a", parent=Parent("0000000b", 100, True))
    (run,) = as_they_are([branch], [(a_snapshot("0000000a"), 5.0)])
    assert (run.best_val_accuracy, run.best_step) == (0.7, 200)


def test_a_run_that_is_not_stored_is_listed_too_and_the_newest_comes_first():
    runs = as_they_are([stored("0000000a")], [(a_snapshot("0000000b"), 5_000.0)])
    assert [(run.id, run.size) for run in runs] == [("0000000b", 0), ("0000000a", 123_456)]
    assert runs[0].title == "lr 0.3"


def test_a_run_that_was_training_when_its_server_ended_is_at_rest():
    (run,) = as_they_are([stored("0000000a", status="training")], [])
    assert run.status == "paused"


def test_a_real_run_in_memory_becomes_a_row(tiny):
    run = Run(RunConfig(hidden=(4,), n_train=200), tiny)
    try:
        assert not as_they_are([], [(run.snapshot, run.created)])  # it has not made a step
        assert run.step_once().wait(10)
        while run.snapshot.is_training:
            time.sleep(0.01)
        (listed,) = as_they_are([], [(run.snapshot, run.created)])
        (row,) = run_rows.rows([listed], current=run.id)
        scored = run.snapshot.series["val/accuracy"].value
        assert row["status"] == "paused" and row["current"] and row["best"] == max(scored)
        assert to_json({"rows": [row]})
    finally:
        run.close()


def test_the_filter_knows_the_settings_that_differ_and_no_others():
    runs = [stored("0000000a", config=RunConfig(lr=0.3)), stored("0000000b", config=RunConfig(lr=0.03, seed=2))]
    assert [row["settings"] for row in run_rows.rows(runs)] == [["lr=0.3", "seed=0"], ["lr=0.03", "seed=2"]]


def test_a_name_in_the_list_says_what_differs_and_not_what_most_runs_have_in_common():
    configs = [RunConfig(n_train=2_000, epochs=3, seed=seed) for seed in range(9)] + [RunConfig(seed=9, lr=0.3)]
    names = list(run_rows.names([stored(f"{n:08x}", config=config) for n, config in enumerate(configs)]).values())
    assert names[1:9] == [f"seed {seed}" for seed in range(1, 9)]
    assert names[9] == "n_train 55000, lr 0.3, epochs 200, seed 9"
    assert names[0] == "seed 0"  # a default, but all that sets it apart


def test_no_two_runs_of_the_list_are_called_alike_and_the_oldest_keeps_its_name():
    alike = [stored(f"0000000{n}", config=RunConfig(lr=0.5, epochs=20), created=100.0 - n) for n in range(3)]
    other = stored("0000000a", name="lr 0.5, epochs 20 (2)", created=1.0)
    called = run_rows.names([*alike, other, stored("0000000b")])
    assert len(set(called.values())) == 5
    assert called["00000002"] == "lr 0.5, epochs 20" and called["0000000a"] == other.name
    younger = stored("0000000c", config=RunConfig(lr=0.5, epochs=20), created=500.0)
    assert called.items() <= run_rows.names([younger, *alike, other, stored("0000000b")]).items()


def test_ticked_twins_have_the_numbers_of_the_list_in_their_legend():
    runs = [stored("0000000a"), stored("0000000b"), stored("0000000c", name="mine")]
    called = {"0000000a": "lr 0.5 (3)", "0000000b": "lr 0.5", "0000000c": "mine"}
    names = overlay._names(runs, called)
    assert [name.endswith("(3)") for name in names] == [True, False, False] and names[2] == "mine"


def test_a_further_column_shows_a_setting_tags_a_note_or_the_test_accuracy_with_its_step():
    run = stored("0000000a", config=RunConfig(lr=0.05), tags=("a", "b"), note="first", test=(80, 0.9123), step=100)
    names = [name for name, _ in run_rows.offered_columns([run, stored("0000000b", config=RunConfig(seed=3))])]
    assert names[:3] == ["+tags", "+note", "+test"] and set(names[3:5]) == {"+lr", "+seed"}, "what differs comes first"
    (row,) = run_rows.rows([run], columns=["+tags", "+note", "+test", "+lr", "+hidden", "-size", "+nothing"])
    assert row["more"]["+tags"] == ("a, b", "a, b") and row["more"]["+note"] == ("first", "first")
    assert row["more"]["+test"] == ("91.23 % (step 80)", 0.9123)
    assert row["more"]["+lr"] == ("0.05", 0.05) and row["more"]["+hidden"] == ("32", "32")
    assert row["more"]["+nothing"] == ("", None)
    assert "first" in row["words"] and to_json({"rows": [row]})


def test_the_list_as_csv_holds_every_setting_and_no_formula():
    runs = [
        stored("0000000a", name="=1+1", tags=("x", "y"), test=(80, 0.5)),
        stored("0000000b", config=RunConfig(lr=0.3)),
    ]
    first, second = csv.DictReader(io.StringIO(run_rows.table(runs)))
    assert {item.name for item in all_settings()} <= set(first)
    assert (first["name"], first["tags"], first["test_accuracy"]) == ("'=1+1", "x, y", "0.5")
    assert (second["run"], second["lr"], second["best_val_accuracy"], second["test_accuracy"]) == (
        "0000000b",
        "0.3",
        "0.9",
        "",
    )
    assert run_rows.table([]).strip() == ""


@pytest.mark.parametrize("first", FORMULA)
def test_no_spreadsheet_takes_a_word_in_the_list_as_csv_for_a_formula(first: str):
    word = f'{first}HYPERLINK("http://example.org")'
    text = run_rows.table([stored("0000000a", name=word, tags=(word, "y"), note=word)])
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["name"], row["tags"], row["note"]) == (f"'{word}", f"'{word}, y", f"'{word}")


def test_a_run_alone_is_called_by_all_that_is_not_at_its_default():
    only = stored("0000000a", config=RunConfig(lr=0.3, hidden=(8,)))
    assert run_rows.names([only]) == {"0000000a": only.config.title()} and run_rows.names([]) == {}
    assert run_rows.names([replace(only, name="mine")]) == {"0000000a": "mine"}


def test_a_filter_is_offered_where_it_keeps_some_runs_and_leaves_out_others():
    runs = [
        stored("0000000a", starred=True, status="finished"),
        stored("0000000b", status="waiting"),
        stored("0000000c", status="failed", parent=Parent("0000000a", 50, False)),
    ]
    listed = run_rows.rows(runs)
    assert [row["facets"] for row in listed] == [["starred", "finished"], ["training"], ["branched", "diverged"]]
    assert [name for name, _ in run_rows.facets(listed)] == ["starred", "training", "finished", "diverged", "branched"]
    assert run_rows.facets(listed[:1]) == [] == run_rows.facets([])
    assert run_rows.facets(listed[:1], ["training"]) == [("training", "Training")]  # so that it can be let go


@pytest.mark.parametrize("status", get_args(Status))
def test_every_status_has_words(status):
    assert STATUS_WORDS[status].line
    assert run_rows.rows([stored("0000000a", status=status)])[0]["status"]


def test_a_run_that_cannot_be_read_is_a_row_that_says_so_and_one_of_a_newer_version_is_listed():
    listed = run_rows.rows([stored("0000000a", status="unknown")], unreadable={"0000000b": "Run 0000000b is damaged."})
    assert [row["status"] for row in listed] == ["unknown", "unreadable"]
    assert listed[0].keys() == listed[1].keys() and listed[1]["tip"] == "Run 0000000b is damaged."
    assert listed[1]["note"] == "cannot be read"
    assert to_json({"rows": listed})


def test_a_row_says_where_a_branch_comes_from_and_what_was_changed():
    parent = stored("0000000a", name="the first")
    branch = stored(
        "0000000b", parent=Parent("0000000a", 1_500, True), edits=(Edit(1_600, "lr", 0.1, 0.2),), step=1_700
    )
    rows = run_rows.rows([branch, parent], current="0000000b", ghost="0000000a")
    assert rows[0]["note"] == "current, from the first at step 1,500" and rows[1]["note"] == "ghost"
    assert "changed while training: lr" in rows[0]["tip"]


def test_ticked_runs_that_are_gone_are_left_out_and_the_order_of_ticking_stays():
    runs = [stored(run_id) for run_id in ("0000000a", "0000000b", "0000000c")]
    assert [run.id for run in kept(["0000000c", "deadbeef", "0000000a"], runs)] == ["0000000c", "0000000a"]


def test_a_colour_stays_with_its_run_and_a_free_one_is_given_out_again():
    first = overlay.slots(["a", "b", "c"], {})
    assert first == {"a": 0, "b": 1, "c": 2}
    assert overlay.slots(["c", "d", "a"], first) == {"c": 2, "d": 1, "a": 0}


def test_rows_of_two_hundred_runs_are_made_quickly_enough_to_be_made_every_second():
    runs = [stored(f"{n:08x}", config=RunConfig(lr=0.1 + n / 1000, seed=n)) for n in range(200)]
    run_rows.rows(runs)
    started = time.process_time()
    run_rows.rows(runs)
    print(f"{1000 * (time.process_time() - started):.0f} ms")
    assert len(to_json({"rows": run_rows.rows(runs)})) < 200_000


def test_a_view_from_the_browser_is_taken_over_in_canonical_form():
    sent = {
        "sort": "best",
        "descending": True,
        "text": "x" * 500,
        "facets": ["starred"],
        "selected": ["0000000a"],
        "columns": ["+lr"],
    }
    view = View.from_browser(sent)
    assert view == replace(View("best", True, "", ("starred",), ("0000000a",), ("+lr",)), text="x" * 200)
