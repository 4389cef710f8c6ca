"""Verdicts with a date: when they begin and end, and that they go where their run goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nn_core import RunConfig, Trainer
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.export import to_archive
from nn_core.export.importing import bring_in
from nn_core.export.source import from_snapshot, from_store
from nn_core.instruments import events as of_events
from nn_core.instruments import health
from nn_core.instruments.events import MOST, Event, events_until, followed, from_instruments, to_instruments
from nn_core.instruments.health import Health
from nn_core.instruments.recording import Recording
from nn_core.runs.registry import RunRegistry
from nn_core.store import RunStore
from nn_core.store.recorder import Recorder
from nn_core.store.run_writer import RunWriter

ILL = RunConfig(hidden=(8,), init="zeros", n_train=400, batch_size=20, eval_every=2, epochs=2)  # symmetric


def found(*rules: str, explained: Sequence[str] = ()) -> list[Health]:
    return [
        Health("warning", f"it is {rule}", f"Because of {rule}.", rule=rule, is_explained=rule in explained)
        for rule in rules
    ]


def dates(events: Sequence[Event]) -> list[tuple[str, int, int | None]]:
    return [(event.rule, event.began, event.ended) for event in events]


# ---------------------------------------------------------------------------------------------- when


def test_a_verdict_begins_where_it_is_first_found_and_ends_where_it_no_longer_is():
    events = followed((), found("slow"), 10)
    events = followed(events, found("slow", "deaf"), 20)
    events = followed(events, found("deaf"), 40)
    assert dates(events) == [("slow", 10, 40), ("deaf", 20, None)]
    assert (events[0].verdict, events[0].why, events[0].steps) == ("it is slow", "Because of slow.", "10 to 40")


def test_what_is_found_again_at_once_had_not_ended_and_later_it_is_an_event_of_its_own():
    events = followed(followed((), found("slow"), 10), [], 100)
    assert dates(followed(events, found("slow"), 105)) == [("slow", 10, None)]
    again = followed(events, found("slow"), 200)
    assert dates(again) == [("slow", 10, 100), ("slow", 200, None)]
    assert dates(followed(followed(again, [], 300), found("slow"), 310)) == [("slow", 10, 100), ("slow", 200, None)]


def test_what_another_verdict_explains_goes_on_but_does_not_begin():
    both = found("dead", "stuck", explained=["dead"])
    assert dates(followed((), both, 5)) == [("stuck", 5, None)]
    assert dates(followed(followed((), found("dead"), 2), both, 5)) == [("dead", 2, None), ("stuck", 5, None)]


def test_that_nothing_is_known_yet_is_no_event():
    assert followed((), [Health("idle", "just begun", "There are no scores yet.", rule="just begun")], 1) == ()


def test_of_too_many_events_the_oldest_that_have_ended_go():
    events: tuple[Event, ...] = followed((), found("always"), 1)
    for number in range(MOST + 5):
        events = followed(events, found("always", f"rule {number}"), number + 2)
    assert len(events) == MOST and events[0].rule == "always" and events[0].ended is None
    assert events[1].rule == "rule 6" and events[-1].rule == f"rule {MOST + 4}"


def test_at_an_earlier_step_there_are_the_events_of_then():
    events = (Event("a", "bad", "a", "A.", 5, 20), Event("b", "bad", "b", "B.", 15, None))
    assert dates(events_until(events, 10)) == [("a", 5, None)] and events_until(events, 30) == events


# ---------------------------------------------------------------------------------------------- where they go


@pytest.fixture
def ill(tiny: Dataset) -> Trainer:
    """A trainer with two events, one of which has ended."""
    trainer = Trainer(ILL, tiny)
    recording = Recording(trainer)
    for _ in range(8):
        trainer.step()
        recording.note()
    recording.finish()
    events = (Event("slow", "warning", "slow", "It was slow.", 2, 4), *recording.events)
    trainer.instruments = {**trainer.instruments, **to_instruments(events)}
    return trainer


def test_training_notes_its_verdicts_and_goes_on_with_them_after_a_checkpoint(ill: Trainer, tiny: Dataset):
    again = Trainer.resume(ill.checkpoint(), tiny)
    events = Recording(again).events
    assert [event.rule for event in events] == ["slow", "symmetric"]
    assert events[1].why.startswith("All 8 first-layer units") and events[1].ended is None


def test_a_run_that_goes_back_has_the_verdicts_of_then(tiny: Dataset):
    trainer = Trainer(ILL, tiny)
    recording = Recording(trainer)
    before = trainer.instruments
    trainer.step()
    trainer.score()
    recording.rests()
    assert recording.events
    trainer.instruments = before  # as `Trainer._restore` does
    assert recording.events == ()


def test_events_come_back_from_the_disk_into_branches_and_out_of_an_archive(
    tmp_path: Path, ill: Trainer, tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("nn_core.export.run_zip.load_dataset", lambda name: tiny)
    store = RunStore(tmp_path / "runs")
    run_id = "0000000a"
    recorder = Recorder(ill, RunWriter(store, run_id, tiny))
    recorder.rests(ill.model.weights())
    recorder.keep("paused")
    brought, _ = bring_in(to_archive(store, run_id), "run.zip", store)
    registry = RunRegistry(store, load=lambda name: tiny)
    try:
        events = [registry.get(each).snapshot.events for each in (run_id, brought)]  # type: ignore[union-attr]
        assert [event.rule for event in events[0]] == ["slow", "symmetric"] and events[0] == events[1]
        assert registry.branch(run_id, 8, ILL, tiny).snapshot.events == events[0]
        other = registry.branch(run_id, 8, ILL.replace(optimizer="adam"), tiny)
        assert other.snapshot.events == events[0]
    finally:
        registry.close()
    assert from_store(store, run_id).events == events[0] == from_snapshot(other.snapshot, "", 0.0).events
    assert main(["runs", "show", run_id, "--json", "--runs", str(store.folder)]) == 0
    shown = json.loads(capsys.readouterr().out)["events"]
    assert [(event["rule"], event["began"], event["ended"]) for event in shown] == dates(events[0])
    assert main(["runs", "show", run_id, "--runs", str(store.folder)]) == 0
    assert "slow, steps 2 to 4; symmetric, steps from" in capsys.readouterr().out


def test_a_branch_from_an_earlier_frame_has_the_events_of_then(tmp_path: Path, tiny: Dataset):
    registry = RunRegistry(RunStore(tmp_path), load=lambda name: tiny)
    try:
        run = registry.create(ILL.replace(init="he"), tiny)
        for _ in range(12):
            assert run.step_once().wait(60)
        events = (Event("a", "bad", "a", "A.", 1, 6), Event("b", "bad", "b", "B.", 9, None))
        run._trainer.instruments = {**run._trainer.instruments, **to_instruments(events)}
        assert run.step_once().wait(60)
        frame = next(frame for frame in run.snapshot.film if 1 <= frame.step < 6)
        assert dates(registry.branch(run.id, frame.step, run.settings, tiny).snapshot.events) == [("a", 1, None)]
    finally:
        registry.close()


# ---------------------------------------------------------------------------------------------- files of strangers

GOOD = ["slow", "warning", "slow", "It is slow.", 2, 4]


@pytest.mark.parametrize(
    "rows",
    [
        *(5, None, "", "[", "[" * 100_000, "{}", "null", "[[1]]", "[5, null, {}]", "x" * 300_000),
        json.dumps([[*GOOD, 7]]),
        *(json.dumps([[*GOOD[:at], value, *GOOD[at + 1 :]]]) for at, value in enumerate([1, "awful", {}, [], -1, 1])),
        *(json.dumps([[*GOOD[:4], *steps]]) for steps in ([5, 999], [1e9, None], [True, None], [float("nan"), 3])),
        json.dumps([["x" * 61, *GOOD[1:]]]),
    ],
)
def test_what_makes_no_sense_among_the_events_of_a_file_is_passed_over(rows: Any, tiny: Dataset):
    assert from_instruments({"events": {"rows": rows}}, 10) == ()
    trainer = Trainer(ILL, tiny)
    trainer.instruments = {"events": {"rows": rows, "more": 1}, "other": {"kept": 1}}
    assert Recording(trainer).events == ()
    assert trainer.instruments == {"other": {"kept": 1}}


def test_a_good_event_stands_beside_bad_ones_on_one_line_and_too_many_are_cut():
    odd = ["slow", "warning", "slow\n\x1b[31m", "It\u2028is  slow.", 3, None]
    (one, other) = from_instruments({"events": {"rows": json.dumps([odd, [1], GOOD])}}, 10)
    assert other == Event("slow", "warning", "slow [31m", "It is slow.", 3, None)
    assert one == Event(*GOOD)  # type: ignore[arg-type]
    assert len(from_instruments({"events": {"rows": json.dumps([GOOD] * 500)}}, 10)) == MOST


def test_a_rule_that_fails_leaves_training_and_the_other_events_as_they_are(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fails(seen: Any) -> list[Health]:
        raise ZeroDivisionError

    monkeypatch.setattr(of_events, "findings", fails)
    trainer = Trainer(ILL, tiny)
    recording = Recording(trainer)
    assert trainer.step()
    recording.note()
    recording.rests()
    assert recording.events == () and "the rules of health fail at step 1" in caplog.text


def test_asking_the_rules_takes_no_more_than_its_share_of_the_time(tiny: Dataset, monkeypatch: pytest.MonkeyPatch):
    """On a clock of our own: a step takes 1 ms, asking 5 ms."""
    now, asked = 0.0, []

    def ask(seen: Any) -> list[Health]:
        nonlocal now
        now += 0.005
        asked.append(seen.step)
        return []

    monkeypatch.setattr(of_events, "findings", ask)
    monkeypatch.setattr(of_events, "time", SimpleNamespace(perf_counter=lambda: now))
    trainer = Trainer(ILL, tiny)
    recording = Recording(trainer, "none")
    scores = trainer.score()
    for step in range(1, 3_000):
        now += 0.001
        trainer.seconds, trainer.step_count, trainer.scores = now, step, replace(scores, step=step)
        recording.note()
    assert 4 <= len(asked) and 0.005 * len(asked) <= 0.02 * now


def test_the_rules_that_are_there_have_names_that_an_event_can_hold():
    assert all(len(rule.name) <= of_events.MAX_NAME for rule in health.RULES)
