"""Training in the background: commands go in, snapshots come out, and no thread outlives its run."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nn_core import ConfigError, RunConfig, Trainer
from nn_core.config.run_config import LIVE_SETTINGS, all_settings
from nn_core.data import Dataset
from nn_core.runs import run as run_module
from nn_core.runs.registry import RunRegistry
from nn_core.runs.run import SPEEDS, Run
from nn_core.runs.scheduler import Scheduler
from nn_core.runs.snapshot import Snapshot, Status
from nn_core.training.profile import measure_epoch_seconds

PATIENCE = 10.0  # seconds; reached only when something is broken
ENDLESS = RunConfig(hidden=(8,), n_train=1000, batch_size=50, epochs=100_000)
SHORT = ENDLESS.replace(epochs=2, eval_every=1000)
DIVERGING = RunConfig(hidden=(16,), activation="sigmoid", lr=10, l2=1, n_train=500, batch_size=50)

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tiny: Dataset) -> Iterator[MakeRun]:
    """Makes runs that are closed when the test ends."""
    made: list[Run] = []

    def make(config: RunConfig = ENDLESS, **more: Any) -> Run:
        made.append(Run(config, tiny, **more))
        return made[-1]

    yield make
    for run in made:
        run.close()


@pytest.fixture
def registry() -> Iterator[RunRegistry]:
    registry = RunRegistry(max_training=1, max_runs=3, lease_seconds=0)
    yield registry
    registry.close()


def until(condition: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what or "it did not happen"
        time.sleep(0.005)


def until_status(run: Run, *statuses: Status) -> Snapshot:
    until(lambda: run.snapshot.status in statuses, f"the run is {run.snapshot.status}, not {statuses}")
    return run.snapshot


def carried_out(done: threading.Event) -> None:
    assert done.wait(PATIENCE)


def threads_of(run: Run) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"run-{run.id}"]


# ---------------------------------------------------------------------------------------------- the transport


def test_a_new_run_is_ready_and_scored_without_a_thread(make_run: MakeRun):
    run = make_run()
    shot = run.snapshot
    assert (shot.status, shot.step, shot.epoch, shot.message) == ("ready", 0, 0, "")
    assert shot.scores is not None and shot.scores.confusion.sum() == 200
    assert shot.config == shot.started_as == run.settings == ENDLESS
    assert threads_of(run) == []


def test_play_trains_and_pause_stops_between_two_steps(make_run: MakeRun):
    run = make_run()
    carried_out(run.play())
    until(lambda: run.snapshot.step > 5)
    assert run.snapshot.status == "training" and run.snapshot.is_training and run.snapshot.samples_per_second > 0
    carried_out(run.pause())
    paused = run.snapshot
    assert paused.status == "paused" and paused.samples_per_second == 0 and paused.message == ""
    assert paused.images_seen == paused.step * 50
    assert paused.scores is not None and paused.scores.step == paused.step
    time.sleep(0.05)
    assert run.snapshot.step == paused.step


def test_a_run_paused_and_continued_equals_a_trainer_that_never_stopped(make_run: MakeRun, tiny: Dataset):
    run = make_run(ENDLESS.replace(dropout=0.3))
    for _ in range(3):
        step = run.snapshot.step
        run.play()
        until(lambda: run.snapshot.step > step)  # noqa: B023
        carried_out(run.pause())
    straight = Trainer(ENDLESS.replace(dropout=0.3), tiny)
    while straight.step_count < run.snapshot.step:
        straight.step()
    for name, values in straight.model.named_params():
        assert np.array_equal(run.snapshot.weights[name], values)


def test_one_step_is_one_step_and_as_many_as_asked_for_are_made(make_run: MakeRun):
    run = make_run()
    run.step_once()
    assert until_status(run, "paused").step == 1
    for _ in range(4):
        run.step_once()
    until(lambda: run.snapshot.status == "paused" and run.snapshot.step > 1)
    assert run.snapshot.step == 5


def test_one_epoch_goes_to_the_end_of_the_running_one(make_run: MakeRun):
    run = make_run()
    run.step_once()
    until_status(run, "paused")
    run.epoch_once()
    until(lambda: run.snapshot.epoch == 1 and run.snapshot.status == "paused")
    run.epoch_once()
    run.epoch_once()
    until(lambda: run.snapshot.status == "paused" and run.snapshot.epoch > 1)
    assert run.snapshot.epoch == 3 and run.snapshot.step == 60


def test_a_step_or_an_epoch_while_it_trains_is_the_last(make_run: MakeRun):
    run = make_run()
    run.play()
    until(lambda: run.snapshot.step > 1)
    run.step_once()
    until_status(run, "paused")
    run.play()
    step = run.snapshot.step
    until(lambda: run.snapshot.step > step)
    run.epoch_once()
    assert until_status(run, "paused").epoch % 1 == 0


def test_the_epochs_are_used_up_then_play_goes_on_for_as_many(make_run: MakeRun):
    run = make_run(SHORT)
    run.play()
    finished = until_status(run, "finished")
    assert finished.epoch == 2 and finished.step == 40 and "Press Train for 2 more" in finished.message
    run.play()
    until(lambda: run.snapshot.status == "finished" and run.snapshot.step > 40)
    assert run.snapshot.epoch == 4


@pytest.mark.parametrize("first", ["step_once", "epoch_once"])
def test_a_single_step_or_epoch_does_not_move_the_end(first: str, make_run: MakeRun):
    run = make_run(SHORT)
    getattr(run, first)()
    until_status(run, "paused")
    run.play()
    assert until_status(run, "finished").epoch == 2


def test_single_epochs_reach_the_end_and_pass_it(make_run: MakeRun):
    run = make_run(SHORT)
    run.epoch_once()
    until_status(run, "paused")
    run.epoch_once()
    assert until_status(run, "finished").epoch == 2
    run.epoch_once()
    until(lambda: run.snapshot.epoch == 3)
    assert until_status(run, "paused").epoch == 3
    run.play()
    assert until_status(run, "finished").epoch == 4


def test_pause_leaves_a_run_that_does_not_train_as_it_is(make_run: MakeRun):
    run = make_run(SHORT)
    carried_out(run.pause())
    assert run.snapshot.status == "ready"
    run.play()
    finished = until_status(run, "finished")
    carried_out(run.pause())
    assert (run.snapshot.status, run.snapshot.message) == ("finished", finished.message)


@pytest.mark.parametrize("speed", sorted(set(SPEEDS) - {"full"}))
def test_a_slowed_run_makes_that_many_steps_a_frame(speed: str, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run_module, "PUBLISH_SECONDS", PATIENCE)  # a frame ends by its steps, however busy it is
    run = make_run()
    carried_out(run.set_speed(speed))
    run.play()
    until(lambda: run.snapshot.step > 0)
    assert run.snapshot.step == int(speed) and run.snapshot.speed == speed
    carried_out(run.pause())
    assert run.snapshot.step in (int(speed), 2 * int(speed))


def test_a_slowed_run_answers_commands_while_it_waits_for_the_next_frame(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run_module, "FRAME_SECONDS", 3600)
    run = make_run()
    run.set_speed("1")
    run.play()
    until(lambda: run.snapshot.step == 1)
    carried_out(run.change("lr", 0.5))
    assert run.snapshot.config.lr == 0.5
    carried_out(run.pause())
    assert run.snapshot.status == "paused"


def test_an_unknown_speed_is_refused(make_run: MakeRun):
    with pytest.raises(ValueError, match="speed must be one of full, 100, 10, 1, got 'fast'"):
        make_run().set_speed("fast")


# ---------------------------------------------------------------------------------------------- live settings


def test_a_change_reaches_the_run_while_it_trains(make_run: MakeRun):
    run = make_run()
    run.play()
    until(lambda: run.snapshot.step > 1)
    carried_out(run.change("lr", 0.25))
    shot = run.snapshot
    assert shot.config.lr == run.settings.lr == 0.25 and shot.started_as.lr == 0.1
    (edit,) = shot.edits
    assert (edit.setting, edit.old, edit.new) == ("lr", 0.1, 0.25) and 1 < edit.step <= shot.step


def test_snapshot_settings_and_edits_replay_to_the_same_weights(make_run: MakeRun, tiny: Dataset):
    run = make_run()
    run.play()
    for lr in (0.2, 0.05, 0.3):
        step = run.snapshot.step
        until(lambda: run.snapshot.step > step)  # noqa: B023
        run.change("lr", lr)
    carried_out(run.pause())
    shot = run.snapshot
    trainer = Trainer(shot.started_as, tiny)
    trainer.replay(shot.edits, shot.step)
    assert all(np.array_equal(shot.weights[name], values) for name, values in trainer.model.named_params())


@pytest.mark.parametrize(("field", "value"), [("lr", -1.0), ("lr", "fast"), ("dropout", 1), ("no such", 1)])
def test_a_bad_value_is_refused_where_it_is_given(field: str, value: Any, make_run: MakeRun):
    run = make_run()
    with pytest.raises(ConfigError, match=field):
        run.change(field, value)
    assert run.settings == ENDLESS and threads_of(run) == []


@pytest.mark.parametrize("field", [k.name for k in all_settings() if k.name not in LIVE_SETTINGS])
def test_what_needs_a_new_network_is_refused_where_it_is_given(field: str, make_run: MakeRun):
    run = make_run()
    with pytest.raises(ConfigError, match="takes effect in a new network only"):
        run.change(field, getattr(ENDLESS, field))
    assert run.settings == ENDLESS and run.snapshot.status == "ready"


def test_settings_hold_what_was_asked_for_before_the_run_has_got_to_it(make_run: MakeRun):
    run = make_run()
    run.change("lr", 0.2)
    run.change("l2", 0.01)
    assert run.settings == ENDLESS.replace(lr=0.2, l2=0.01)


def test_commands_of_many_threads_are_all_carried_out(make_run: MakeRun):
    run = make_run(ENDLESS.replace(optimizer="momentum"))
    run.play()

    def send(number: int) -> None:
        for i in range(25):
            run.change("lr", 0.0001 * (1 + 25 * number + i))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    carried_out(run.pause())
    assert sorted(edit.new for edit in run.snapshot.edits) == [
        pytest.approx(0.0001 * n) for n in range(1, 201)
    ]  # every value differs from all others, so each is an edit
    assert run.snapshot.config == run.settings
    with ThreadPoolExecutor(8) as pool:
        before = run.snapshot.step
        list(pool.map(lambda _: run.step_once(), range(40)))
    until(lambda: run.snapshot.status == "paused" and run.snapshot.step >= before + 40)
    assert run.snapshot.step == before + 40


# ---------------------------------------------------------------------------------------------- snapshots


def test_a_snapshot_cannot_be_changed(make_run: MakeRun):
    run = make_run()
    run.step_once()
    shot = until_status(run, "paused")
    with pytest.raises(dataclasses.FrozenInstanceError):
        shot.step = 3  # type: ignore[misc]
    assert shot.scores is not None
    for array in [*shot.weights.values(), *(s.points for s in shot.series.values()), shot.scores.confusion]:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_snapshots_go_forward_and_old_ones_stay_as_they_were(make_run: MakeRun):
    run = make_run()
    run.play()
    shots: list[Snapshot] = [run.snapshot]
    while len(shots) < 6:
        until(lambda: run.snapshot is not shots[-1])
        shots.append(run.snapshot)
    kept = [(s.weights["dense1.W"].copy(), s.series["batch/loss"].points.copy()) for s in shots[1:]]
    time.sleep(0.15)
    for shot, (weights, points) in zip(shots[1:], kept, strict=True):
        assert np.array_equal(shot.weights["dense1.W"], weights)
        assert np.array_equal(shot.series["batch/loss"].points, points)
        assert shot.series["batch/loss"].step[-1] <= shot.step
    for earlier, later in pairwise(shots):
        assert earlier.step <= later.step and earlier.seconds <= later.seconds and earlier.epoch <= later.epoch
    assert shots[-1].step > shots[0].step


def test_snapshots_are_published_about_ten_times_a_second(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    run = make_run()
    published: list[float] = []
    publish = run._publish

    def noting() -> None:
        published.append(time.monotonic())
        publish()

    monkeypatch.setattr(run, "_publish", noting)
    run.play()
    until(lambda: len(published) >= 5)
    carried_out(run.pause())
    assert min(np.diff(published[:5])) > 0.9 * run_module.PUBLISH_SECONDS


def test_a_snapshots_network_answers_alike_while_training_goes_on(make_run: MakeRun, tiny: Dataset):
    run = make_run()
    run.play()
    until(lambda: run.snapshot.step > 1)
    shot = run.snapshot
    first = shot.model.predict_proba(tiny.val_images)
    until(lambda: run.snapshot.step > shot.step + 20)
    assert np.array_equal(shot.model.predict_proba(tiny.val_images), first)
    assert not np.array_equal(run.snapshot.model.predict_proba(tiny.val_images), first)
    assert shot.model is shot.model


# ---------------------------------------------------------------------------------------------- divergence and errors


def test_a_run_that_diverges_says_so_and_goes_on_with_a_lower_rate(make_run: MakeRun):
    run = make_run(DIVERGING)
    run.play()
    shot = until_status(run, "diverged")
    assert "learning rate of 10" in shot.message and all(np.isfinite(values).all() for values in shot.weights.values())
    for command in (run.play, run.step_once, run.epoch_once, run.pause):
        carried_out(command())
        assert (run.snapshot.status, run.snapshot.message, run.snapshot.step) == ("diverged", shot.message, shot.step)
    run.change("lr", 0.1)
    run.play()
    until(lambda: run.snapshot.step > shot.step + 20)
    assert run.snapshot.status == "training" and run.snapshot.message == ""


def test_an_error_in_the_thread_becomes_a_sentence_and_the_last_good_snapshot_stays(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    run = make_run()
    run.epoch_once()
    good = until_status(run, "paused")

    def broken() -> bool:
        run._trainer.model.flat[...] = np.nan
        raise MemoryError("no room\nfor this")

    with monkeypatch.context() as patch:
        patch.setattr(run._trainer, "step", broken)
        carried_out(run.play())
        shot = until_status(run, "failed")
    assert shot.message == "Training stopped on an internal error (MemoryError: no room for this)."
    assert shot.step == good.step and np.isfinite(shot.weights["dense1.W"]).all()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    run._trainer.model.load(good.weights)
    run.step_once()
    assert until_status(run, "paused").step == good.step + 1
    assert len(threads_of(run)) == 1


def test_an_error_in_a_command_becomes_a_sentence_and_nobody_waits_for_ever(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    run = make_run()

    def broken(field: str, value: Any) -> None:
        raise OSError("no disk")

    monkeypatch.setattr(run._trainer, "change", broken)
    carried_out(run.change("lr", 0.2))
    assert run.snapshot.status == "failed" and run.snapshot.message.endswith("(OSError: no disk).")


def test_a_failed_run_gives_its_place_back(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    scheduler = Scheduler(1)
    one, other = make_run(scheduler=scheduler), make_run(scheduler=scheduler)

    def broken() -> bool:
        raise OSError

    monkeypatch.setattr(one._trainer, "step", broken)
    one.play()
    until_status(one, "failed")
    other.play()
    until(lambda: other.snapshot.step > 0)


# ---------------------------------------------------------------------------------------------- closing


@pytest.mark.parametrize("state", ["ready", "training", "paused", "slow"])
def test_no_thread_outlives_close_and_the_last_snapshot_stays(state: str, make_run: MakeRun):
    run = make_run()
    if state != "ready":
        run.set_speed("1" if state == "slow" else "full")
        run.play()
        until(lambda: run.snapshot.step > 0)
    if state == "paused":
        carried_out(run.pause())
    run.close()
    assert threads_of(run) == []
    shot = run.snapshot
    assert not shot.is_training and shot.samples_per_second == 0
    for command in (run.play, run.pause, run.step_once, run.epoch_once):
        carried_out(command())  # nothing happens, and nobody waits
    carried_out(run.change("lr", 0.2))
    run.close()
    assert threads_of(run) == [] and run.snapshot is shot


def test_closing_while_others_send_commands_leaves_no_thread_and_nobody_waiting(make_run: MakeRun):
    run = make_run()
    run.play()
    sent: list[threading.Event] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            sent.append(run.change("lr", 0.1 + 0.0001 * (len(sent) % 10)))
            time.sleep(0.0005)

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    until(lambda: len(sent) > 50)
    run.close()
    stop.set()
    for sender in senders:
        sender.join()
    assert threads_of(run) == []
    for done in sent:
        carried_out(done)


# ---------------------------------------------------------------------------------------------- places


def test_a_second_run_waits_with_its_number_until_the_first_pauses(make_run: MakeRun):
    scheduler = Scheduler(1)
    one, other, third = (make_run(scheduler=scheduler) for _ in range(3))
    for run in (one, other, third):
        run.play()
        until_status(run, "training", "waiting")
        until(lambda: run.snapshot.status == "waiting" or run.snapshot.step > 0)  # noqa: B023
    assert other.snapshot.message == "Number 1 in the queue: 1 run trains at once on this machine."
    assert third.snapshot.message.startswith("Number 2 in the queue")
    assert other.snapshot.is_training and other.snapshot.step == 0
    one.pause()
    until(lambda: other.snapshot.step > 0)
    until(lambda: third.snapshot.message.startswith("Number 1 "))
    assert other.snapshot.status == "training" and other.snapshot.message == ""


def test_a_waiting_run_can_be_paused_changed_and_closed(make_run: MakeRun):
    scheduler = Scheduler(1)
    one, other, third = (make_run(scheduler=scheduler) for _ in range(3))
    one.play()
    until(lambda: one.snapshot.step > 0)
    other.play()
    third.play()
    until(lambda: "Number 2" in third.snapshot.message)
    carried_out(other.change("lr", 0.2))
    assert other.snapshot.config.lr == 0.2
    carried_out(other.pause())
    assert (other.snapshot.status, other.snapshot.step) == ("paused", 0)
    until(lambda: "Number 1" in third.snapshot.message)
    other.play()
    until_status(other, "waiting")
    third.close()
    assert threads_of(third) == [] and third.snapshot.status == "paused"
    one.close()
    until(lambda: other.snapshot.step > 0)


def test_a_finished_a_stepped_and_a_diverged_run_give_their_scheduler_back(make_run: MakeRun):
    scheduler = Scheduler(1)
    for config, command in [(SHORT, "play"), (ENDLESS, "step_once"), (DIVERGING, "play")]:
        run = make_run(config, scheduler=scheduler)
        getattr(run, command)()
        until_status(run, "finished", "paused", "diverged")
    last = make_run(scheduler=scheduler)
    last.step_once()
    assert until_status(last, "paused").step == 1


# ---------------------------------------------------------------------------------------------- the lease


def test_a_run_says_that_it_was_asked_until_its_snapshot_shows_what_was_done(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    slow_disk, run = threading.Event(), make_run()
    asked = [run.is_asked]
    monkeypatch.setattr(run, "_keep", slow_disk.wait)
    done = run.play()
    asked.append(run.is_asked)
    assert asked == [False, True] and run.snapshot.status == "ready"
    slow_disk.set()
    assert done.wait(PATIENCE)
    until(lambda: not run.is_asked)
    until_status(run, "training")


@pytest.fixture
def quick_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "LEASE_CHECK_SECONDS", 0.01)


@pytest.mark.usefixtures("quick_lease")
def test_a_run_that_no_page_shows_pauses_itself_with_a_sentence(make_run: MakeRun):
    connected = {"a": True, "b": True}
    run = make_run(lease_seconds=0.3, is_connected=lambda session: connected[session])
    run.attach("a")
    run.attach("b")
    run.play()
    until(lambda: run.snapshot.seconds > 0.5)
    connected["a"] = False
    seconds = run.snapshot.seconds
    until(lambda: run.snapshot.seconds > seconds + 0.5)
    assert run.snapshot.status == "training"
    connected["b"] = False
    shot = until_status(run, "paused")
    assert shot.message == "Paused: no page was open for 0.3 seconds. Train goes on from here."
    connected["a"] = True
    run.play()
    until(lambda: run.snapshot.step > shot.step)
    assert run.snapshot.message == ""


@pytest.mark.usefixtures("quick_lease")
def test_a_waiting_run_that_no_page_shows_leaves_the_queue(make_run: MakeRun):
    scheduler = Scheduler(1)
    one = make_run(scheduler=scheduler)
    one.play()
    until(lambda: one.snapshot.step > 0)
    other = make_run(scheduler=scheduler, lease_seconds=0.2, is_connected=lambda session: False)
    other.attach("a")
    other.play()
    until_status(other, "waiting")
    assert "no page was open" in until_status(other, "paused").message
    assert other.snapshot.step == 0


@pytest.mark.usefixtures("quick_lease")
def test_without_a_lease_a_run_needs_no_page(make_run: MakeRun):
    run = make_run(lease_seconds=0, is_connected=lambda session: False)
    run.play()
    until(lambda: run.snapshot.seconds > 0.3)
    assert run.snapshot.status == "training"


# ---------------------------------------------------------------------------------------------- the registry


def test_a_registry_finds_its_runs_by_id_and_closes_them_all(registry: RunRegistry, tiny: Dataset):
    runs = [registry.create(ENDLESS.replace(seed=seed), tiny) for seed in range(3)]
    assert len({run.id for run in runs}) == 3 and registry.runs() == runs
    assert registry.get(runs[1].id) is runs[1] and registry.get("no such run") is None
    for run in runs:
        run.play()
    registry.close()
    assert registry.runs() == [] and not any(threads_of(run) for run in runs)


def test_a_full_registry_lets_the_oldest_idle_run_go(registry: RunRegistry, tiny: Dataset):
    training, idle, newer = (registry.create(ENDLESS, tiny) for _ in range(3))
    training.play()
    until(lambda: training.snapshot.step > 0)
    idle.change("lr", 0.2)
    newest = registry.create(ENDLESS, tiny)
    assert registry.runs() == [training, newer, newest]
    assert threads_of(idle) == [] and len(threads_of(training)) == 1


def test_settings_that_the_data_cannot_serve_are_refused_and_no_run_is_kept(registry: RunRegistry, tiny: Dataset):
    with pytest.raises(ConfigError, match="n_train"):
        registry.create(ENDLESS.replace(n_train=2000), tiny)
    assert registry.runs() == []


@pytest.mark.parametrize("settings", [{}, {"batch_size": 0}, {"hidden": ()}, {"epochs": 1}], ids=str)
def test_the_seconds_of_an_epoch_are_told_beforehand(settings: dict[str, Any], tiny: Dataset):
    config = RunConfig.from_dict({**ENDLESS.to_dict(), **settings})
    seconds = measure_epoch_seconds(config, tiny, budget=0.02)
    assert 0 < seconds < 5


def test_settings_that_diverge_at_once_still_get_an_estimate_or_none(tiny: Dataset):
    seconds = measure_epoch_seconds(DIVERGING.replace(n_train=200), tiny, budget=0.5)
    assert seconds > 0 or np.isnan(seconds)


def test_the_thread_of_an_idle_run_ends_and_the_next_command_finds_another(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("nn_core.runs.run.IDLE_SECONDS", 0.05)
    run = make_run()
    carried_out(run.step_once())
    until(lambda: not threads_of(run), "the thread of an idle run goes on")
    assert run.snapshot.step == 1 and run.snapshot.status == "paused"
    carried_out(run.step_once())
    until(lambda: run.snapshot.step == 2)


def test_idle_runs_of_many_weights_make_room_but_the_newest_stays(tiny: Dataset):
    registry = RunRegistry(max_runs=10, max_idle_params=30_000, lease_seconds=0)
    try:
        runs = [registry.create(ENDLESS.replace(hidden=(32,)), tiny) for _ in range(3)]  # 25,450 parameters each
        assert [registry.get(run.id) is not None for run in runs] == [False, True, True]
    finally:
        registry.close()


def test_a_snapshot_says_how_many_images_its_curves_were_scored_on(make_run: MakeRun):
    run = make_run(SHORT.replace(n_train=300))
    assert run.snapshot.n_scored == {"train": 300, "val": 200}
