"""Recording leaves training as it is, to the bit; its values are kept with the curves; what fails is switched off."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.config.choices import choices
from nn_core.data import Dataset
from nn_core.instruments import events, recording
from nn_core.instruments.look import Look
from nn_core.instruments.recording import Recording
from nn_core.instruments.registry import INSTRUMENTS, WHOLE, chosen, instrument, is_measured, last_values
from nn_core.runs import Run

SMALL: dict[str, Any] = {"hidden": (6, 5), "n_train": 300, "batch_size": 64, "epochs": 3, "lr": 0.01, "eval_every": 4}
NETWORKS: dict[str, dict[str, Any]] = {
    **{f"mlp, {name}": {"optimizer": name} for name in sorted(choices("optimizer"))},
    **{f"mlp, {name} normalization": {"normalization": name} for name in sorted(choices("normalization"))},
    "dropout, L1, L2": {"dropout": 0.3, "l1": 1e-4, "l2": 1e-3},
    "augmented, clipped, max-norm": {"shift": 2, "elastic": 4.0, "clip_norm": 0.1, "max_norm": 1.0},
    "squared error": {"loss": "mse", "lr": 1.0},
    "early stopping": {"early_stopping": 1, "lr": 1.0},
    "no hidden layer, full batch": {"hidden": (), "batch_size": 0},
    "diverging": {"hidden": (32, 32, 32), "lr": 10, "input_scaling": "standard"},
    "cnn": {"model": "cnn", "channels": (3, 4), "dropout": 0.2},
    "cnn, batch normalization, adam": {
        **{"model": "cnn", "channels": (3,), "dense_units": (5,), "normalization": "batch", "optimizer": "adam"},
        **{"rotation": 10.0},
    },
}


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """All instruments look at every update, and the rules of health at every scoring."""
    monkeypatch.setattr(Recording, "wants", lambda self, step, seconds: True)
    monkeypatch.setattr(recording, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(recording, "SECONDS_SHARE", math.inf)
    monkeypatch.setattr(events, "SHARE", math.inf)


def trained(config: RunConfig, data: Dataset, which: Any, steps: int = 12) -> Trainer:
    trainer = Trainer(config, data)
    watching = Recording(trainer, which)
    for _ in range(steps):
        trainer.step()
        watching.note()
    watching.finish()
    assert not watching.off
    return trainer


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("network", NETWORKS)
def test_the_weights_are_the_same_to_the_bit_with_all_instruments_at_every_step_and_without(
    network: str, tiny: Dataset
):
    config = RunConfig(**{**SMALL, **NETWORKS[network]})
    with_all, without = (trained(config, tiny, which) for which in ("all", "none"))
    one, other = with_all.checkpoint(), without.checkpoint()
    assert {name: values.tobytes() for name, values in one.arrays.items()} == {
        name: values.tobytes() for name, values in other.arrays.items()
    }
    assert (one.dropout_state, one.augment_state, one.stopped) == (
        other.dropout_state,
        other.augment_state,
        other.stopped,
    )
    measured = {name for name in one.history.series() if is_measured(name)}
    assert {name.split("/")[1] for name in measured} >= {"step_gauge", "update_ratio", "effective_rank"}
    assert not any(map(is_measured, other.history.series()))
    for name in other.history.series():
        np.testing.assert_array_equal(one.history[name].value, other.history[name].value)
    assert all(np.isfinite(series.value).all() for series in one.history.series().values())
    for name in measured:
        assert (np.diff(one.history[name].step) > 0).all()


def test_vital_instruments_are_measured_at_the_first_step_then_every_50_steps_and_the_rest_once_a_second(tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "hidden": (4,)}), tiny)
    Recording(trainer)
    for _ in range(1_500):
        trainer.step()
    gauge = trainer.history["instruments/step_gauge"]
    assert gauge.step[:4].tolist() == [1, 2, 4, 8] and np.diff(gauge.step).max() <= 64 * trainer.seconds + 200
    layers = trainer.history["instruments/update_ratio/dense1"]
    late = layers.seconds[layers.step > recording.EARLY_STEPS]
    assert (np.diff(late) >= 1.0).all() and len(late) <= trainer.seconds + 1
    assert "instruments/effective_rank/dense1" not in trainer.history.series()


@pytest.mark.parametrize("cost", [0.0001, 0.004, 0.2])
def test_the_time_that_looking_takes_stays_within_its_share(cost: float, tiny: Dataset, monkeypatch: Any):
    """On a clock of our own: an update takes 1 ms, a look `cost` seconds."""
    now = 0.0

    def measure(self: Recording, instruments: Any, look: Look) -> None:
        nonlocal now
        now += cost

    trainer = Trainer(RunConfig(**SMALL), tiny)
    watching = Recording(trainer)
    monkeypatch.setattr(recording, "time", SimpleNamespace(perf_counter=lambda: now, monotonic=lambda: now))
    monkeypatch.setattr(Recording, "_measure", measure)
    update: Any = SimpleNamespace()
    looks = []
    for trainer.step_count in range(1, 30_000):
        trainer.seconds = now = now + 0.001
        if watching.wants(trainer.step_count - 1, trainer.seconds):
            watching.saw(update)
            looks.append((trainer.step_count, now - trainer.seconds))
    late = [spent for step, spent in looks if step > recording.EARLY_STEPS]
    assert 3 <= len(late) <= 30_000 / recording.EVERY_STEPS
    assert sum(late) <= 1.2 * now * (recording.STEPS_SHARE + recording.SECONDS_SHARE)
    assert cost > 0.001 or len(late) == pytest.approx(30_000 / recording.EVERY_STEPS, rel=0.05)


def test_a_resumed_run_has_the_values_of_before_and_goes_on_with_them(tiny: Dataset):
    trainer = trained(RunConfig(**SMALL), tiny, "vital", steps=9)
    again = Trainer.resume(trainer.checkpoint(), tiny)
    before = {name: series.points.tolist() for name, series in trainer.history.series().items()}
    assert {name: series.points.tolist() for name, series in again.history.series().items()} == before
    watching = Recording(again)
    watching.rests()  # nothing new has happened
    assert {name: series.points.tolist() for name, series in again.history.series().items()} == before
    for each in (trainer, again):
        each.watcher = None
    Recording(again)
    for _ in range(8):
        trainer.step()
        again.step()
    assert np.array_equal(trainer.model.flat, again.model.flat)
    gauge = again.history["instruments/step_gauge"].step.tolist()
    assert gauge[:5] == [1, 2, 4, 8, *gauge[4:5]] and gauge[-1] > 9


# ---------------------------------------------------------------------------------------------- faults


Failing = Callable[[Callable[[Look], Mapping[str, float]]], str]


@pytest.fixture
def failing() -> Iterator[Failing]:
    """A function that registers another as the vital instrument "faulty"."""

    def add(measure: Callable[[Look], Mapping[str, float]]) -> str:
        instrument("faulty", label="", formula="", source="", reading="", check="", needs="update")(measure)
        return "faulty"

    yield add
    INSTRUMENTS.pop("faulty", None)


def _no_memory(look: Look) -> Mapping[str, float]:
    raise MemoryError


FAULTS: dict[str, tuple[Callable[[Look], Mapping[str, float]], str]] = {
    "no memory": (_no_memory, "there is not enough memory"),
    "not finite": (lambda look: {WHOLE: math.nan}, "a value that is not a finite number"),
    "too large": (lambda look: {"dense1": 1.0, "dense2": math.inf}, "a value that is not a finite number"),
    "any error": (lambda look: {WHOLE: 1 / 0}, "division by zero"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_instrument_that_fails_is_switched_off_with_a_sentence_that_survives_a_restart_and_training_goes_on(
    fault: str, failing: Failing, tiny: Dataset
):
    measure, said = FAULTS[fault]
    name = failing(measure)
    trainer = Trainer(RunConfig(**SMALL), tiny)
    watching = Recording(trainer)
    for _ in range(9):
        assert trainer.step()
    sentence = watching.off[name]
    assert said in sentence and "Switched off at step 1:" in sentence and sentence.endswith(".")
    assert not any(name in series for series in trainer.history.series())
    assert len(trainer.history["instruments/step_gauge"]) >= 4
    again = Recording(Trainer.resume(trainer.checkpoint(), tiny))
    assert again.off == {name: sentence} and name not in again._instruments
    plain = Trainer(RunConfig(**SMALL), tiny)
    for _ in range(9):
        plain.step()
    assert np.array_equal(plain.model.flat, trainer.model.flat)


def test_a_run_says_which_instrument_has_failed(failing: Failing, tiny: Dataset):
    failing(_no_memory)
    run = Run(RunConfig(**SMALL), tiny)
    try:
        assert run.step_once().wait(10)
        while run.snapshot.is_training:
            time.sleep(0.01)
        assert list(run.snapshot.switched_off) == ["faulty"]
        assert last_values(run.snapshot.series)["step_gauge"] > 0
    finally:
        run.close()


def test_a_run_that_halts_has_been_measured_at_the_step_where_it_stands(tiny: Dataset):
    run = Run(RunConfig(**{**SMALL, "epochs": 1}), tiny)
    try:
        run.play().wait(10)
        while run.snapshot.is_training:
            time.sleep(0.01)
        assert run.snapshot.series["instruments/dead_units/dense1"].step[-1] == run.snapshot.step == 5
    finally:
        run.close()


def test_without_memory_for_a_look_at_an_update_the_step_is_made_all_the_same(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    def no_room(*arguments: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("nn_core.training.trainer.Update", no_room)
    trainer = trained(RunConfig(**SMALL), tiny, "vital", steps=3)
    assert trainer.step_count == 3


@pytest.mark.parametrize("said", [7, ["step_gauge"], {"step_gauge": ["x"] * 1000}], ids=repr)
def test_a_file_that_says_nonsense_of_what_was_switched_off_does_no_harm(said: Any, tiny: Dataset):
    trainer = Trainer(RunConfig(**SMALL), tiny)
    trainer.instruments = {"recording": {"off": said}}
    watching = Recording(trainer)
    assert trainer.step() and all(len(sentence) <= 300 for sentence in watching.off.values())


# ---------------------------------------------------------------------------------------------- in the background


def test_what_takes_long_is_measured_on_a_copy_while_steps_go_on_and_stands_at_the_step_of_the_copy(tiny: Dataset):
    may_end, weights_seen = threading.Event(), []

    @instrument("patient", label="", formula="", source="", reading="", check="", cost="all", needs="copy")
    def patient(look: Look) -> Mapping[str, float]:
        may_end.wait(10)
        weights_seen.append(look.model.flat.copy())
        return {WHOLE: 1.0}

    try:
        trainer = Trainer(RunConfig(**SMALL), tiny)
        watching = Recording(trainer, "all")
        trainer.step()
        first = trainer.model.flat.copy()
        for _ in range(20):
            trainer.step()
        assert not weights_seen and trainer.step_count == 21
        may_end.set()
        watching.finish()
        found = trainer.history["instruments/patient"]
        assert found.step[0] == 1 and np.array_equal(weights_seen[0], first)
    finally:
        may_end.set()
        INSTRUMENTS.pop("patient")


def test_of_a_run_that_was_brought_in_from_a_file_the_distance_from_the_start_is_not_made_up(tiny: Dataset):
    begun = trained(RunConfig(**SMALL), tiny, "none", steps=3).checkpoint()
    foreign = dataclasses.replace(begun, history=type(begun.history)())
    trainer = Trainer.resume(foreign, tiny)
    watching = Recording(trainer)
    trainer.step()
    assert "are not known" in watching.off["distance"]


# ---------------------------------------------------------------------------------------------- declarations


def test_every_instrument_says_what_it_is_and_what_a_healthy_value_is_in_sentences():
    assert {"step_gauge", "update_ratio", "gradient_rms", "dead_units", "saturated_units"} <= set(INSTRUMENTS)
    for each in INSTRUMENTS.values():
        assert each.label and each.formula and each.source and len(each.check) > 5
        assert each.reading.endswith(".") and all(band.words.endswith(".") for band in each.bands)
        assert each.cost == "all" or each.needs != "copy"
    assert set(chosen("vital")) < set(chosen("all")) == set(INSTRUMENTS.values()) and chosen("none") == []


def test_a_name_that_would_not_make_a_series_is_refused():
    for name in ("two words", "a/b", "", "recording"):
        with pytest.raises(ValueError, match="an instrument needs a name"):
            instrument(name, label="", formula="", source="", reading="", check="", needs="update")


@pytest.mark.usefixtures("every_step")
def test_a_network_that_diverges_switches_no_instrument_off(tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "hidden": (16,), "activation": "sigmoid", "lr": 10, "l2": 1}), tiny)
    watching = Recording(trainer)
    while trainer.step():
        pass
    watching.finish()
    assert "diverged" in trainer.stopped and not watching.off
    assert all(np.isfinite(one.value).all() for name, one in trainer.history.series().items() if is_measured(name))
